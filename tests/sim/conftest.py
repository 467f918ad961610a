from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fluorite.hwgen.interface import CoreInterface, SettingPort, StreamPort

_VERILOG = Path(__file__).parents[2] / "benchmarks" / "conv3x3_reference.v"


def binomial3x3(image):
    pixels = image.astype(int)
    height, width = image.shape
    taps = [(i, j, (1, 2, 1)[i] * (1, 2, 1)[j]) for i in range(3) for j in range(3)]
    total = sum(w * pixels[j : height - 2 + j, i : width - 2 + i] for i, j, w in taps)
    return ((total + 8) >> 4).astype(np.uint8)


def settings_of(image):
    return {"width": image.shape[1], "height": image.shape[0]}


@pytest.fixture(scope="session")
def conv3x3():
    """The hand-written 3x3 filter: its Verilog, its ports, and what it computes."""
    return SimpleNamespace(
        verilog=_VERILOG.read_text(),
        interface=CoreInterface(
            "conv3x3",
            (StreamPort("source", "in", 8, False, 1, 2), StreamPort("result", "out", 8, False, 1, 2)),
            (SettingPort("width", 16, False), SettingPort("height", 16, False)),
        ),
        expected=binomial3x3,
        settings=settings_of,
    )


@pytest.fixture(scope="session")
def mutant(conv3x3) -> Callable[[str, str], str]:
    """The filter's Verilog with one thing wrong."""

    def mutate(right: str, wrong: str) -> str:
        assert conv3x3.verilog.count(right) == 1
        return conv3x3.verilog.replace(right, wrong)

    return mutate
