"""Every width of word, number of lanes and of dimensions, through cores that pass their input on."""

import numpy as np
import pytest

from fluorite.hwgen.interface import CoreInterface, SettingPort, StreamPort
from fluorite.sim.verilate import Job, Stalls, build

# (element bits, signed, lanes, dimensions)
FORMATS = [
    (8, False, 1, 1), (8, True, 3, 2), (8, False, 9, 4), (1, False, 1, 2), (1, False, 13, 3), (1, False, 40, 1),
    (16, True, 1, 3), (16, False, 3, 2), (32, True, 1, 4), (32, False, 2, 2), (64, True, 1, 2), (64, False, 16, 2),
]  # fmt: skip


def passing_core(pairs, settings):
    """A core without launches to speak of: words from each input to its output, the last one marked by a count.

    `pairs`: per pair the bits of its word; `settings`: (name, bits). Setting ``words<i>`` counts the words of pair i.
    """
    ports, body = [], []
    for i, bits in enumerate(pairs):
        ports += [
            f"input wire a{i}_valid", f"output wire a{i}_ready", f"input wire [{bits - 1}:0] a{i}_data",
            f"output wire b{i}_valid", f"input wire b{i}_ready", f"output wire [{bits - 1}:0] b{i}_data",
            f"output wire b{i}_last", f"input wire [15:0] words{i}",
        ]  # fmt: skip
        body.append(f"""
    reg [15:0] left{i};
    reg full{i};
    reg [{bits - 1}:0] data{i};
    wire take{i} = b{i}_valid && b{i}_ready;
    assign a{i}_ready = running && left{i} != 16'd0 && (!full{i} || b{i}_ready) && (!take{i} || left{i} != 16'd1);
    assign b{i}_valid = full{i};
    assign b{i}_data = data{i};
    assign b{i}_last = left{i} == 16'd1;
    always @(posedge clk) begin
        if (a{i}_valid && a{i}_ready) data{i} <= a{i}_data;
        if (rst) begin
            full{i} <= 1'b0;
            left{i} <= 16'd0;
        end else begin
            if (a{i}_valid && a{i}_ready) full{i} <= 1'b1;
            else if (take{i}) full{i} <= 1'b0;
            if (launch_valid && launch_ready) left{i} <= words{i};
            else if (take{i}) left{i} <= left{i} - 16'd1;
        end
    end""")
    ports += [f"input wire [{bits - 1}:0] {name}" for name, bits in settings]
    idle = " && ".join(f"left{i} == 16'd0" for i in range(len(pairs)))
    return f"""module pass (
    input wire clk, input wire rst, input wire launch_valid, output wire launch_ready, output wire busy,
    {", ".join(ports)}
);
    wire running = !({idle});
    assign launch_ready = !running;
    assign busy = running;
{"".join(body)}
endmodule
"""


def random_pixels(rng, bits, signed, shape):
    if bits == 1:
        return rng.integers(0, 2, shape, np.uint8).astype(bool)
    kind = np.dtype(f"{'int' if signed else 'uint'}{bits}")
    return rng.integers(np.iinfo(kind).min, np.iinfo(kind).max, shape, kind, endpoint=True)


@pytest.fixture(scope="module")
def passing():
    streams, settings, widths = [], [], []
    for i, (bits, signed, lanes, dimensions) in enumerate(FORMATS):
        streams += [
            StreamPort(f"a{i}", "in", bits, signed, lanes, dimensions),
            StreamPort(f"b{i}", "out", bits, signed, lanes, dimensions),
        ]
        settings.append(SettingPort(f"words{i}", 16, False))
        widths.append(bits * lanes)
    return build(passing_core(widths, []), CoreInterface("pass", tuple(streams), tuple(settings)))


@pytest.mark.parametrize("seed", range(6))
def test_all_formats_at_once(passing, seed):
    rng = np.random.default_rng(seed)
    jobs = []
    for _ in range(3):
        inputs, outputs, settings = [], [], {}
        for i, (bits, signed, lanes, dimensions) in enumerate(FORMATS):
            shape = (*rng.integers(1, 6, dimensions - 1).tolist(), int(rng.integers(1, 40)))
            wide = random_pixels(rng, bits, signed, (*shape[:-1], 2 * shape[-1]))
            spaced = rng.integers(2)  # every second pixel of a wider array: lanes are not neighbours in memory
            inputs.append(wide[..., ::2] if spaced else np.ascontiguousarray(wide[..., ::-2]))
            outputs.append(np.zeros_like(wide)[..., 1::2] if spaced else np.zeros(shape, wide.dtype))
            settings[f"words{i}"] = int(np.prod(shape[:-1])) * -(-shape[-1] // lanes)
        jobs.append(Job(inputs, outputs, settings))
    result = passing.open().run_many(jobs, stalls=Stalls(seed, 0.2, 0.2) if seed else None)
    for job in jobs:
        for a, b in zip(job.inputs, job.outputs, strict=True):
            np.testing.assert_array_equal(a, b)
    for i in range(len(FORMATS)):
        assert result.streams[f"a{i}"].words == sum(job.settings[f"words{i}"] for job in jobs)


def test_padding_and_upper_bits():
    """What pads the last word of a row is garbage; a bool array's odd values count by their low bit."""
    streams = (
        StreamPort("a0", "in", 8, False, 8, 2), StreamPort("b0", "out", 64, False, 1, 2),
        StreamPort("a1", "in", 1, False, 8, 2), StreamPort("b1", "out", 8, False, 1, 2),
    )  # fmt: skip
    settings = (SettingPort("words0", 16, False), SettingPort("words1", 16, False))
    core = build(passing_core([64, 8], []), CoreInterface("pass", streams, settings)).open()
    image = np.arange(60, dtype=np.uint8).reshape(6, 10)
    words, masks = np.zeros((6, 2), np.uint64), np.zeros((6, 2), np.uint8)
    counts = {"words0": 12, "words1": 12}
    core.run([image, image], [words, masks], counts, stalls=Stalls(1))
    pixels = words.view(np.uint8)
    np.testing.assert_array_equal(pixels[:, :10], image)
    padding = pixels[:, 10:].copy()
    assert len(np.unique(padding)) > 25
    np.testing.assert_array_equal(np.unpackbits(masks, axis=1, bitorder="little")[:, :10], image & 1)
    assert len(np.unique(masks[:, 1] >> 2)) > 3
    core.run([image, image], [words, masks], counts, stalls=Stalls(2))
    assert (words.view(np.uint8)[:, 10:] != padding).any()


def test_signed_and_wide_settings():
    verilog = passing_core([64], [("level", 64), ("offset", 7)]).replace(
        "data0 <= a0_data", "data0 <= a0_data + level + {{57{offset[6]}}, offset}"
    )
    interface = CoreInterface(
        "pass",
        (StreamPort("a0", "in", 64, True, 1, 1), StreamPort("b0", "out", 64, True, 1, 1)),
        (SettingPort("words0", 16, False), SettingPort("level", 64, True), SettingPort("offset", 7, True)),
    )
    core = build(verilog, interface).open()
    image, out = np.arange(-5, 5, dtype=np.int64), np.zeros(10, np.int64)
    for level in (-(2**63) + 100, -1, 2**62):
        for offset in (-64, 63):
            core.run([image], [out], {"words0": 10, "level": level, "offset": offset})
            np.testing.assert_array_equal(out, image + level + offset)
