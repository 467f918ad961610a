"""What the command finds around it: streams that take no text or are closed, a home that cannot be written to."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
import tempfile
from pathlib import Path

__all__ = ["flush_output", "forget_output", "prepare_streams", "settle_cache"]


def prepare_streams() -> None:
    """Let any text be printed, in every locale, also where a stream is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (as long as the process lives)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush_output() -> None:
    """Write what was printed.

    Raises
    ------
    OSError
        Nobody takes it.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None


def forget_output() -> None:
    """Lead standard output nowhere: Python writes what is left of it at its exit, and would fail again."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def settle_cache() -> str | None:
    """See to it that tools can keep what they compile: ours, and WebAssembly's runtime, which fails where it cannot.

    Returns
    -------
    str or None
        A sentence, where the user's own cache directory cannot be written to and another one is used.
    """
    wanted = _cache_home()
    if wanted is not None and _writable(wanted):
        return None
    fallback = Path(tempfile.gettempdir()) / f"fluorite-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        fallback.mkdir(mode=0o700)
    status = fallback.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        fallback = Path(tempfile.mkdtemp(prefix="fluorite-"))  # somebody else's
    os.environ["XDG_CACHE_HOME"] = str(fallback)
    if wanted is None:
        os.environ["HOME"] = str(fallback)
        return f"there is no home directory; what is compiled is kept in {fallback}"
    return f"{wanted} cannot be written to; what is compiled is kept in {fallback}"


def _cache_home() -> Path | None:
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).absolute()
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # no HOME, and no entry of the user
        return None


def _writable(folder: Path) -> bool:
    """Whether files can be made in it, or it can be made."""
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
