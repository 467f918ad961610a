"""Fixtures for whole pipelines: images filled at random, comparison of a design with Halide, texts kept in files."""

import difflib
import importlib
from pathlib import Path

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.hwgen.expand import check_after
from fluorite.hwgen.generate import generate
from fluorite.sim.run import Stalls

# `fluorite.compile` is a function, which hides its module of the same name.
COMPILE = importlib.import_module("fluorite.compile")

DEFAULT_STALLS = (Stalls(1),)
GOLDEN = Path(__file__).parent / "hwgen" / "golden"
UPDATE_GOLDEN = "--update-golden"


def pytest_addoption(parser):
    parser.addoption(UPDATE_GOLDEN, action="store_true", help="write the texts in tests/hwgen/golden anew")


def _dtype(type_):
    if type_.bits() == 1:
        return np.dtype(np.bool_)
    return np.dtype(f"{'u' if type_.is_uint() else ''}int{type_.bits()}")


def arrays(result):
    """What `realize` gave, as a list of arrays."""
    return [np.array(buffer) for buffer in (result if isinstance(result, (list, tuple)) else [result])]


@pytest.fixture(autouse=True, scope="session")
def checked_graphs():
    """Every graph that is compiled in these tests is checked after every pass."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(COMPILE, "generate", lambda region, family, watch: generate(region, family, check_after))
        yield


@pytest.fixture
def image():
    """Makes ImageParams over random pixels; ``mins`` is where each of their dimensions begins."""
    keep = []  # Halide holds no reference to the memory of numpy

    def make(type_=None, name="source", extents=(100, 90), mins=None, seed=0):
        type_ = hl.UInt(8) if type_ is None else type_
        random = np.random.default_rng(seed)
        dtype, shape = _dtype(type_), tuple(reversed(extents))
        if dtype == np.bool_:
            pixels = random.integers(0, 2, shape).astype(np.bool_)
        else:
            limits = np.iinfo(dtype)
            pixels = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        buffer = hl.Buffer(pixels)
        buffer.set_min(list(mins or [-16] * len(extents)))
        keep.append((pixels, buffer))
        param = hl.ImageParam(type_, len(extents), name)
        param.set(buffer)
        return param

    return make


@pytest.fixture
def exact():
    """Compiles a pipeline and compares it with Halide's own run of the same pipeline, uncut; returns the Design."""

    def check(output, sizes, stalls=DEFAULT_STALLS, design=None):
        expected = arrays(output.realize(list(sizes)))
        design = design or fluorite.compile(output)
        for stall in stalls:
            for ours, halides in zip(arrays(design.realize(list(sizes), stalls=stall)), expected, strict=True):
                np.testing.assert_array_equal(ours, halides)
        return design

    return check


@pytest.fixture
def golden(request):
    """Compares a text with the one kept under its name in ``tests/hwgen/golden``; ``--update-golden`` keeps it."""

    def check(name, text):
        path = GOLDEN / f"{name}.txt"
        if request.config.getoption(UPDATE_GOLDEN):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        kept = path.read_text() if path.exists() else ""
        if kept == text:
            return
        lines = kept.splitlines(keepends=True), text.splitlines(keepends=True)
        difference = "".join(difflib.unified_diff(*lines, f"kept/{name}.txt", f"now/{name}.txt"))
        pytest.fail(f"{difference}\nif this is meant, keep it with pytest {UPDATE_GOLDEN}", pytrace=False)

    return check
