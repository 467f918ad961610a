"""The survey: what every stage reads, and what follows from it, before any hardware is made."""
