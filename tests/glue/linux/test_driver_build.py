"""The kernel driver against Debian's stock kernels: it builds without a warning, and says what the hardware says."""

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

from fluorite.boards import load_board
from fluorite.errors import UsageError
from fluorite.glue.linux import build_driver, driver_sources, write_linux
from fluorite.hwgen.shell.registers import ID_MAGIC, MAP_VERSION

_SPEC = importlib.util.spec_from_file_location("fluorite_tests_linux_headers", Path(__file__).parent / "headers.py")
stock = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(stock)

STRICT = ("W=1", "KCFLAGS=-Werror")
CROSS = ("ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-", "CC=aarch64-linux-gnu-gcc")


@pytest.fixture(scope="session")
def kernel_headers(tmp_path_factory):
    """Of a stock kernel, by architecture."""
    found = {}

    def unpacked(arch):
        if arch not in found:
            found[arch] = stock.headers(arch, tmp_path_factory.mktemp(arch))
        return found[arch]

    return unpacked


def describe(run, module):
    """What the module says of itself."""
    code, text = run("modinfo", module)
    assert code == 0, text
    return {(key, value.strip()) for key, value in (line.split(":", 1) for line in text.splitlines())}


OWN = {
    ("license", "GPL"), ("depends", ""), ("import_ns", "DMA_BUF"), ("alias", "of:N*T*Cfluorite,accelerator-1.0"),
    ("name", "fluorite"),
}  # fmt: skip


@pytest.mark.slow
def test_written_driver_builds_without_a_word(run, design, kernel_headers, tmp_path):
    """For Debian's 64-bit kernel, as the readme has it, and with sparse looking at every file."""
    board = load_board("zcu104")
    write_linux(design(board).hardware, board, tmp_path)
    folder = tmp_path / "linux/driver"
    sparse = shutil.which("sparse") or pytest.fail("sparse is not installed: run `make tools`")
    arguments = ("-C", folder, *CROSS, f"KERNEL={kernel_headers('arm64')}")
    code, text = run("make", *arguments, *STRICT, "C=2", f"CHECK={sparse}")
    assert code == 0, text
    said = [line for line in text.splitlines() if not re.match(r"\s*(\S+/)?make|  [A-Z]|Skipping BTF", line)]
    assert not said and text.count("  CHECK ") == 3, text
    assert describe(run, folder / "fluorite.ko") >= OWN
    assert run("make", *arguments, "clean")[0] == 0
    assert {path.name for path in folder.iterdir()} == {*driver_sources(), "fluorite,accelerator.yaml"}


@pytest.mark.system
def test_builds_for_32_bits(run, kernel_headers, tmp_path):
    made = build_driver(kernel_headers("arm"), "arm", tmp_path / "made", STRICT)
    assert made == tmp_path / "made/fluorite.ko"
    assert describe(run, made) >= OWN


def test_what_is_wrong_is_found(run, kernel_headers, tmp_path):
    """By the compiler and by sparse: so silence means something."""
    headers, sources = kernel_headers("arm64"), driver_sources()
    file = sources["file.c"]
    for old, new in (
        ("if (copy_from_user(&enable, from, sizeof(enable)))\n\t\treturn -EFAULT;", "enable = *(u32 *)from;"),
        ("u32 enable;", "u32 enable;\n\tu32 unused;"),
    ):
        assert old in file
        file = file.replace(old, new, 1)
    for name, text in sources.items():
        (tmp_path / name).write_text(file if name == "file.c" else text)
    _, text = run("make", "-C", headers, f"M={tmp_path}", *CROSS, "W=1", "C=2", "file.o")
    assert "removes address space '__user'" in text and "unused variable" in text, text


def test_registers_are_those_of_the_map(examples):
    text = driver_sources()["fluorite.h"]
    macros = {name: int(value, 0) for name, value in re.findall(r"#define FLUORITE_(\w+) (0x\w+|\d+)\b", text)}
    registers = examples["fixed"].map
    for name, value in macros.items():
        if name == "ID_VALUE":
            assert value == ID_MAGIC
        elif name == "VERSION_MAJOR":
            assert value == MAP_VERSION >> 16
        elif match := re.fullmatch(r"(\w+?)_(\w+)_(SHIFT|MASK)", name):
            register, field, kind = (part.lower() for part in match.groups())
            found = registers[register].field(field)
            assert value == (found.mask if kind == "mask" else found.low_bit), name
        else:
            assert value == registers[name.lower()].offset, name
    assert len(macros) == 14


@pytest.mark.parametrize("compiler", ["gcc", "arm-linux-gnueabihf-gcc", "aarch64-linux-gnu-gcc"])
def test_requests_are_laid_out_alike_everywhere(run, tmp_path, compiler):
    """32-bit programs talk to 64-bit kernels."""
    sizes = {"info": 16, "arena": 16, "import": 24, "sync": 32, "claim": 8, "release": 8}
    lines = [f'_Static_assert(sizeof(struct fluorite_kernel_{n}) == {size}, "{n}");' for n, size in sizes.items()]
    (tmp_path / "sizes.c").write_text('#include "fluorite_kernel.h"\n' + "\n".join(lines) + "\n")
    (tmp_path / "fluorite_kernel.h").write_text(driver_sources()["fluorite_kernel.h"])
    assert run(compiler, "-c", "-o", tmp_path / "sizes.o", "-Wpadded", "-Werror", tmp_path / "sizes.c") == (0, "")


def test_what_cannot_be_built(tmp_path):
    with pytest.raises(UsageError, match=r"^the kernel driver is built for arm or arm64, not 'x86'$"):
        build_driver(tmp_path, "x86", tmp_path / "made")
    with pytest.raises(UsageError, match=r"none: the kernel driver cannot be built for it:\n(.*\n)*.*No such file"):
        build_driver(tmp_path / "none", "arm", tmp_path / "made")
