"""Rules: what is done when an event is of a certain kind."""
