"""The overlay class: clocks that fit the PLL, a bitstream beside the module, the self-test."""

import json
import warnings

import numpy as np
import pytest

from fluorite.glue.pynq.make_bundle import self_test
from fluorite.glue.testbench import write_testbench


@pytest.mark.parametrize(
    ("pll_mhz", "divisor", "warned"),
    [
        (1000.0, 8, None),
        (1500.0, 12, None),
        (999.99, 8, None),  # as PYNQ works it out from a crystal of 33.333 MHz
        (1600.0, 13, 123.1),
        (1200.0, 10, 120.0),
        (1050.0, 9, 116.7),  # 8 is the nearest, and too fast
    ],
)
def test_the_clock_is_that_of_the_design_or_slower(built, pll_mhz, divisor, warned):
    design = built("harris")
    board, module, _ = design.open()
    board.pll_mhz = pll_mhz
    assert module.Overlay.CLOCK_MHZ == 125.0  # as in the metadata
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        overlay = module.Overlay("harris.bit")
    assert board.divisors[0] == divisor
    assert board.downloads[-1] == overlay.bitfile_name == "harris.bit"
    text = f"harris: the fabric's clock is {warned} MHz, not 125 MHz: the processor's PLL gives none between"
    found = [str(w.message) for w in caught if "fabric" in str(w.message)]  # PYNQ itself warns of the idle clocks
    assert found == ([] if warned is None or warned > 123.75 else [text.replace("120.0", "120")])
    assert isinstance(getattr(overlay, design.module_name), module.Accelerator)


def test_metadata_without_a_rate(built):
    """As Vivado writes it for a Zynq-7000 and PYNQ 4.0 reads it."""
    board, module, _ = built("harris").open()
    board.clock_dict = given = {
        0: {"enable": 1, "frequency": None, "divisor0": 5, "divisor1": 2},
        1: {"enable": 1, "frequency": None, "divisor0": 4, "divisor1": 5},
        2: {"enable": 1, "frequency": 50.0, "divisor0": 1, "divisor1": 1},
        3: {"enable": 0, "frequency": None, "divisor0": 1, "divisor1": 1},
    }
    with pytest.raises(TypeError):
        board.pynq.Overlay("harris.bit")
    overlay = module.Overlay("harris.bit")
    assert board.divisors == {0: 8, 1: 20, 2: 20, 3: 10}
    assert overlay.clock_dict is given


def test_metadata_without_rates_at_all(built):
    """As PYNQ 3.1 and older read them."""
    board, module, _ = built("harris").open()
    board.clock_dict = {0: {"enable": 1, "divisor0": 5, "divisor1": 2}, 1: {"enable": 0}}
    module.Overlay("harris.bit")
    assert board.divisors == {0: 8, 1: 10}


def test_where_the_bitstream_is(built, tmp_path):
    design = built("harris")
    path = tmp_path / "harris.py"
    path.write_text(design.path.read_text())
    _, module, _ = design.open(path=path)
    with pytest.raises(FileNotFoundError) as missing:
        module.Overlay()
    bit = tmp_path / "harris.bit"
    assert str(missing.value) == f"{bit} is not there: build it with make -C vivado and put it there"
    bit.write_bytes(b"")
    assert module.Overlay().bitfile_name == str(bit)
    with pytest.raises(FileNotFoundError):
        module.Overlay(download=False).self_test()


def frames(design, folder):
    """The self-test's folder, as a bundle has it."""
    write_testbench(design.design.name, design.design.accelerators, design.design.loaded.parameters, folder)
    found, _ = self_test(folder)
    (folder / "images" / "selftest.json").write_text(json.dumps(found))
    return folder / "images"


@pytest.mark.parametrize("name", ["harris", "demosaic", "jacobi", "pair", "blocks", "fixed"])
def test_self_test(built, tmp_path, name):
    """Rows and words, borders, Params, two outputs, tiles of one size."""
    design = built(name)
    _, module, _ = design.open()
    (line,) = module.Overlay("design.bit").self_test(str(frames(design, tmp_path)))
    numbers = line.replace(",", "").split()
    assert line.startswith(f"{design.module_name}: ")
    assert " pixels are Halide's; " in line
    assert numbers[-1] == "cycles"
    loops = design.generated.region.loops
    size = " x ".join(str(min(loop.max_extent, most)) for loop, most in zip(loops, (1920, 1080), strict=False))
    assert f"Halide's; {size} in " in line
    pixels = np.prod([min(loop.max_extent, most) for loop, most in zip(loops, (1920, 1080), strict=False)])
    lanes = np.prod(next(s for s in design.generated.streams if not s.is_input).lanes)
    assert int(numbers[-2]) > pixels / lanes


def test_a_self_test_that_fails(built, tmp_path):
    design = built("harris")
    _, module, accelerator = design.open()
    folder = frames(design, tmp_path)
    stream = accelerator.STREAMS[-1]
    path = folder / json.loads((folder / "selftest.json").read_text())[design.module_name]["images"][stream.name]
    image = np.load(path)
    image[1, 3] ^= 0xFF
    image[2, 0] ^= 1
    np.save(path, image)
    with pytest.raises(RuntimeError) as failed:
        module.Overlay("design.bit").self_test(str(folder))
    wrong = image[1, 3]
    assert str(failed.value) == (
        f"{accelerator.FUNC}: self-test: 2 of {image.size} values of {stream.name} are not Halide's; at (1, 3) is "
        f"{wrong ^ 0xFF}, not {wrong}"
    )
