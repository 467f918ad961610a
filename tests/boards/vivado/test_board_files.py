"""Which board files are taken: the exact ones, else the latest of a pattern; and what the board is connected to."""

from dataclasses import replace
from pathlib import Path

import pytest

from fluorite.boards import load_board
from fluorite.boards.vivado import write_vivado

STUB = Path(__file__).parent / "stub"
ZED = "xc7z020clg484-1 processing_system7 0x20000000"
SOM = "xck26-sfvc784-2LV-c zynq_ultra_ps_e 0x100000000"


def boards(entry, *names):
    """Board files that the model has, all for one part."""
    return " ".join(f"{name} {{{entry}}}" for name in names)


@pytest.fixture
def for_board(compiled, tmp_path):
    """The folder for any board, with a design compiled for one like it."""

    def make(name):
        board = load_board(name)
        alike = compiled("pynq-z2" if board.family == "zynq-7000" else "zcu104")
        write_vivado(alike.hardware, board, tmp_path / name)
        return tmp_path / name

    return make


TAKEN = [
    (["avnet.com:zedboard:part0:1.3", "avnet.com:zedboard:part0:1.4"], "avnet.com:zedboard:part0:1.4"),
    (["avnet.com:zedboard:part0:1.9", "avnet.com:zedboard:part0:1.10"], "avnet.com:zedboard:part0:1.10"),
    (["avnet-tria:zedboard:part0:1.5", "avnet-tria:zedboard:part0:1.4"], "avnet-tria:zedboard:part0:1.5"),
    (["em.avnet.com:zed:part0:1.4", "avnet-tria:zedboard:part0:1.4"], "avnet-tria:zedboard:part0:1.4"),
]


@pytest.mark.parametrize(("there", "taken"), TAKEN)
def test_exact_board_files_else_the_latest(for_board, vivado, there, taken):
    result = vivado(for_board("zedboard"), "project", STUB_BOARDS=boards(ZED, *there))
    assert result.code == 0, result.error
    assert result.design["project"]["board_part"] == taken
    exact = "avnet.com:zedboard:part0:1.4"
    told = f"board files {taken}" + (f", in place of {exact}" if taken != exact else "")
    assert f"fluorite: {told}\n" in result.output


def test_board_files_of_another_part(for_board, vivado):
    other = ZED.replace("clg484", "clg400") + "} xilinx.com:zc702:part0:1.4 {" + ZED
    result = vivado(for_board("zedboard"), STUB_BOARDS=boards(other, "avnet.com:zedboard:part0:1.4"))
    assert result.error == (
        "fluorite: the board files avnet.com:zedboard:part0:1.4 are for xc7z020clg400-1, and the design is for "
        "xc7z020clg484-1\n"
    )
    # Capitals are no difference: board files have had both.
    result = vivado(for_board("zedboard"), "project", STUB_BOARDS=boards(ZED, "avnet.com:zedboard:part0:1.4"))
    assert result.code == 0


def test_missing_board_files(for_board, vivado):
    result = vivado(for_board("zedboard"), STUB_BOARDS=boards(ZED, "xilinx.com:zc702:part0:1.4"))
    assert result.error == (
        "fluorite: Vivado has no board files for avnet.com:zedboard:part0:1.4, nor any of avnet.com:zedboard:part0:*, "
        "avnet-tria:zedboard:part0:*, em.avnet.com:zed:part0:*. To install them from its Store, type in its Tcl "
        "console:\n"
        "    xhub::refresh_catalog [xhub::get_xstores xilinx_board_store]\n"
        "    xhub::install [xhub::get_xitems *zedboard*]\n"
        "or unpack the vendor's and say where: make BOARD_FILES=folder\n"
    )


def test_board_files_of_ones_own(copy, vivado, tmp_path):
    folder = copy("pynq-z2")
    assert vivado(folder, "project", BOARD_FILES=str(tmp_path), STUB_STORE=str(tmp_path / "pynq-z2")).code == 0
    missing = vivado(folder, "project", BOARD_FILES=str(tmp_path / "none"))
    assert missing.error == f"set_param board.repoPaths: there is no folder {tmp_path}/none\n"


def test_board_without_board_files(compiled, tmp_path, vivado):
    board = load_board("pynq-z2")
    board = replace(board, part="xc7z010clg400-1", processor=replace(board.processor, preset=""))
    write_vivado(compiled("pynq-z2").hardware, board, tmp_path)
    result = vivado(tmp_path)
    assert result.code == 0, result.error
    assert "there are no board files" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(("module", "carrier"), [("1.4", "1.3"), ("1.2", "1.2"), ("2.0", "2.0"), ("2.1", "2.0")])
def test_carrier_is_connected(for_board, vivado, module, carrier):
    """Without it a boot image made of the .xsa has no console, network, USB or SD card."""
    result = vivado(for_board("kv260"), STUB_BOARDS=boards(SOM, f"xilinx.com:kv260_som:part0:{module}"))
    assert result.code == 0, result.error
    name = f"xilinx.com:kv260_carrier:som240_1_connector:{carrier}"
    assert result.design["project"]["board_connections"] == f"som240_1_connector {name}"
    assert f"fluorite: connected to {name}\n" in result.output


def test_carrier_that_vivado_lacks(for_board, vivado):
    folder = for_board("kv260")
    text = (folder / "design.tcl").read_text()
    (folder / "design.tcl").write_text(text.replace("som240_1_connector:1.3", "som240_1_connector:1.9"))
    assert vivado(folder).error == (
        "fluorite: xilinx.com:kv260_som:part0:1.4 is not connected to "
        "xilinx.com:kv260_carrier:som240_1_connector:1.9: are the carrier's board files installed?\n"
    )


SEEDED = [
    (
        "lappend folders [file normalize $::env(BOARD_FILES)]",
        "set folders [list $::env(BOARD_FILES)]",
        "set_param board.repoPaths: {stub} was there, and is lost",
    ),
    (
        "        set_property board_part $board [current_project]\n",
        "",
        "set_property board_connections: the project's board has no connectors",
    ),
    (
        "    create_project $design_name",
        "    create_project x x -part $part\n    add_board_repositories\n    create_project $design_name",
        "set_param board.repoPaths after create_project",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), SEEDED)
def test_refused(for_board, vivado, tmp_path, old, new, message):
    folder = for_board("kv260")
    (path,) = (p for p in folder.glob("*.tcl") if old in p.read_text())
    path.write_text(path.read_text().replace(old, new))
    assert vivado(folder, BOARD_FILES=str(tmp_path)).error == message.format(stub=STUB) + "\n"
