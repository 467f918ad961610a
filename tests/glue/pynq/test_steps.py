"""PYNQ classes of accelerators whose launches begin at multiples of a number: `thirds` of the driver's tests."""

import importlib
import re
from types import SimpleNamespace

import numpy as np
import pytest

from fluorite.boards.placement import place
from fluorite.boards.read import load_board
from fluorite.glue.pynq.accelerator import AcceleratorClass
from fluorite.glue.pynq.write import module_source

BYTES = 1 << 20


def opened(name, tmp_path_factory):
    names = ("designs", "fake_device", "pynq.fake_pynq")
    designs, fake, pynq = (importlib.import_module(f"tests.glue.{module}") for module in names)
    folder, example, board = tmp_path_factory.mktemp(name), designs.example(name), load_board("pynq-z2")
    arena = folder / "arena"
    arena.write_bytes(bytes(BYTES))
    device = fake.FakeDevice(example.map, example.words, folder / name, arena, BYTES)
    device.eager = True
    (placed,) = place([example.map], board).accelerators
    (folder / f"{name}.py").write_text(module_source(name, name, board, [AcceleratorClass(example.generated, placed)]))
    made = pynq.Board(fake.FakeSystem(device))
    return SimpleNamespace(accelerator=made.open(folder / f"{name}.py", f"{name}_axi")[1], device=device, board=made)


@pytest.fixture(scope="module")
def thirds(tmp_path_factory):
    return opened("thirds", tmp_path_factory)


def test_images_with_borders_begin_in_step(tmp_path_factory):
    stepped = opened("stepped", tmp_path_factory)
    image, columns = np.random.default_rng(2).integers(0, 256, (5, 9)).astype(np.uint8), np.arange(9)
    wanted = image[:, np.minimum(columns + 1, 8)] + image[:, columns - columns % 2]
    np.testing.assert_array_equal(stepped.accelerator(image, origin={"x": 2}), wanted)
    text = (
        "stepped: a launch begins at x = 1, and with a border and streams at different rates it must begin at a "
        "multiple of 2; let the image begin there, or pad in software"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        stepped.accelerator(image, origin={"x": 1})


@pytest.mark.parametrize(("extent", "launches"), [(1, 1), (39, 1), (40, 1), (41, 2), (79, 2), (80, 3)])
@pytest.mark.parametrize("least", [0, 3, -6])
def test_larger_images_are_cut_in_step(thirds, least, extent, launches):
    thirds.accelerator.free()
    thirds.board.next = 0
    at = np.arange(least, least + extent) * 2 // 3 - least * 2 // 3
    image = np.random.default_rng(1).integers(0, 256, (5, at[-1] + 1)).astype(np.uint8)
    out, before = np.zeros((5, extent), np.uint8), len(thirds.device.launches)
    np.testing.assert_array_equal(thirds.accelerator(image, origin={"x": least}, out=out), image[:, at] + np.uint8(1))
    assert len(thirds.device.launches) - before == launches


@pytest.mark.parametrize("least", [-2, 1, 2, 4])
def test_others_are_refused(thirds, least):
    text = (
        f"thirds: a launch begins at x = {least}, and with 3 lanes and streams at different rates it must begin at a "
        "multiple of 3; give another origin or size"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        thirds.accelerator(np.zeros((5, 20), np.uint8), origin={"x": least})


def test_recursions_begin_with_the_image(tmp_path_factory):
    running = opened("running", tmp_path_factory)
    image = np.random.default_rng(3).integers(0, 256, (5, 40)).astype(np.uint8)
    np.testing.assert_array_equal(running.accelerator(image), np.cumsum(image, axis=1, dtype=np.uint8))
    text = (
        "running: 41 pixels along x are asked for, more than the 40 of a launch, and a recursion does not begin anew; "
        "compile for larger extents"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        running.accelerator(np.zeros((5, 41), np.uint8))


def test_images_that_lack_loops(tmp_path_factory):
    """A profile along each loop and a single value, as arrays of one dimension and of none; cut into launches."""
    flat = opened("flat", tmp_path_factory).accelerator
    for rows, columns in ((1, 1), (30, 40), (47, 83)):
        random = np.random.default_rng(rows)
        shapes = flat.input_shapes(rows, columns)
        assert shapes == ((rows, columns), (columns,), (rows,), ())
        source, gain, offset, level = (np.asarray(random.integers(0, 256, shape, np.uint8)) for shape in shapes)
        wanted = (source - level) * gain + offset[:, None]
        np.testing.assert_array_equal(flat(source, gain, offset, level), wanted)
        buffers = flat.allocate_inputs(rows, columns)
        for buffer, values in zip(buffers, (source, gain, offset, level), strict=True):
            buffer[...] = values
        np.testing.assert_array_equal(flat(*buffers), wanted)
    with pytest.raises(ValueError, match=r"^flat: gain must have 1 axes \(x\), not 2$"):
        flat(source, source, offset, level)
    with pytest.raises(ValueError, match=r"^flat: level must have 0 axes, not 1$"):
        flat(source, gain, offset, offset)
    with pytest.raises(ValueError, match=r"^flat: offset is for 46 pixels of output along y, source for 47$"):
        flat(source, gain, offset[1:], level)
