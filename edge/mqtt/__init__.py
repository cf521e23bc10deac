"""Out to the broker."""
