"""The overlay, as dtc, fdtoverlay and dtschema see it on a base tree like Linux's, and against the placement."""

import dataclasses
import shutil
from pathlib import Path

import fdt
import pytest

from fluorite.boards import load_board
from fluorite.errors import UsageError
from fluorite.glue.linux.device_tree import DRIVERS, file_name, overlay
from fluorite.glue.linux.memory import arena
from fluorite.glue.linux.write import BINDINGS, write_linux

HERE = Path(__file__).parent
BASES = {"ps7": "zynq-7000", "psu": "zynqmp"}
#: What an interrupt or clock is counted from, as Linux's binding headers say.
FIRST_SPI, CLOCKS = 32, {"FCLK_CLK0": 15, "pl_clk0": 71, "pl_clk1": 72}


@pytest.fixture(scope="module")
def schemas(run, tmp_path_factory):
    """Bindings of this project and of the test's base trees beside those that dtschema ships."""
    folder = tmp_path_factory.mktemp("schemas")
    for source in (BINDINGS, HERE / "schemas"):
        shutil.copytree(source, folder / "bindings", dirs_exist_ok=True)
    assert run("dt-doc-validate", folder / "bindings") == (0, "")
    assert run("dt-mk-schema", "-j", "-o", folder / "schemas.json", folder / "bindings") == (0, "")
    return folder / "schemas.json"


def complaints(run, schemas, folder, kind, placement, memory, driver="uio", reserved=True):
    """Compiles and merges; what the first tool that minds has to say, or the comparison."""
    source = folder / ("reserved" if reserved else ".") / file_name("two", driver)
    base = HERE / f"{BASES[kind]}.dts"
    if reserved:
        shutil.copy(folder / "reserved" / "reserved-memory.dtsi", folder)
    else:  # an image's own tree, to which nothing can be added
        (folder / "reserved-memory.dtsi").write_text("")
    for arguments in (
        ("dtc", "-@", "-I", "dts", "-O", "dtb", "-o", folder / "two.dtbo", source),
        ("dtc", "-@", "-i", folder, "-I", "dts", "-O", "dtb", "-o", folder / "base.dtb", base),
        ("fdtoverlay", "-i", folder / "base.dtb", "-o", folder / "merged.dtb", folder / "two.dtbo"),
        ("dtc", "-I", "dtb", "-O", "dtb", "-o", folder / "again.dtb", folder / "merged.dtb"),
        ("dt-validate", "-s", schemas, folder / "merged.dtb"),
    ):
        code, text = run(*arguments)
        if code != 0 or text.strip():
            return arguments[0], text
    merged = (folder / "merged.dtb").read_bytes()
    return "comparison", "\n".join(differences(merged, placement, memory, driver, reserved))


def differences(merged, placement, memory, driver, reserved):
    """Where the merged tree is not what the placement says."""
    tree = fdt.parse_dtb(merged)
    labels = {p.name: p.value for p in tree.get_node("/__symbols__").props}
    board = placement.board
    cells = {"ps7": 1, "psu": 2}[board.processor.kind]

    def numbers(values):
        """Pairs of cells as numbers."""
        return [sum(v << 32 * (cells - 1 - i) for i, v in enumerate(values[n : n + cells]))
                for n in range(0, len(values), cells)]  # fmt: skip

    def handle(label):
        return tree.get_node(labels[label]).get_property("phandle").value

    controller = handle({"ps7": "intc", "psu": "gic"}[board.processor.kind])
    clock = [handle({"ps7": "clkc", "psu": "zynqmp_clk"}[board.processor.kind]), CLOCKS[board.processor.clock]]
    region_of = {"memory-region": [handle("fluorite_memory")]} if reserved else {}
    uio = driver == "uio"
    wanted = {"/": {}}
    for placed in placement.accelerators:
        wanted[f"{placed.registers.func}_axi@{placed.base_address:x}"] = {
            "compatible": ["fluorite,accelerator-1.0", *(["generic-uio"] if uio else [])],
            "reg": [placed.base_address, placed.bytes],
            "interrupts": [0, placed.interrupt - FIRST_SPI, 4],
            "interrupt-parent": [controller],
            "clocks": clock,
            "assigned-clocks": clock,
            "assigned-clock-rates": [board.clock_hz],
            **region_of,
            **({"dma-coherent": []} if placed.masters[0].port.coherent else {}),
        }
    if uio:
        wanted["udmabuf0"] = {
            "compatible": ["ikwzm,u-dma-buf"], "device-name": ["udmabuf0"], "size": [memory.size_bytes], **region_of,
            **({"dma-coherent": []} if all(p.coherent for p in placement.ports) else {}),
        }  # fmt: skip
    if uio and board.processor.kind == "psu":
        wanted["clocking0"] = {
            "compatible": ["xlnx,fclk"], "#clock-cells": [0], "clocks": clock, "assigned-clocks": clock,
            "assigned-clock-rates": [board.clock_hz], "clock-output-names": ["fabric_clk"],
        }  # fmt: skip
    if board.processor.kind == "psu":
        fifos = {"S_AXI_HPC0_FPD": 0, "S_AXI_HP0_FPD": 2, "S_AXI_HP1_FPD": 3, "S_AXI_HP2_FPD": 4, "S_AXI_HP3_FPD": 5}
        memory_ports = [value for p in placement.ports for value in (2 * fifos[p.name], 0, 2 * fifos[p.name] + 1, 0)]
        wanted["afi0"] = {"compatible": ["xlnx,afi-fpga"], "config-afi": [*memory_ports, 14, 0xA00]}
    region = tree.get_node(labels["fpga_full"])
    found = {"/": {}} | {
        node.name: {
            p.name: numbers(p.data) if p.name == "reg" else list(getattr(p, "data", []))
            for p in node.props if p.name != "phandle"
        }
        for node in region.nodes
    }  # fmt: skip
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found or name not in wanted:
            yield f"{name} is {'not' if name not in found else 'unexpectedly'} there"
            continue
        for key in sorted(wanted[name].keys() | found[name].keys()):
            if wanted[name].get(key) != found[name].get(key):
                yield f"{name}: {key} is {found[name].get(key)}, not {wanted[name].get(key)}"
    if region.get_property("firmware-name").value != "two.bin":
        yield "firmware-name is wrong"
    if not reserved:
        return
    pool = tree.get_node(labels["fluorite_memory"])
    for key, values in (
        ("size", [memory.size_bytes]), ("alignment", [4 << 20]),
        ("alloc-ranges", [memory.first, memory.end - memory.first]),
    ):  # fmt: skip
        if numbers(pool.get_property(key).data) != values:
            yield f"reserved memory: {key} is {numbers(pool.get_property(key).data)}, not {values}"


@pytest.fixture
def written(design, board, placement, tmp_path):
    """A design's folder, what it should say."""
    made = design(board)
    write_linux(made.hardware, board, tmp_path)
    placed = placement(board)
    memory = arena([p.registers for p in placed.accelerators], board)
    return tmp_path / "linux", placed, memory


@pytest.mark.parametrize("reserved", [False, True])
@pytest.mark.parametrize("driver", DRIVERS)
def test_every_tool_takes_it_and_it_says_what_the_placement_says(run, schemas, written, driver, reserved):
    folder, placed, memory = written
    kind = placed.board.processor.kind
    assert complaints(run, schemas, folder, kind, placed, memory, driver, reserved) == ("comparison", "")


def test_reserved_memory_that_is_not_there(run, schemas, written):
    """What an image without the label makes of an overlay that names it."""
    folder, placed, memory = written
    (folder / "reserved" / "reserved-memory.dtsi").write_text("")
    who, says = complaints(run, schemas, folder, placed.board.processor.kind, placed, memory)
    assert who == "fdtoverlay" and "FDT_ERR_NOTFOUND" in says


#: What is broken, what it becomes, who says so, and what it says.
MUTATIONS = {
    "interrupt without flags": ("<0 29 4>", "<0 29>", "dtc", "size is (8), expected multiple of 12"),
    "the next interrupt": ("<0 29 4>", "<0 30 4>", "comparison", "interrupts is [0, 30, 4], not [0, 29, 4]"),
    "the GIC's number": ("<0 29 4>", "<0 61 4>", "comparison", "interrupts is [0, 61, 4]"),
    "an edge": ("<0 29 4>", "<0 29 1>", "comparison", "interrupts is [0, 29, 1]"),
    "no interrupt": ("interrupts = <0 29 4>;", "", "dt-validate", "'interrupts' is a required property"),
    "no address in the name": ("sums_axi@43c00000", "sums_axi", "dtc", "unit_address_vs_reg"),
    "another address in the name": ("sums_axi@43c00000", "sums_axi@43c00010", "comparison", "is not there"),
    "two of one address": ("scaled_axi@43c10000", "scaled_axi@43c00000", "dtc", "unique_unit_address"),
    "registers too small": ("0x43c00000 0x10000", "0x43c00000 0x100", "comparison", "reg is [1136656384, 256]"),
    "registers elsewhere": ("0x43c00000 0x10000", "0x43c10000 0x10000", "comparison", "reg is ["),
    "an address without size": ("<0x43c00000 0x10000>", "<0x43c00000>", "dtc", "reg_format"),
    "no registers": ("reg = <0x43c00000 0x10000>;", "", "dtc", "unit name, but no reg"),
    "no clock": ("        clocks = <&clkc 15>;\n", "", "dt-validate", "'clocks' is a required property"),
    "a clock without number": ("        clocks = <&clkc 15>", "        clocks = <&clkc>", "dtc", "clocks"),
    "another clock": ("        clocks = <&clkc 15>", "        clocks = <&clkc 16>", "comparison", "clocks is ["),
    "another rate": ("<125000000>", "<100000000>", "comparison", "assigned-clock-rates is [100000000]"),
    "a property misspelt": ("interrupt-parent", "interrupt-parents", "dtc", "interrupts"),
    "no driver": ('"fluorite,accelerator-1.0", ', "", "dt-validate", "'fluorite,accelerator-1.0' was expected"),
    "not this driver": (
        '"fluorite,accelerator-1.0", "generic',
        '"fluorite,accelerator", "generic',
        "dt-validate",
        "was expected",
    ),
    "neither": ('"fluorite,accelerator-1.0", "generic-uio"', '"generic"', "comparison", "compatible is ['generic']"),
    "another region": ("&fpga_full", "&fpga_full0", "fdtoverlay", "FDT_ERR_NOTFOUND"),
    "memory that is not there": ("&fluorite_memory", "&fluorite_memori", "fdtoverlay", "FDT_ERR_NOTFOUND"),
    "a size in words": ("size = <0x4000000>", 'size = "64 MiB"', "dt-validate", "size"),
    "no end of a line": ("<0 29 4>;", "<0 29 4>", "dtc", "syntax error"),
}


@pytest.fixture
def broken(run, schemas, design, placement, tmp_path):
    """Replaces a text in a written file; who complains, and what is said."""

    def check(file, old, new):
        board = load_board("pynq-z2")
        made, placed = design(board), placement(board)
        write_linux(made.hardware, board, tmp_path)
        source = tmp_path / "linux" / file
        text = source.read_text()
        assert old in text
        source.write_text(text.replace(old, new, 1))
        memory = arena([p.registers for p in placed.accelerators], board)
        return complaints(run, schemas, tmp_path / "linux", "ps7", placed, memory)

    return check


@pytest.mark.parametrize("name", MUTATIONS)
def test_an_error_in_the_overlay_is_found(broken, name):
    old, new, who, says = MUTATIONS[name]
    found, message = broken("reserved/two-uio.dtso", old, new)
    assert (found, says in message) == (who, True), message


@pytest.mark.parametrize(
    ("old", "new", "who", "says"),
    [
        ("reusable;", "reusable; no-map;", "dt-validate", "fluorite-memory"),
        ("size = <0x4000000>;", "", "dt-validate", "fluorite-memory"),
        ("alignment = <0x400000>", "alignment = <0x1000>", "comparison", "alignment is [4096]"),
        ("alloc-ranges = <0x100000 0x1ff00000>", "alloc-ranges = <0x0 0x40000000>", "comparison", "alloc-ranges is [0"),
    ],
)
def test_an_error_in_the_reserved_memory_is_found(broken, old, new, who, says):
    found, message = broken("reserved/reserved-memory.dtsi", old, new)
    assert (found, says in message) == (who, True), message


def test_the_clock_must_have_a_number(placement):
    board = load_board("pynq-z2")
    placed = placement(board)
    nameless = dataclasses.replace(board, processor=dataclasses.replace(board.processor, clock="FCLK"))
    with pytest.raises(UsageError) as caught:
        overlay("two", dataclasses.replace(placed, board=nameless), None)
    assert str(caught.value) == (
        "pynq-z2: processor.clock must end in the clock's number, as FCLK_CLK0 does, not 'FCLK'"
    )
