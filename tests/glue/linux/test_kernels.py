"""The kernel driver against the headers of many kernels, the oldest that it is for first: `make test-kernels`."""

import platform
import re

import pytest

from fluorite.errors import SimulationError
from fluorite.glue.linux import driver_sources

from .kernel_sources import CROSS
from .kernel_trees import KERNELS, unpacked

#: Said where nothing is wrong: this compiler is another than the kernel's, a tree of source knows no functions.
_IDLE = re.compile(
    r"differs from the one used to build the kernel|undefined!$|suppressed \d+ unresolved symbol|"
    r"Module\.symvers.* missing"
)


@pytest.mark.system
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_builds_without_a_word(run, kernel, tmp_path):
    if kernel.arch == "x86_64" and platform.machine() != "x86_64":
        pytest.skip("Ubuntu's headers are those for x86_64: this machine is another")
    try:
        headers = unpacked(kernel, tmp_path / "kernel")
    except SimulationError as error:
        pytest.fail(str(error), pytrace=False)
    folder = tmp_path / "driver"
    folder.mkdir()
    for name, text in driver_sources().items():
        (folder / name).write_text(text)
    options = (f"ARCH={kernel.arch}", *CROSS[kernel.arch], "W=1", "KCFLAGS=-Werror")
    options += ("KBUILD_MODPOST_WARN=1",) if kernel.from_source else ()
    code, text = run("make", "-C", folder, f"KERNEL={headers}", *options)
    assert code == 0, text
    said = [line for line in text.splitlines() if re.search(r"\b(warning|error|WARNING|ERROR): ", line)]
    assert [line for line in said if not _IDLE.search(line)] == []
    code, text = run("modinfo", "-F", "vermagic", folder / "fluorite.ko")
    assert code == 0, text
    print(f"fluorite.ko for {text}")
    if kernel.version != "next":
        assert text.startswith(f"{kernel.version}."), text
