"""Programs that end with us: whatever makes us leave early ends them, and all that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["kill_group", "run_process"]


def run_process(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; ``stdout`` of the result is all that it printed.

    It has a process group of its own, which is killed on a timeout, an interrupt or any other exception: a ``make``
    would leave its compilers running.

    Raises
    ------
    OSError
        It cannot be started.
    subprocess.TimeoutExpired
        It did not end in time.
    """
    with subprocess.Popen(
        command, cwd=cwd, env=env, encoding="utf-8", errors="replace", process_group=0,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            printed, _ = process.communicate(timeout=timeout_seconds)
        except BaseException:
            kill_group(process)
            raise
    return subprocess.CompletedProcess(command, process.returncode, printed)


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process that has a group of its own, with that group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
