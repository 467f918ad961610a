"""What can go wrong in a launch, as the register ``error`` says it."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ERROR_TEXTS", "ErrorCode"]


class ErrorCode(IntEnum):
    """What ``error.code`` says."""

    NONE = 0
    READ_SLVERR = 1
    READ_DECERR = 2
    WRITE_SLVERR = 3
    WRITE_DECERR = 4
    STREAM_SHORT = 5
    STREAM_LONG = 6
    BAD_CONFIGURATION = 7


ERROR_TEXTS = {
    ErrorCode.NONE: "no error",
    ErrorCode.READ_SLVERR: "memory answered a read with SLVERR",
    ErrorCode.READ_DECERR: "no memory at the address of a read (DECERR)",
    ErrorCode.WRITE_SLVERR: "memory answered a write with SLVERR",
    ErrorCode.WRITE_DECERR: "no memory at the address of a write (DECERR)",
    ErrorCode.STREAM_SHORT: "a row has too few bytes, or the stream too few rows, for the launch's settings",
    ErrorCode.STREAM_LONG: "a row has too many bytes, or the stream too many rows, for the launch's settings",
    ErrorCode.BAD_CONFIGURATION: "start refused: the queue was full, or a row length or count was 0",
}
