"""Background work: requests, the state machine that keeps them, the scheduler that runs them when the device can afford it."""
