"""docs/linux.md says what is so."""

import importlib.util
import re
import sys
from pathlib import Path

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.linux import driver_sources, write_linux

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TEXT = (ROOT / "docs/linux.md").read_text()


def module(name):
    """A module of tests beside this one."""
    spec = importlib.util.spec_from_file_location(f"fluorite_tests_linux_{name}", HERE / f"{name}.py")
    loaded = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_overlay_is_what_is_written(tmp_path):
    loaded = load_pipeline(ROOT / "apps/sobel.py", {"tile": "64"})
    design = fluorite.compile(loaded.pipeline, name=loaded.name, board="pynq-z2")
    write_linux(design.hardware, design.board, tmp_path)
    (listing,) = re.findall(r"```dts\n(.*?)```", TEXT, re.DOTALL)
    name = identifier(design.accelerators[0].name)  # Halide may have numbered it
    assert listing.replace("edges_axi", f"{name}_axi") == (tmp_path / "linux/sobel.dtso").read_text()


def test_requests_are_all_there():
    header = driver_sources()["fluorite_kernel.h"]
    requests = set(re.findall(r"#define (FLUORITE_KERNEL_\w+) _IO", header))
    assert len(requests) == 6 and set(re.findall(r"FLUORITE_KERNEL_\w+", TEXT)) == requests | {
        "FLUORITE_KERNEL_ARENA_OFFSET"
    }
    lines = sum(text.count("\n") for name, text in driver_sources().items() if name.endswith((".c", ".h")))
    assert f"C of some {round(lines, -2)} lines" in TEXT


def test_numbers_of_seeded_errors():
    trees = module("test_device_tree")
    marks = trees.test_an_error_in_the_reserved_memory_is_found.pytestmark
    seeded = len(trees.MUTATIONS) + sum(len(mark.args[1]) for mark in marks)
    assert f"| {seeded} seeded errors, each found" in TEXT
    assert f"| {len(module('test_on_a_machine').MUTANTS)} seeded bugs in the driver |" in TEXT
