"""The generated PYNQ classes run: on the Verilated hardware with its memory, against Halide."""

import asyncio

import numpy as np
import pytest

from fluorite.sim.system.settings import DECERR, InjectedError

#: Extents by argument: odd ones, and larger than a launch (200 x 100).
SIZES = {
    "harris": [(61, 43), (301, 7), (9, 203), (1, 1)],
    "demosaic": [(61, 43, 3), (203, 101, 3)],
    "blend": [(33, 21, 3), (201, 3, 3)],
    "gaussian": [(61, 43), (8, 5), (200, 100)],
    "fanout": [(77,), (401,), (1,)],
}


@pytest.mark.parametrize("app", SIZES)
def test_applications_are_exact(built, app):
    design = built(app)
    _, _, accelerator = design.open(stalls=0.1)
    for number, extents in enumerate(SIZES[app]):
        images = design.images(extents, number)
        result = accelerator(*images)
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, design.golden(images, extents))
    accelerator.mmio.system.finish()


@pytest.mark.system
def test_iterated_borders_are_exact(built):
    design = built("jacobi")
    _, _, accelerator = design.open()
    images = design.images((41, 23))
    np.testing.assert_array_equal(accelerator(*images), design.golden(images, (41, 23)))
