"""An initial file system for Linux: a cpio archive of the kind "newc", the same bytes for the same files."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import PurePosixPath

__all__ = ["DEVICE_CONSOLE", "initramfs"]

#: The one device that must be there before anything else: Linux opens it for its first process.
DEVICE_CONSOLE = ("dev/console", 5, 1)
_FOLDERS = ("bin", "dev", "etc", "lib", "proc", "root", "sys", "tmp")


def initramfs(files: Mapping[str, bytes]) -> bytes:
    """Return the archive, owned by root, without times.

    Parameters
    ----------
    files : mapping of str to bytes
        Contents by path, without a leading slash. All are readable and executable for everyone.
    """
    folders = {*_FOLDERS}
    for path in files:
        folders.update(str(parent) for parent in PurePosixPath(path).parents if str(parent) != ".")
    entries = [_entry(folder, stat.S_IFDIR | 0o755) for folder in sorted(folders)]
    name, major, minor = DEVICE_CONSOLE
    entries.append(_entry(name, stat.S_IFCHR | 0o600, device=(major, minor)))
    entries += [_entry(path, stat.S_IFREG | 0o755, data) for path, data in sorted(files.items())]
    entries.append(_entry("TRAILER!!!", 0))
    return b"".join(entries)


def _entry(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    path = name.encode() + b"\0"
    # inode (of no meaning where there is one link), mode, owner, group, links, time, size, device, node, name, sum
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + path) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
