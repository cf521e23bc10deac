"""The twin in an emulated machine: a model of the Raspberry Pi's firmware, the machine, and what is tried in it (docs/flash.md)."""
