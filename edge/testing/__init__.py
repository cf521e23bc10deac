"""Stand-ins that pass the real ones' tests; for this project's tests and for yours."""
