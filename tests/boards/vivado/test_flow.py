"""The scripts, run in the model of Vivado: what comes out is what the placement says."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import halide as hl
import pytest

import fluorite
from fluorite.boards import board_names, load_board, place
from fluorite.boards.hwh import write_hwh
from fluorite.boards.vivado import write_vivado
from fluorite.boards.vivado.processor import processor_block
from fluorite.errors import UsageError
from fluorite.hwgen.shell.registers import register_map

STUB = Path(__file__).parent / "stub" / "main.tcl"
ZYNQ = [name for name in board_names() if load_board(name).processor is not None]
HIGH_MEMORY = 0x8_0000_0000


def placement_of(design, board):
    return place([register_map(a.generated, design.shell) for a in design.accelerators], board)


@pytest.fixture(scope="module", params=ZYNQ)
def ran(request, compiled, vivado, tmp_path_factory):
    """The design on a board, and what the model made of it."""
    # Boards of a kind differ in data only: two are compiled for, the others get what fits the same shells.
    board = load_board(request.param)
    alike = compiled("pynq-z2" if board.family == "zynq-7000" else "zcu104")
    design = replace(alike, board=board)
    assert design.shell == board.shell
    folder = tmp_path_factory.mktemp(request.param) / "vivado"
    write_vivado(alike.hardware, board, folder)
    result = vivado(folder)
    assert result.code == 0, result.error
    return placement_of(design, board), result.design, folder


def test_registers_are_where_the_placement_says(ran):
    placement, design, _ = ran
    assert design["addresses"]["ps/Data"] == {
        f"{p.registers.name}/s_axi_control/reg0": [p.base_address, p.bytes] for p in placement.accelerators
    }
    control = placement.board.processor.control.name
    assert design["interfaces"][f"ps/{control}"] == "control/S00_AXI"
    for number, placed in enumerate(placement.accelerators):
        assert design["interfaces"][f"control/M{number:02}_AXI"] == f"{placed.registers.name}/s_axi_control"


def test_every_master_reaches_all_memory_and_nothing_else(ran):
    placement, design, _ = ran
    memory_bytes = placement.board.processor.memory_bytes
    masters = [(p.registers.name, m) for p in placement.accelerators for m in p.masters]
    assert len(masters) == 5
    for name, master in masters:
        space = f"{name}/{master.bus}"
        smartconnect, slave = design["interfaces"][space].split("/")
        assert slave.startswith("S")
        assert design["interfaces"][f"{smartconnect}/M00_AXI"] == f"ps/{master.port.name}"
        places = sorted(design["addresses"][space].values())
        if memory_bytes <= 0x8000_0000:
            assert places == [[0, memory_bytes]]
        else:
            assert places == [[0, 0x8000_0000], [HIGH_MEMORY, memory_bytes - 0x8000_0000]]
        assert all("DDR" in segment for segment in design["addresses"][space])
        assert not any("DDR" in segment for segment in design["excluded"].get(space, []))


def test_interrupts_are_in_order(ran):
    placement, design, _ = ran
    for placed in placement.accelerators:
        assert design["nets"][f"{placed.registers.name}/interrupt"] == [f"interrupts/In{placed.interrupt_line}"]
    assert design["nets"]["interrupts/dout"] == [f"ps/{placement.board.processor.interrupt_port}"]
    assert design["cells"]["interrupts"]["config"]["NUM_PORTS"] == str(len(placement.accelerators))


def test_one_clock_and_one_reset_for_all(ran):
    placement, design, _ = ran
    processor = placement.board.processor
    clocked = set(design["nets"][f"ps/{processor.clock}"])
    assert {p.registers.name + "/aclk" for p in placement.accelerators} <= clocked
    assert {"control/aclk", "reset/slowest_sync_clk"} <= clocked
    assert len([pin for pin in clocked if pin.startswith("ps/")]) == 1 + len(placement.ports)
    resets = set(design["nets"]["reset/peripheral_aresetn"])
    assert {p.registers.name + "/aresetn" for p in placement.accelerators} <= resets
    assert design["nets"][f"ps/{processor.reset}"] == ["reset/ext_reset_in"]
    settings = design["cells"]["ps"]["config"]
    (asked,) = (settings[k] for k in settings if k.endswith(("FPGA0_PERIPHERAL_FREQMHZ", "PL0_REF_CTRL__FREQMHZ")))
    assert float(asked) == pytest.approx(placement.board.clock_hz / 1e6, abs=1e-6)


def test_ports_are_as_wide_as_the_masters(ran):
    placement, design, _ = ran
    settings = design["cells"]["ps"]["config"]
    for port in placement.ports:
        for key, value in port.settings.items():
            assert settings[key] == value
    assert {p.data_bits for p in placement.ports} == {placement.accelerators[0].registers.config.data_bits}


def test_everything_is_built_and_handed_out(ran):
    placement, design, folder = ran
    assert design["project"]["part"] == placement.board.part
    assert design["project"]["board_part"] == placement.board.processor.preset
    assert design["project"]["top"] == "system_wrapper"
    assert design["steps"][-1] == "write_hw_platform"
    names = sorted(path.name for path in (folder / "output").iterdir())
    assert names == ["vivado_two.bit", "vivado_two.bit.bin", "vivado_two.hwh", "vivado_two.xsa"]
    reports = [f"{name}.rpt" for name in ("drc", "methodology", "power", "timing", "utilization")]
    assert sorted(path.name for path in (folder / "reports").iterdir()) == reports


def test_metadata_is_of_this_block_design(ran):
    """The .hwh that is written without Vivado names the cells, addresses and nets that the scripts make."""
    placement, design, _ = ran
    hardware = ElementTree.fromstring(write_hwh(placement, "vivado_two"))
    modules = {module.get("INSTANCE"): module for module in hardware.iter("MODULE")}
    assert {f"/{name}" for name in modules} == {module.get("FULLNAME") for module in modules.values()}
    for name, module in modules.items():
        assert design["cells"][name]["core"] == module.get("VLNV")
        settings = design["cells"][name]["config"]
        told = {p.get("NAME"): p.get("VALUE") for p in module.find("PARAMETERS")}
        for key in settings.keys() & told.keys():
            assert settings[key] == told[key]
        for memory in module.iter("MEMRANGE"):
            space = "ps/Data" if name == "ps" else f"{name}/{memory.get('MASTERBUSINTERFACE')}"
            first, last = (int(memory.get(key), 16) for key in ("BASEVALUE", "HIGHVALUE"))
            cell, block = memory.get("INSTANCE"), memory.get("ADDRESSBLOCK")
            (place,) = (
                place
                for segment, place in design["addresses"][space].items()
                if segment.startswith(f"{cell}/") and segment.endswith(f"/{block}")
            )
            assert place == [first, last + 1 - first]
    # Resets come through a cell that the metadata leaves out.
    wires = {pin: driver for driver, pins in design["nets"].items() for pin in pins}
    for name, module in modules.items():
        for port in module.iter("PORT"):
            if port.get("DIR") == "I" and port.get("SIGIS") != "rst":
                (end,) = port.iter("CONNECTION")
                assert wires[f"{name}/{port.get('NAME')}"] == f"{end.get('INSTANCE')}/{end.get('PORT')}"


def test_project_only(copy, vivado):
    result = vivado(copy("pynq-z2"), "project")
    assert result.code == 0, result.error
    assert result.design["steps"][-1] == "set_top"
    assert "synth_1" not in result.design["steps"]


def test_inline_concatenation(copy, vivado):
    folder = copy("pynq-z2")
    result = vivado(folder, STUB_INLINE="1")
    assert result.code == 0, result.error
    assert result.design["cells"]["interrupts"]["core"] == "xilinx.com:inline_hdl:ilconcat:1.0"
    # PYNQ follows xlconcat only: it is taken as long as it is there, shown in the catalogue or not.
    result = vivado(folder, STUB_INLINE="hidden")
    assert result.design["cells"]["interrupts"]["core"] == "xilinx.com:ip:xlconcat:2.1"


def test_one_interrupt_goes_straight_to_the_processor(tmp_path, vivado):
    x, y = hl.vars("x y")
    source, out = hl.ImageParam(hl.UInt(8), 2, "one_source"), hl.Func("vivado_one")
    out[x, y] = source[x, y] ^ 1
    out.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, hl.Var.outermost())
    design = fluorite.compile(out, board=load_board("pynq-z2"), name="vivado_one")
    write_vivado(design.hardware, load_board("pynq-z2"), tmp_path)
    result = vivado(tmp_path)
    assert result.code == 0, result.error
    assert result.design["nets"]["vivado_one_axi/interrupt"] == ["ps/IRQ_F2P"]
    assert "interrupts" not in result.design["cells"]
    hardware = ElementTree.fromstring(write_hwh(placement_of(design, design.board), "vivado_one"))
    assert {module.get("INSTANCE") for module in hardware.iter("MODULE")} == {"ps", "vivado_one_axi"}
    (port,) = (p for p in hardware.iter("PORT") if p.get("NAME") == "IRQ_F2P")
    (end,) = port.iter("CONNECTION")
    assert (end.get("INSTANCE"), end.get("PORT")) == ("vivado_one_axi", "interrupt")
    (port,) = (p for p in hardware.iter("PORT") if p.get("NAME") == "interrupt")
    (end,) = port.iter("CONNECTION")
    assert (end.get("INSTANCE"), end.get("PORT")) == ("ps", "IRQ_F2P")


def test_failed_run(copy, vivado):
    result = vivado(copy("pynq-z2"), STUB_FAIL="synth_1")
    assert (result.code, result.error.strip()) == (1, "fluorite: synth_1 did not end: synth_1 ERROR")


def test_old_vivado(copy, vivado):
    result = vivado(copy("pynq-z2"), STUB_RELEASE="2021.1")
    assert (result.code, result.error.strip()) == (
        1,
        "fluorite: Vivado 2021.1 is too old: 2022.2 or later is needed",
    )
    assert vivado(copy("zcu104"), STUB_RELEASE="2024.1.2").code == 0


def test_makefile(copy, tmp_path):
    """`make` runs Vivado in batch mode, builds again only what has changed, and says what is missing."""
    folder = copy("zcu104")
    log = tmp_path / "log"
    fake = tmp_path / "fake"
    fake.write_text(
        f"""#!/bin/sh
echo "$@" >> {log}
[ "$1 $2 $3" = "-mode batch -source" ] || exit 9
script=$4; shift 4
[ "$1" != -tclargs ] || shift
exec tclsh {STUB} {tmp_path}/dump.json $script "$@"
"""
    )
    fake.chmod(0o755)

    def make(*arguments):
        return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False)

    missing = make("VIVADO=no-vivado-here")
    assert missing.returncode == 2
    assert "no-vivado-here is not to be found: source Vivado's settings64.sh, or make VIVADO=path" in missing.stderr
    for arguments in ((), (), ("project",)):
        done = make(f"VIVADO={fake}", *arguments)
        assert done.returncode == 0, done.stderr
    assert log.read_text() == "-mode batch -source build.tcl\n-mode batch -source build.tcl -tclargs project\n"
    (component, _) = sorted(folder.glob("ip/*/component.xml"))
    later = component.stat().st_mtime + 1000
    os.utime(component, (later, later))
    make(f"VIVADO={fake}")
    assert log.read_text().count("\n") == 3
    assert (folder / "output" / "vivado_two.bit").exists()
    done = make(f"VIVADO={fake}", "build")
    assert done.returncode == 0, done.stderr
    assert log.read_text().endswith("-mode batch -source build.tcl -tclargs build\n")
    make("clean")
    assert not (folder / "output").exists()


def test_two_writes_are_the_same(compiled, written, tmp_path):
    board = load_board("pynq-z2")
    files = write_vivado(compiled("pynq-z2").hardware, board, tmp_path)
    for path in files:
        assert path.read_bytes() == (written("pynq-z2") / path.relative_to(tmp_path)).read_bytes()
        assert str(tmp_path) not in path.read_text()
    assert all(len(line) <= 120 for line in (tmp_path / "README.md").read_text().splitlines() if line[:1] != "|")


REFUSED = [
    ({"clock": "FCLK_CLK1"}, "processor.clock must be one of FCLK_CLK0, not 'FCLK_CLK1'"),
    ({"reset": "rst"}, "processor.reset must be one of FCLK_RESET0_N, not 'rst'"),
    ({"interrupt_port": "IRQ"}, "processor.interrupt_port must be one of IRQ_F2P, not 'IRQ'"),
    (
        {"settings": {"PCW_EN_CLK0_PORT": "0"}},
        "processor.settings.PCW_EN_CLK0_PORT must be '1', not '0'",
    ),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_boards_that_are_refused(compiled, tmp_path, change, message):
    board = load_board("pynq-z2")
    board = replace(board, processor=replace(board.processor, **change))
    with pytest.raises(UsageError) as caught:
        write_vivado(compiled("pynq-z2").hardware, board, tmp_path / "new")
    assert str(caught.value) == f"pynq-z2: {message}"
    assert not (tmp_path / "new").exists()


def test_unknown_ports_are_refused(compiled, tmp_path):
    board = load_board("zcu104")
    processor = board.processor
    port = replace(processor.memory[0], name="S_AXI_HP9_FPD")
    hardware = compiled("zcu104").hardware
    known = "S_AXI_HPC0_FPD, S_AXI_HPC1_FPD, S_AXI_HP0_FPD, S_AXI_HP1_FPD, S_AXI_HP2_FPD, S_AXI_HP3_FPD"
    with pytest.raises(UsageError) as caught:
        write_vivado(hardware, replace(board, processor=replace(processor, memory=(port,))), tmp_path / "new")
    assert str(caught.value) == f"zcu104: processor.memory.name must be one of {known}, not 'S_AXI_HP9_FPD'"
    narrow = replace(processor.memory[0], settings={"PSU__SAXIGP2__DATA_WIDTH": "64"})
    with pytest.raises(UsageError) as caught:
        write_vivado(
            hardware,
            replace(board, processor=replace(processor, memory=(narrow,))),
            tmp_path / "new",
        )
    assert str(caught.value) == ("zcu104: S_AXI_HP0_FPD: settings.PSU__SAXIGP2__DATA_WIDTH must be '128', not '64'")


def test_too_many_masters_on_a_port_are_refused(compiled):
    board = load_board("pynq-z2")
    board = replace(board, processor=replace(board.processor, memory=board.processor.memory[:1]))
    maps = [core.registers for core in compiled("pynq-z2").hardware.cores]
    assert len(processor_block(place(maps * 3, board)).ports) == 1
    with pytest.raises(UsageError) as caught:
        processor_block(place(maps * 4, board))
    assert str(caught.value) == "pynq-z2: S_AXI_HP0 has 20 masters, and a SmartConnect takes 16"


def test_streams_are_refused(compiled, tmp_path):
    design = compiled("pynq-z2")
    design = replace(design, shell=replace(design.shell, kind="axis"))
    with pytest.raises(UsageError) as caught:
        write_vivado(design.hardware, load_board("pynq-z2"), tmp_path / "new")
    assert str(caught.value) == "vivado_two: the Vivado flow connects memory masters: compile it with shell axi"
    assert not (tmp_path / "new").exists()
