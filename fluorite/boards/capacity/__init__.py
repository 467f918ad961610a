"""The capacity model: what a core takes of a board's device, predicted."""
