"""The kernel driver's sources, and building it for a kernel."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fluorite.errors import UsageError

__all__ = ["build_driver", "driver_sources"]

_DRIVER = Path(__file__).parent / "driver"
_INTERFACE = Path(__file__).parents[1] / "runtime" / "fluorite_kernel.h"
#: Prefix of the cross compiler, by the kernel's name of the architecture.
_COMPILERS = {"arm": "arm-linux-gnueabihf-", "arm64": "aarch64-linux-gnu-"}


def driver_sources() -> dict[str, str]:
    """All that ``make`` needs to build ``fluorite.ko``, by the files' names."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in [*sorted(_DRIVER.iterdir()), _INTERFACE]
        if path.is_file()
    }


def build_driver(kernel_headers: Path, arch: str, folder: Path, options: tuple[str, ...] = ()) -> Path:
    """Build the kernel driver.

    Parameters
    ----------
    kernel_headers : Path
        A built kernel, or a distribution's headers for one.
    arch : str
        ``"arm"`` or ``"arm64"``.
    folder : Path
        Where it is built; made if it is not there.
    options : tuple of str
        More for ``make``, such as ``W=1``.

    Returns
    -------
    Path
        ``fluorite.ko`` in the folder.

    Raises
    ------
    UsageError
        The architecture is not known, or the build fails: with what the tools said.
    """
    if arch not in _COMPILERS:
        raise UsageError(f"the kernel driver is built for {' or '.join(_COMPILERS)}, not {arch!r}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in driver_sources().items():
        (folder / name).write_text(text, encoding="utf-8")
    compiler = _COMPILERS[arch]
    # The compiler by name as well: a distribution's headers name a version of it.
    variables = [f"ARCH={arch}", f"CROSS_COMPILE={compiler}", f"CC={compiler}gcc", *options]
    command = ["make", "-C", str(kernel_headers), f"M={folder.absolute()}", *variables, "modules"]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False
        )
    except OSError as error:
        raise UsageError(f"make: {error.strerror}") from error
    module = folder / "fluorite.ko"
    if done.returncode or not module.is_file():
        raise UsageError(f"{kernel_headers}: the kernel driver cannot be built for it:\n{done.stdout}")
    return module
