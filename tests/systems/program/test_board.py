"""The simulated board: an ARM program's own loads, stores, poll and sysfs reach the simulator."""

import subprocess
from pathlib import Path

import pytest

from fluorite.errors import UsageError
from fluorite.systems.program.build import build_system
from fluorite.systems.program.run import run_program
from fluorite.systems.program.settings import Memory
from fluorite.systems.program.targets import find_target
from tests.systems.program.conftest import mutant

SOURCE = Path(__file__).with_name("copier_board.c")
MEMORY = Memory(bytes=1 << 20)


def compiled(target, folder, *flags, source=SOURCE):
    program = folder / "program"
    command = [*find_target(target).compiler, "-O2", "-Wall", *flags, "-o", str(program), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


@pytest.mark.parametrize("target,flags", [("arm32", ["-marm"]), ("arm32", ["-mthumb"]), ("arm64", [])], ids=str)
def test_a_program_for_a_board(copier, tmp_path, target, flags):
    program = compiled(target, tmp_path, *flags)
    done = run_program(program, [], {"copier": copier}, target=target, memory=MEMORY, board=True, timeout_seconds=60)
    done.check()
    assert done.output == "fine\n"
    assert done.reports["copier"]["interrupts"] == 3


@pytest.mark.parametrize("target", ["arm32", "arm64"])
def test_what_a_register_block_does_not_take(copier, tmp_path, target):
    source = tmp_path / "bytes.c"
    source.write_text(
        "#include <fcntl.h>\n#include <sys/mman.h>\n"
        'int main(void) { int file = open("/dev/uio0", O_RDWR);\n'
        "volatile char *r = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0); return r[0]; }\n"
    )
    program = compiled(target, tmp_path, source=source)
    done = run_program(program, [], {"copier": copier}, target=target, memory=MEMORY, board=True, timeout_seconds=60)
    assert done.code == 97
    assert "only 32-bit loads and stores are" in done.output


def test_violations_reach_the_program(tmp_path):
    model = build_system(mutant(("m_axi_source_arsize = 3'd3", "m_axi_source_arsize = 3'd2")), "copier_axi")
    program = compiled("arm64", tmp_path)
    done = run_program(program, [], {"copier": model}, target="arm64", memory=MEMORY, board=True, timeout_seconds=60)
    assert done.code != 0
    assert "a beat must have 8 bytes, not 4" in done.violations[0]


def test_no_board_for_this_machine(copier, tmp_path):
    with pytest.raises(UsageError, match=r"^a simulated board must be arm32 or arm64, not host$"):
        run_program(tmp_path, [], {"copier": copier}, board=True)
