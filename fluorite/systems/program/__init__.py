"""System simulation: the shell's RTL with its memory, seen by Python or by the driver in a program."""
