"""Files that are there before they are read, and files and folders that appear whole or not at all.

What is written is written beside its place, on the same file system, and renamed into it at the end: a full disk or
an interruption leaves what was there before. What is no file of its own, such as ``/dev/stdout``, is written to as
it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fluorite.errors import UsageError

__all__ = ["check_file_target", "check_folder_target", "file_size", "folder_in_place", "write_file"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def file_size(path: str | Path) -> int:
    """Return how many bytes a file has that is to be read.

    Raises
    ------
    UsageError
        It is not there, or is a folder, a device or a pipe, which may never end.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # a path that no system call takes
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path}: is not a file")
    return status.st_size


def write_file(path: str | Path, data: bytes | memoryview | str) -> None:
    """Write a file, UTF-8 if it is text.

    Raises
    ------
    UsageError
        It cannot be written; what was there is still there.
    """
    path = Path(path)
    content = data.encode() if isinstance(data, str) else data
    try:
        place = path.resolve()  # a link stays a link
        mode = _mode(place)
        if mode is not None and not stat.S_ISREG(mode):
            with place.open("wb") as device:
                device.write(content)
            return
        _check_access(place)
        beside = place.parent / f".fluorite-{secrets.token_hex(8)}"
        try:
            with beside.open("xb") as file:
                file.write(content)
                file.flush()
                if mode is not None:
                    with contextlib.suppress(OSError):  # a file system without permissions
                        os.fchmod(file.fileno(), stat.S_IMODE(mode))
                os.fsync(file.fileno())
            os.replace(beside, place)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(_cannot(path, error)) from None


def check_file_target(path: str | Path) -> None:
    """Refuse a file that cannot be written, before what would be in it is computed.

    Raises
    ------
    UsageError
        Its folder is not there or cannot be written to, or it is a folder.
    """
    path = Path(path)
    try:
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}")
        place = path.resolve()
        mode = _mode(place)
        if mode is not None and stat.S_ISDIR(mode):
            raise UsageError(f"{path}: is a folder")
        if mode is None or stat.S_ISREG(mode):
            _check_access(place)
            _try(place.parent)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(_cannot(path, error)) from None


def check_folder_target(folder: str | Path) -> None:
    """Refuse a folder that cannot be made or written to, before what would be in it is computed.

    Raises
    ------
    UsageError
        It is a file, or the folder that it would be in cannot be written to.
    """
    folder = Path(folder)
    try:
        place = folder.resolve()
        while not os.path.lexists(place):
            place = place.parent
        if not place.is_dir():
            raise UsageError(f"{folder}: {place} is not a folder")
        _try(place)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(_cannot(folder, error)) from None


@contextlib.contextmanager
def folder_in_place(folder: str | Path) -> Iterator[Path]:
    """Yield an empty folder to write into, whose contents are in `folder` at the end.

    A new folder appears by one renaming. In one that is there, files are replaced one by one, after all are written;
    files of other names stay. If one cannot be replaced, those before it are put back.

    Raises
    ------
    UsageError
        The files cannot be put in place; what was there is still there.
    """
    folder = Path(folder)
    check_folder_target(folder)
    place = folder.resolve()
    there = place.is_dir()
    made = _make_parents(folder, place)
    try:
        with tempfile.TemporaryDirectory(prefix=".fluorite-", dir=place if there else place.parent) as aside:
            work, before = Path(aside) / "new", Path(aside) / "before"
            work.mkdir()
            before.mkdir()
            try:
                yield work
            except OSError as error:
                if error.errno in _FULL or str(error.filename).startswith(str(work)):
                    raise UsageError(_cannot(folder, error)) from None
                raise
            try:
                if not there:
                    os.rename(work, place)
                    made = []
                else:
                    _replace(work, before, place)
            except OSError as error:
                raise UsageError(_cannot(folder, error)) from None
    finally:
        for parent in reversed(made):  # of a folder that has not come to be
            with contextlib.suppress(OSError):
                parent.rmdir()


def _make_parents(folder: Path, place: Path) -> list[Path]:
    missing = [parent for parent in reversed(place.parents) if not parent.exists()]
    try:
        for parent in missing:
            parent.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(_cannot(folder, error)) from None
    return missing


def _replace(work: Path, before: Path, place: Path) -> None:
    """Move all files in `work` to `place`, and those they replace to `before`; or nothing."""
    done: list[tuple[Path, Path | None]] = []  # a file in its place, and the one that was there
    try:
        for source in sorted(path for path in work.rglob("*") if not path.is_dir()):
            target = place / source.relative_to(work)
            target.parent.mkdir(parents=True, exist_ok=True)
            kept: Path | None = None
            if os.path.lexists(target):
                if target.is_dir():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
                kept = before / str(len(done))
                _move(target, kept)
            done.append((target, kept))
            _move(source, target)
    except BaseException:
        for target, kept in reversed(done):
            with contextlib.suppress(OSError):
                if kept is None:
                    target.unlink(missing_ok=True)
                else:
                    _move(kept, target)
        raise


def _move(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(source, target, follow_symlinks=False)  # a link in the folder leads to another file system
        source.unlink()


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _check_access(path: Path) -> None:
    """What is marked as not to be written is not replaced either."""
    if os.path.lexists(path) and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _try(folder: Path) -> None:
    """Make a file there, as there are more reasons against it than the permissions tell."""
    with tempfile.TemporaryFile(dir=folder):
        pass


def _cannot(path: Path, error: Exception) -> str:
    return f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}"
