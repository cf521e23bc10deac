"""The device as a whole: its first boot, whether it is well, and how it is made new again."""
