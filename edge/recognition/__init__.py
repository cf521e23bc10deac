"""What a frame shows. The port is `edge.recognition.port`."""
