"""Where frames come from. The port is `edge.camera.port`; each other file is one driver."""
