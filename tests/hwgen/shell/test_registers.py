"""The register map: one set of data, four printings that agree."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fluorite.errors import UsageError
from fluorite.glue.registers.c_header import c_header
from fluorite.glue.registers.markdown import markdown
from fluorite.glue.registers.python_class import class_name, python_class
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import ID_MAGIC, register_map

PROBE = """
import fluorite, halide as hl
from fluorite.hwgen.shell.registers import register_map
x, y = hl.vars("x y")
source, blur, out = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("blur"), hl.Func("out")
blur[x, y] = source[x, y] + source[x + 1, y] * {factor}
out[x, y] = blur[x, y]
blur.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
blur.accelerate([source], x, hl.Var.outermost())
print(register_map(fluorite.compile(out).accelerators[0].generated).design_hash)
"""


@pytest.mark.parametrize("kind", ["axi", "axis"])
def test_offsets_and_names_are_unique_and_ordered(blur, kind):
    found = register_map(blur, ShellConfig(kind=kind, address_bits=40))
    offsets = [register.offset for register in found.registers]
    assert offsets == sorted(set(offsets))
    assert all(offset % 4 == 0 for offset in offsets)
    assert max(offsets) < found.size_bytes
    assert len({register.name for register in found.registers}) == len(offsets)
    assert all(register.offset >= 0x100 for register in found.registers if register.launch)
    for register in found.registers:
        bits = [b for f in register.fields for b in range(f.low_bit, f.low_bit + f.width_bits)]
        assert len(bits) == len(set(bits)) and all(b < register.width_bits for b in bits)


def test_a_stream_is_described_in_bytes(blur):
    source, output = register_map(blur).streams
    extents = {"extent_x": 37, "extent_y": 23}
    assert source.layout.row_bytes.evaluate(extents) == 39
    assert [count.evaluate(extents) for count in source.layout.counts] == [25]
    assert output.layout.row_bytes.evaluate(extents) == 37
    assert [r.name for r in source.strides] == ["in_source_row_stride"]


def test_c_header_compiles_and_agrees(blur, tmp_path):
    found = register_map(blur)
    (tmp_path / "r.h").write_text(c_header(found))
    checks = "".join(
        f'_Static_assert(SHELL_BLUR_AXI_{r.name.upper()} == {r.offset}, "{r.name}");\n' for r in found.registers
    )
    (tmp_path / "r.c").write_text(
        f'#include "r.h"\n{checks}_Static_assert(SHELL_BLUR_AXI_ID_VALUE == {ID_MAGIC}u, "");\nint x;\n'
    )
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]
    subprocess.run(["gcc", *flags, tmp_path / "r.c"], check=True)


def test_python_class_reads_and_writes(blur):
    class Memory(dict):
        read = dict.__getitem__
        write = dict.__setitem__

    found = register_map(blur)
    space = {}
    exec(python_class(found), space)
    memory = Memory({r.offset: r.constant or 0 for r in found.registers})
    registers = space[class_name(found)](memory)
    registers.check()
    registers.write("in_source_row_stride", -640)
    assert memory[found["in_source_row_stride"].offset] == 2**32 - 640
    assert registers.read("in_source_row_stride") == -640
    assert registers.read("capabilities", "queue_depth") == 4
    registers.command("soft_reset")
    assert memory[found["control"].offset] == 2
    with pytest.raises(ValueError, match=r"^in_source_rows must be in 0\.\.127, not 128$"):
        registers.write("in_source_rows", 128)
    memory[found["id"].offset] = 0
    with pytest.raises(RuntimeError, match=r"^id must be 0x464c5254, not 0x00000000$"):
        registers.check()


def test_documentation_has_every_register(blur):
    found = register_map(blur)
    page = markdown(found)
    listed = re.findall(r"^\| `(0x\w+)` \| `(\w+)`", page, re.M)
    assert listed == [(f"{r.offset:#05x}", r.name) for r in found.registers]


def test_hash_follows_the_hardware_and_nothing_else(blur):
    def digest(factor):
        done = subprocess.run([sys.executable, "-c", PROBE.format(factor=factor)], capture_output=True, check=True)
        return int(done.stdout)

    assert digest(3) == digest(3)
    assert digest(3) != digest(5)
    assert register_map(blur).design_hash != register_map(blur, ShellConfig(data_bits=32)).design_hash


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"kind": "ahb"}, "kind of a shell must be 'axi' or 'axis', not 'ahb'"),
        ({"data_bits": 48}, "data_bits of a shell must be 32, 64 or 128, not 48"),
        ({"address_bits": 48}, r"address_bits of a shell must be in 32\.\.40, not 48"),
        ({"queue_depth": 3}, "queue_depth of a shell must be 2, 4 or 8, not 3"),
        ({"latency_cycles": 0}, r"latency_cycles of a shell must be in 1\.\.1024, not 0"),
    ],
)
def test_choices_are_checked(choice, message):
    with pytest.raises(UsageError, match=f"^{message}$"):
        ShellConfig(**choice)


def test_the_page_in_the_documentation_is_up_to_date():
    script = Path(__file__).parents[3] / "docs" / "registers.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
