"""The DMA copier: a small AXI design by hand, right as it stands and wrong with one thing changed."""

from pathlib import Path

import numpy as np
import pytest

from fluorite.systems.program.build import build_system

COPIER = Path(__file__).with_name("copier.v").read_text()
CONTROL, STATUS, SOURCE, DESTINATION, BEATS = 0x04, 0x08, 0x0C, 0x10, 0x14
BUSY, DONE, ERROR = 1, 2, 4


def mutant(*changes):
    """The copier with one thing wrong: pairs of what is right and what stands there instead."""
    text = COPIER
    for right, wrong in changes:
        assert text.count(right) == 1, right
        text = text.replace(right, wrong)
    return text


@pytest.fixture(scope="session")
def copier():
    return build_system(COPIER, "copier_axi")


def fill(system, seed=0):
    system.memory[:] = np.random.default_rng(seed).integers(0, 256, len(system.memory), np.uint8)


def start(system, source, destination, beats):
    base = system.options.base
    system.reg_write(STATUS, DONE | ERROR)
    system.reg_write(SOURCE, base + source)
    system.reg_write(DESTINATION, base + destination)
    system.reg_write(BEATS, beats)
    system.reg_write(CONTROL, 1)


def copy(system, source=8, destination=0x40018, beats=700, timeout_cycles=50_000):
    """Copy, wait, check that nothing is left over; whether the memory is right."""
    before = system.memory.copy()
    start(system, source, destination, beats)
    assert system.run_until_irq(timeout_cycles), "no interrupt"
    before[destination : destination + 8 * beats] = before[source : source + 8 * beats]
    system.finish()
    return bool((system.memory == before).all())
