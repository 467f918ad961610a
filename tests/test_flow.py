"""Data flows one way: the order of the package's rooms, held against all its imports, those for types only included."""

import ast
from pathlib import Path

import pytest

import fluorite

PACKAGE = Path(fluorite.__file__).parent

# A room imports from rooms before it, and from itself. Rooms of one line do not import each other.
ROOMS = """
errors
host
frontend.tables
frontend.algorithm
frontend.annotations
frontend.region
frontend
hwgen.canonical
hwgen.periodic
hwgen.interface hwgen.formula
hwgen.quasiaffine
hwgen.streams
hwgen.family
hwgen.lowering
hwgen.passes
hwgen.plan
hwgen.rtl
hwgen
hwgen.shell
sim synth
run
boards
glue.registers
glue
report
design
compile systems
__init__
cli
"""
LEVELS = {room: level for level, line in enumerate(ROOMS.split("\n")) for room in line.split()}
# Rooms inside a room of the list, where what the outer room's own files are to them is not the list's order.
INNER = {
    "hwgen.lowering": ("evaluate", "survey"),
    "hwgen.shell": ("memory", "video"),
    "boards": ("ecp5", "vivado"),
    "systems": ("program", "machine"),
}


def modules():
    """Files by dotted name, without the package's own."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "files" not in path.parts:  # the testbench's, which are written as they are
            yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"), path


def imported(path):
    """What a file imports of the package, by dotted name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            if node.module == "fluorite":
                yield from (f"fluorite.{alias.name}" for alias in node.names)
            elif node.module.startswith("fluorite."):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("fluorite."))


def room(name):
    """The innermost room of the list that a module is in, or what a name in a module is in."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (found := ".".join(parts[:length])) in LEVELS:
            return found
    return "__init__"  # a name that the face gives


EDGES = sorted(
    {(room(name), room(other.removeprefix("fluorite.")), name) for name, path in modules() for other in imported(path)}
)


def test_every_file_is_in_a_room():
    assert {name for name, _ in modules() if room(name) == "__init__"} == {"__init__"}


def test_rooms_import_only_rooms_before_them():
    backwards = [edge for edge in EDGES if edge[0] != edge[1] and LEVELS[edge[0]] <= LEVELS[edge[1]]]
    wrong = [f"{name} ({own}) imports {other}" for own, other, name in backwards]
    assert not wrong


def test_halide_ends_where_hardware_begins():
    """`hwgen` never imports Halide, `frontend` never Amaranth."""
    for name, path in modules():
        names = {
            (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not (name.startswith("hwgen") and "halide" in names), name
        assert not (name.startswith("frontend") and "amaranth" in names), name


@pytest.mark.parametrize("outer", INNER)
def test_rooms_in_rooms_do_not_import_each_other_both_ways(outer):
    pairs = set()
    for name, path in modules():
        for other in imported(path):
            own, theirs = (
                next((n for n in INNER[outer] if dotted.startswith(f"{outer}.{n}.")), None)
                for dotted in (name, other.removeprefix("fluorite."))
            )
            if own and theirs and own != theirs:
                pairs.add((own, theirs))
    assert not {(a, b) for a, b in pairs if (b, a) in pairs}


def test_files_are_short():
    long = {name: n for name, path in modules() if (n := len(path.read_text().splitlines())) > 400}
    assert not long


def test_rooms_are_small():
    """A folder of very many files is asking for rooms."""
    folders = {}
    for name, path in modules():
        folders.setdefault(path.parent, []).append(name)
    assert not {str(folder): len(names) for folder, names in folders.items() if len(names) > 20}
