"""The device's own state: power, network, storage, heat, clock; one file a source."""
