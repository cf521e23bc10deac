"""What is kept: SQLite and picture files. The port is `edge.store.port`."""
