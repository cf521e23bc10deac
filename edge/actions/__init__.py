"""What the device can be asked to do."""
