"""What a border on the input of many stages costs: nothing if it repeats the edge, else two ways out are named."""

import json
import re

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.hwgen.bordercost import border_cost

x, y = hl.vars("x y")
edges = hl.BoundaryConditions


def smoothing(where, kind="mirror_image", stages=8, size=(1920, 1080)):
    """A chain of 3x3 stages with one border condition: on the "input", at "each" stage, or in "software"."""
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    bounds = [hl.Range(0, source.width()), hl.Range(0, source.height())]

    def bordered(func):
        options = [7] if kind == "constant_exterior" else []
        return getattr(edges, kind)(func, *options, *([] if func is source else [bounds]))

    padded = hl.Func("padded")
    padded[x, y] = bordered(source)[x, y]
    chain, first = [], {"input": bordered(source), "each": source, "software": padded}[where]
    for number in range(stages):
        before = chain[-1] if chain else first
        if where == "each":
            before = bordered(before)
        stage = hl.Func(f"smooth{number}")
        weights = ((i, j, (2 - abs(i)) * (2 - abs(j))) for j in (-1, 0, 1) for i in (-1, 0, 1))
        stage[x, y] = hl.u8(sum((hl.u16(before[x + i, y + j]) * w for i, j, w in weights), hl.u16(8)) >> 4)
        chain.append(stage.linebuffer())
    if where == "software":
        padded.compute_root()
    out = hl.Func("out")
    out[x, y] = chain[-1][x, y]
    out.compute_root().set_estimate(x, 0, size[0]).set_estimate(y, 0, size[1])
    out.accelerate([padded if where == "software" else source], x, hl.Var.outermost())
    return out, source


def report(*args, **options):
    (found,) = fluorite.compile(smoothing(*args, **options)[0]).report.accelerators
    return found


@pytest.fixture(scope="module")
def on_input():
    return report("input")


def test_report_names_both_ways_out(on_input):
    padded = report("software").line_buffer_bits_lower_bound
    assert on_input.notes == (
        "source has its border where stages are computed up to 7 pixels beyond the image, and is held for as many "
        f"rows, before the image and behind: at least {padded} bits are held if software pads source (the same "
        "result), and about as many if every stage has the border condition of its own (for most filters another "
        "result near the edges)",
    )
    assert f"\n  note: {on_input.notes[0]}\n" in on_input.to_text()
    assert "(lower bound of these operators " in on_input.to_text()


def test_notes_are_in_the_json():
    design = fluorite.compile(smoothing("input")[0])
    (found,) = json.loads(design.report.to_json())["accelerators"]
    assert found["notes"] == list(design.report.accelerators[0].notes) != []


def test_a_repeated_edge_costs_nothing():
    """Stages have edges of their own behind it, see `edges`; this held 434,089 bits."""
    on_input, padded, each = (report(where, "repeat_edge") for where in ("input", "software", "each"))
    assert on_input.notes == padded.notes == each.notes == ()
    assert on_input.line_buffer_bits < padded.line_buffer_bits
    assert on_input.line_buffer_bits < 1.01 * each.line_buffer_bits
    assert on_input.cycles_per_largest_launch < padded.cycles_per_largest_launch


@pytest.mark.parametrize("kind", ["constant_exterior", "mirror_image"])
def test_either_way_out_holds_what_the_note_says(kind):
    """Of 28 or 40 rows 16 are left; positions cost nothing, they are counted where they are asked for."""
    on_input, padded, each = (report(where, kind) for where in ("input", "software", "each"))
    (said,) = re.findall(r"at least (\d+) bits", on_input.notes[0])
    assert padded.line_buffer_bits_lower_bound == pytest.approx(int(said), rel=0.001)
    assert each.line_buffer_bits_lower_bound == pytest.approx(int(said), rel=0.06)
    assert 1.6 * max(padded.line_buffer_bits, each.line_buffer_bits) < on_input.line_buffer_bits
    assert padded.notes == each.notes == ()


def test_padding_in_software_is_the_same_result_and_the_border_at_each_stage_another():
    def realized(where):
        output, source = smoothing(where, "constant_exterior", stages=2, size=(20, 12))
        source.set(hl.Buffer(np.random.default_rng(1).integers(0, 256, (12, 20), np.uint8)))
        return np.array(output.realize([20, 12]))

    expected = realized("input")
    np.testing.assert_array_equal(realized("software"), expected)
    each = realized("each")
    assert (each != expected).any()
    np.testing.assert_array_equal(each[2:-2, 2:-2], expected[2:-2, 2:-2])


def test_a_stage_with_a_border_cannot_be_padded_by_software():
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    raised, out = hl.Func("raised"), hl.Func("out")
    raised[x, y] = source[x, y] / 3
    before = edges.mirror_interior(raised, [hl.Range(0, source.width()), hl.Range(0, source.height())])
    for number in range(4):
        stage = hl.Func(f"widest{number}")
        stage[x, y] = hl.max(before[x, y - 1], before[x, y], before[x, y + 1])
        before = stage.linebuffer()
    out[x, y] = before[x, y]
    raised.linebuffer()
    out.compute_root().set_estimate(x, 0, 640).set_estimate(y, 0, 480)
    out.accelerate([source], x, hl.Var.outermost())
    cost = border_cost(fluorite.compile(out).accelerators[0].generated)
    assert (cost.streams, cost.beyond_pixels, cost.inputs) == (("raised",), 3, False)
    assert str(cost) == (
        "raised has its border where stages are computed up to 3 pixels beyond the image, and is held for as many "
        f"rows, before the image and behind: about {cost.padded_bits} bits are held if every stage has the border "
        "condition of its own (for most filters another result near the edges)"
    )


@pytest.mark.parametrize("where", ["input", "each"])
def test_one_stage_costs_nothing(where):
    assert report(where, stages=1).notes == ()
