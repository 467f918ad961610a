"""Files that are made once and kept: compiled cores, the Verilated runtime, shims.

An entry is one file named by the hash of everything it was made from. It appears whole or not at all: it is made in a
temporary directory, sealed with the hash of its own bytes, and renamed into place. Processes that want the same entry
at the same time wait for the one that makes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from fluorite.errors import SimulationError

__all__ = ["cache_directory", "cached"]

_SEAL = b"fluorite-sealed:"
_SEAL_BYTES = len(_SEAL) + hashlib.sha256().digest_size
_LIMIT_BYTES = 2 << 30


def cache_directory() -> Path:
    """Where compiled simulators are kept.

    Returns
    -------
    Path
        ``$FLUORITE_CACHE``, else ``$XDG_CACHE_HOME/fluorite``, else ``~/.cache/fluorite``; not necessarily there yet.
    """
    if chosen := os.environ.get("FLUORITE_CACHE"):
        return Path(chosen).absolute()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).absolute() / "fluorite"
    return Path.home() / ".cache" / "fluorite"


def cached(kind: str, parts: tuple[str, ...], suffix: str, make: Callable[[Path], Path]) -> Path:
    """Return the cached file made from `parts`, making it where it is missing or damaged.

    Safe among threads and processes. `make` must not call `cached` for its own kind.

    Parameters
    ----------
    kind : str
        Subdirectory of the cache, for people who look into it.
    parts : tuple of str
        Everything the file depends on.
    suffix : str
        Ending of the file's name.
    make : callable
        Gets an empty temporary directory, returns the path in it of the file it made.

    Raises
    ------
    SimulationError
        The cache directory cannot be written to.
    """
    digest = hashlib.sha256()
    for part in (kind, *parts):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    name = digest.hexdigest()[:40]
    directory = cache_directory() / kind
    path = directory / (name + suffix)
    if _intact(path):
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _lock(directory / f".lock-{name[:2]}"):
            if not _intact(path):
                with tempfile.TemporaryDirectory(prefix=".making-", dir=directory) as temporary:
                    made = make(Path(temporary))
                    digest = hashlib.sha256(made.read_bytes())
                    with made.open("ab") as file:  # ELF readers do not mind what follows the end
                        file.write(_SEAL + digest.digest())
                    os.replace(made, path)
                _prune(directory, keep=path)
    except OSError as error:
        raise SimulationError(
            f"cache directory must be writable: {error}; set FLUORITE_CACHE to a directory that is"
        ) from error
    return path


def _intact(path: Path) -> bool:
    """Whether the entry is there and ends in the seal over its own bytes; marks it as used."""
    try:
        data = path.read_bytes()
        if data[-_SEAL_BYTES:] != _SEAL + hashlib.sha256(data[:-_SEAL_BYTES]).digest():
            return False
        with contextlib.suppress(OSError):
            os.utime(path)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold an advisory lock, also against other threads; ends with the process at the latest."""
    with path.open("a", encoding="utf-8") as file:
        with contextlib.suppress(OSError):  # a file system without locks: the work is done twice, that is all
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _prune(directory: Path, keep: Path) -> None:
    """Drop the entries unused for longest while all together are larger than the limit."""
    entries: list[tuple[float, int, Path]] = []
    for entry in directory.iterdir():
        with contextlib.suppress(OSError):
            if entry.is_file() and not entry.name.startswith("."):
                status = entry.stat()
                entries.append((status.st_mtime, status.st_size, entry))
    total = sum(size for _, size, _ in entries)
    for _, size, entry in sorted(entries):
        if total <= _LIMIT_BYTES:
            break
        if entry != keep:
            entry.unlink(missing_ok=True)
            total -= size
