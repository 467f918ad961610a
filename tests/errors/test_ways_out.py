"""Each refusal of the compiler is reached by a pipeline of tests/errors whose way out is followed, or is listed."""

import ast
import importlib
import traceback
from pathlib import Path

import fluorite
from fluorite.errors import CompileError
from tests.errors.refusals import Refusals, pipeline

ROOT = Path(fluorite.__file__).parent
FILES = [ROOT / "compile.py", *sorted((ROOT / "frontend").rglob("*.py")), *sorted((ROOT / "hwgen").rglob("*.py"))]
MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
# Of bad arguments and damaged bytes, not of a pipeline; and what one part of the compiler raises for another.
OTHERS = (
    "AssertionError", "AttributeError", "GraphError", "KeyError", "NotImplementedError", "TypeError", "UsageError",
    "ValueError",
)  # fmt: skip

# Refusals without a pipeline here, by file, function and number in it, each with the reason.
_EARLIER = "extract() refuses it first; tests/frontend/test_cut.py cuts without that"
_NO_WAY_THERE = "no pipeline is known that Halide takes and that gets there"
ELSEWHERE = {
    "frontend/cut_refusals.py:refuse_schedule:1": _EARLIER,
    "frontend/cut_refusals.py:refuse_tuple:1": _EARLIER,
    "frontend/tables/directives.py:_positive:1": "tests/errors/test_directives.py follows it",
    "frontend/tables/directives.py:refuse_directives:1": "tests/errors/test_directives.py follows it",
    "frontend/region/limits.py:check_limits:1": "tests/errors/test_limits.py",
    "frontend/region/placement.py:refuse_vector_loops:1": "tests/errors/test_placement.py",
    "hwgen/lowering/evaluate/expressions.py:data:1": _NO_WAY_THERE,
    "hwgen/lowering/evaluate/expressions.py:_variable:2": _NO_WAY_THERE,
    "hwgen/plan/fifo_depths.py:check_fifo_depths:1": "tests/hwgen/test_fifo.py follows it",
    "hwgen/lowering/survey/border_search.py:_check:1": "tests/test_borders.py follows both ways",
    "hwgen/plan/room.py:check_room:1": "tests/errors/test_limits.py",
}
# Reached here, with nothing to follow: name of the pipeline, and the reason.
_LIBRARY = "a function in C has to be there; tests/frontend/test_cut.py has extern stages in software"
NOTHING_TO_FOLLOW = dict.fromkeys(
    ("inlined_extern_stage", "accelerated_extern_stage", "output_that_is_an_extern_stage"), _LIBRARY
)


def refusals(path):
    """The ``raise`` statements of a file that refuse a pipeline, by name: first and last line."""
    found = {}

    def visit(node, function):
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) not in OTHERS:
            stem = f"{path.relative_to(ROOT)}:{function}"
            number = 1 + sum(name.rpartition(":")[0] == stem for name in found)
            found[f"{stem}:{number}"] = (path, node.lineno, node.end_lineno)
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(ast.parse(path.read_text()), "")
    return found


def reached(build):
    """Files and lines that a refusal of this pipeline went through, the ``raise`` included."""
    try:
        fluorite.compile(pipeline(build(0))[0])
    except CompileError as error:
        return {(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)}
    raise AssertionError("it is not refused")


def test_every_refusal_has_a_way_out_that_is_followed():
    tables = [getattr(importlib.import_module(f"tests.errors.{name}"), "refused", None) for name in MODULES]
    left = {name: where for path in FILES for name, where in refusals(path).items()}
    assert len(left) > 60  # what finds them works
    for table in filter(lambda table: isinstance(table, Refusals), tables):
        for name, (build, _, _) in table.cases.items():
            lines = reached(build)
            hit = {
                site
                for site, (path, first, last) in left.items()
                if any((path, line) in lines for line in range(first, last + 1))
            }
            assert hit or name in table.followed or name in NOTHING_TO_FOLLOW, name
            for site in hit if name in table.followed or name in NOTHING_TO_FOLLOW else ():
                del left[site]
    assert sorted(left) == sorted(ELSEWHERE)
