"""The one family of errors that bad or unsupported input ends in."""

__all__ = [
    "CapacityError", "CompileError", "FluoriteError", "ScheduleError", "SimulationError", "UnsupportedError",
    "UsageError",
]  # fmt: skip


class FluoriteError(Exception):
    """Base of every error fluorite raises on purpose."""


class CompileError(FluoriteError):
    """A pipeline that cannot become hardware as it is written.

    Parameters
    ----------
    func : str
        Name of the Func at fault.
    construct : str
        What in it is at fault, in the words of the user's source.
    rule : str
        The rule it breaks.
    way_out : str
        What to change.
    """

    def __init__(self, func: str, construct: str, rule: str, way_out: str) -> None:
        self.func = func
        self.construct = construct
        self.rule = rule
        self.way_out = way_out
        super().__init__(f"{func}: {construct}: {rule}; {way_out}")


class UnsupportedError(CompileError):
    """The algorithm uses a construct that fluorite does not turn into hardware."""


class ScheduleError(CompileError):
    """The schedule or the annotations ask for something impossible."""


class CapacityError(CompileError):
    """A design that does not fit its board."""


class SimulationError(FluoriteError):
    """The simulated hardware could not be built or did not behave."""


class UsageError(FluoriteError):
    """A bad argument, file, size or board name."""
