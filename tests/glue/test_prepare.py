"""Launches without Halide: which regions the generated functions take."""

import ctypes as ct

import numpy as np
import pytest

LEAST, MOST = -(1 << 31), (1 << 31) - 1


@pytest.mark.parametrize(
    ("name", "variables", "code"),
    [
        ("sums", [0, 40, 0, 30], "OK"),
        ("sums", [-7, 1, 9, 1], "OK"),
        ("sums", [0, 41, 0, 30], "EXTENT"),
        ("sums", [0, 40, 0, 31], "EXTENT"),
        ("sums", [0, 0, 0, 30], "EXTENT"),
        ("sums", [0, 40, 0, -1], "EXTENT"),
        ("sums", [0, 1 << 32, 0, 30], "EXTENT"),
        ("sums", [LEAST, 40, MOST - 29, 30], "OK"),
        ("sums", [LEAST - 1, 40, 0, 30], "EXTENT"),
        ("sums", [0, 40, MOST - 28, 30], "EXTENT"),
        ("fixed", [0, 16, 0, 8], "OK"),
        ("fixed", [0, 15, 0, 8], "EXTENT"),
        ("fixed", [0, 16, 0, 9], "EXTENT"),
        ("scaled", [0, 40, 0, 30, 65535], "OK"),
        ("scaled", [0, 40, 0, 30, 65536], "ARGUMENT"),
        ("scaled", [0, 40, 0, 30, -1], "ARGUMENT"),
        ("blocks", [0, 40, 0, 30], "OK"),
        ("blocks", [0, 39, 0, 29], "OK"),
        ("blocks", [0, 42, 0, 30], "EXTENT"),
        ("halved", [-3, 39, 5, 29], "OK"),
        ("doubled", [-3, 16, 5, 8], "OK"),
        ("thirds", [-3, 40, 5, 8], "OK"),
        ("thirds", [-2, 40, 5, 8], "EXTENT"),
        ("doubled", [0, 15, 0, 8], "EXTENT"),
    ],
)
def test_what_is_beyond_the_hardware_is_refused(driver, examples, name, variables, code):
    found, settings, views = driver.prepare_code(examples[name], variables)
    assert found == driver.codes[code]
    assert all(bool(view.row_bytes) == (code == "OK") for view in views)
    if code != "OK":
        assert not any(settings)


@pytest.mark.parametrize("least", [-8, -7, -1, 0, 1, 6, LEAST, LEAST + 1, MOST - 39])
@pytest.mark.parametrize("extent", [1, 2, 39, 40])
def test_formulas_of_where_a_launch_begins(driver, examples, least, extent):
    """A setting and an input's words that depend on `min_x`, which may be negative."""
    example = examples["halved"]
    settings, views = driver.prepare(example, [least, extent, -3, 7])
    names = [register.name for register in example.map.registers if register.launch]
    assert settings[names.index("setting_phase_x")] == (least - 1) % 2
    read = (least + extent) // 2 - (least - 1) // 2 + 1
    assert (views[0].row_bytes, views[0].counts[0]) == (read * 2, 4)


def test_a_border_is_one_images(driver, examples):
    example = examples["bordered"]
    scalars = [5, 20, 0, 9]  # the image's min and extent, along x and y
    raw = [scalar.raw for scalar in example.code.signature.scalars]
    assert raw == [f"source.{k}.{d}" for d in (0, 1) for k in ("min", "extent")]
    assert driver.prepare_code(example, [5, 20, 0, 9, *scalars])[0] == 0
    assert driver.prepare_code(example, [6, 20, 0, 9, *scalars])[0] == driver.codes["BORDER"]
    assert driver.prepare_code(example, [5, 19, 0, 9, *scalars])[0] == driver.codes["BORDER"]


def test_what_was_refused_cannot_be_started(driver, devices, load, examples):
    scenarios = load("scenarios")
    with scenarios.opened(driver, examples["sums"]) as (arena, device):
        _, views, arrays = scenarios.plain_launch(driver, examples["sums"], arena)
        code, settings, refused = driver.prepare_code(examples["sums"], [0, 41, 0, 30])
        assert code == driver.codes["EXTENT"]
        for view, memory in zip(refused, views, strict=True):
            view.first, view.strides[0] = memory.first, memory.strides[0]
        assert driver.run(device, settings, refused) == driver.codes["ARGUMENT"]
        scenarios.release(driver, arena, arrays)


def test_the_header_tells_the_largest_extents(examples):
    header = examples["sums"].code.header()
    assert "/* Largest extents of a launch, in pixels of the output. */\n" in header
    assert "enum { FLUORITE_SUMS_MAX_X = 40, FLUORITE_SUMS_MAX_Y = 30 };\n" in header
    header = examples["fixed"].code.header()
    names = [loop.var for loop in examples["fixed"].generated.region.loops]
    assert f"; a launch has exactly that along {', '.join(names)}. */\n" in header


def test_memory_of_a_launch(driver, devices, load, examples):
    """Rows of an output that share bytes, with each other or with an input, are refused; all else that fits is not."""
    scenarios, argument = load("scenarios"), driver.codes["ARGUMENT"]
    with scenarios.opened(driver, examples["sums"]) as (arena, device):
        settings, views, arrays = scenarios.plain_launch(driver, examples["sums"], arena)
        whole = driver.alloc(arena, 64 * 64)
        (source, result), first, stride = views, views[1].first, views[1].strides[0]
        result.strides[0] = stride - 1
        assert driver.run(device, settings, views) == argument
        result.strides[0] = 0
        assert driver.run(device, settings, views) == argument
        result.first, result.strides[0] = source.first, stride
        assert driver.run(device, settings, views) == argument
        result.first, result.strides[0] = first, stride
        source.strides[0] = 0  # every row the same
        assert driver.run(device, settings, views) == 0
        np.testing.assert_array_equal(arrays[1], np.tile(arrays[0][0, :-2] + arrays[0][0, 2:], (10, 1)))
        source.first, result.first = whole, whole + 22  # beside each other in one image
        source.strides[0] = result.strides[0] = 64
        assert driver.run(device, settings, views) == 0
        result.first = whole + 21
        assert driver.run(device, settings, views) == argument
        driver.library.fluorite_free(arena, ct.c_void_p(whole))
        scenarios.release(driver, arena, arrays)
