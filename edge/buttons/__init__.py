"""Buttons and light: how the device is used without a screen."""
