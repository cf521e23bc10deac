"""Edge appliance: a camera, recognition on the device, events that are kept, MQTT."""

__version__ = "0.1.0"
