"""The plan: when each value is computed, where it is held, how long a launch is."""
