"""The flashable card: its layout, what lies over the distribution's files, and how it is built and tried in emulation (docs/flash.md)."""
