"""The local page and the HTTP interface."""
