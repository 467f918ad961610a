"""The report of accelerators whose streams come at different rates."""

import json

import halide as hl
import pytest

import fluorite
from fluorite.report import StreamReport

x, y = hl.vars("x y")


def report(value, lanes=1):
    """Of a Func of 1920 x 1080 that reads an image."""
    image, func, output = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("func"), hl.Func("output")
    func[x, y] = hl.u8(value(image))
    output[x, y] = func[x, y]
    func.compute_root().unroll(x, lanes, hl.TailStrategy.GuardWithIf)
    func.set_estimate(x, 0, 1920).set_estimate(y, 0, 1080).accelerate([image], x, hl.Var.outermost())
    found = fluorite.compile(output).report
    (own,) = found.accelerators
    assert json.loads(found.to_json())["accelerators"][0]["cycles_per_word"] == own.cycles_per_word
    return own, found.to_text().splitlines()


def test_half_the_size():
    own, text = report(lambda image: image[2 * x, 2 * y] + hl.u16(image[2 * x + 1, 2 * y + 1]))
    assert text[0].startswith("func: 1 pixel every 4 cycles, latency ")
    assert "  stream image: 1 pixel a cycle" in text
    assert "  stream func: 1 pixel every 2 columns and 2 rows" in text
    assert own.streams[1] == StreamReport("func", "out", (1, 1), (2, 2), ("extent_x", "extent_y"))
    assert own.cycles_per_largest_launch == 4 * 1920 * 1080


def test_twice_the_size():
    """A row of the image is held, and the bound says so."""
    own, text = report(lambda image: (hl.u16(image[x / 2, y / 2]) + image[(x + 1) / 2, (y + 1) / 2]) / 2)
    assert text[0].startswith("func: 1 pixel a cycle, latency ")
    assert "  stream image: 1 pixel every 2 columns and 2 rows" in text
    (held,) = (line for line in text if line.startswith("  image_lane0: "))
    assert held.endswith(" values, one every 2 columns and 2 rows: func reads it 1 row 1 column late")
    assert 961 * 8 <= own.line_buffer_bits_lower_bound <= own.line_buffer_bits <= own.line_buffer_bits_lower_bound + 40
    assert any(f"pipelining and rows held whole {own.pipeline_register_bits})" in line for line in text)


@pytest.mark.parametrize(
    ("lanes", "rate"),
    [(2, "func: 1 pixel a cycle, "), (4, "func: 2 pixels a cycle, "), (8, "func: 4 pixels a cycle, ")],
)
def test_several_lanes(lanes, rate):
    """The input has twice as many."""
    own, text = report(lambda image: image[2 * x, 2 * y], lanes)
    assert own.lanes == lanes
    assert text[0].startswith(rate)
    assert f"  stream image: {2 * lanes} pixels a cycle" in text
    assert f"  stream func: {lanes} pixels every 2 rows" in text


def test_at_one_rate_all_is_a_cycle():
    own, text = report(lambda image: image[x, y] + image[x + 1, y + 1], 2)
    assert text[0].startswith("func: 2 pixels a cycle, ")
    assert not any(line.startswith("  stream ") or "whole" in line for line in text)
    assert own.cycles_per_word == 1
