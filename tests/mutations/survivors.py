"""Mutants that no run can tell from the core, each with the reason."""

import re

__all__ = ["reason"]

IDLE = "an idle core has no word due, and its counters are loaded all the time"

# Designs, what the mutant reads like, why it is the same core.
EQUIVALENT = [
    ("*", r"core: assign advance = running & (\w+)  ->  \1", IDLE),
]


def reason(design, mutant):
    """Why a mutant of a design survives; None where that is not known."""
    for designs, pattern, why in EQUIVALENT:
        if (designs == "*" or design in designs.split()) and re.fullmatch(pattern, str(mutant)):
            return why
    return None
