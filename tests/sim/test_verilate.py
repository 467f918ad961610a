import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fluorite.errors import SimulationError, UsageError
from fluorite.hwgen.interface import CoreInterface, SettingPort, StreamPort
from fluorite.sim.verilate import Job, Stalls, build


@pytest.fixture(scope="module")
def model(conv3x3):
    return build(conv3x3.verilog, conv3x3.interface)


def photo(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


def job_of(conv3x3, image):
    height, width = image.shape
    return Job([image], [np.zeros((height - 2, width - 2), np.uint8)], conv3x3.settings(image))


def test_exact_and_every_cycle_counted(conv3x3, model):
    image = photo(64, 48)
    job = job_of(conv3x3, image)
    result = model.open().run(job.inputs, job.outputs, job.settings)
    np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(image))
    # The launch at cycle 0, a pixel in each of the next 64 * 48, two more to the last output, then idle.
    assert result.cycles == 64 * 48 + 3
    source, out = result.streams["source"], result.streams["result"]
    assert (source.words, source.first_cycle, source.last_cycle, source.blocked_cycles) == (64 * 48, 1, 64 * 48, 1)
    assert (out.words, out.first_cycle, out.last_cycle, out.blocked_cycles) == (
        62 * 46, 1 + 2 * 64 + 2 + 2, 64 * 48 + 2, 0,
    )  # fmt: skip
    (launch,) = result.launches
    assert (launch.accepted_cycle, launch.first_output_cycle, launch.finished_cycle) == (
        0,
        out.first_cycle,
        out.last_cycle,
    )


@pytest.mark.parametrize("width,height", [(3, 3), (17, 5), (40, 31)])
@pytest.mark.parametrize(
    "stalls",
    [
        Stalls(1),
        Stalls(2, 0.8, 0.1),
        Stalls(3, 0.0, 0.9),
        Stalls(4, 0.5, 0.5, burst_cycles=20),
        Stalls(5, 0.05, 0.05, burst_cycles=100),
    ],
    ids=lambda s: f"seed{s.seed}",
)
def test_exact_under_stalls(conv3x3, model, width, height, stalls):
    image = photo(width, height, stalls.seed)
    job = job_of(conv3x3, image)
    model.open().run(job.inputs, job.outputs, job.settings, stalls=stalls)
    np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(image))


def test_stalls_come_as_often_as_asked(conv3x3, model):
    image = photo(200, 100)
    job = job_of(conv3x3, image)
    core = model.open()
    for burst in (None, 1, 30):
        result = core.run(job.inputs, job.outputs, job.settings, stalls=Stalls(7, 0.4, 0, burst))
        assert image.size / 0.6 == pytest.approx(result.cycles, rel=0.15 if burst == 30 else 0.03)
    assert core.run(job.inputs, job.outputs, job.settings, stalls=Stalls(7)).cycles == (
        core.run(job.inputs, job.outputs, job.settings, stalls=Stalls(7)).cycles
    )


def test_arrays_of_any_strides(conv3x3, model):
    core = model.open()
    big = photo(300, 200)
    canvas = np.zeros((60, 90), np.uint8)
    for image, out in (
        (big[10:40, 20:55], canvas[3:31, 4:37]),
        (big[::-2, ::-3], np.zeros((98, 98), np.uint8, order="F")),
        (big.T, np.zeros((298, 396), np.uint8)[:, ::2]),
        (np.broadcast_to(big[5], (20, 300)), np.zeros((18, 298), np.uint8)[::-1]),
    ):
        core.run([image], [out], conv3x3.settings(image), stalls=Stalls(1))
        np.testing.assert_array_equal(out, conv3x3.expected(image))
    assert canvas.any(axis=1).nonzero()[0].tolist() == list(range(3, 31))
    assert canvas.any(axis=0).nonzero()[0].tolist() == list(range(4, 37))


def test_launches_overlap_where_their_settings_are_equal(conv3x3, model):
    jobs = [job_of(conv3x3, photo(20, 10, i)) for i in range(4)]
    result = model.open().run_many(jobs)
    for job in jobs:
        np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(job.inputs[0]))
    for before, after in zip(result.launches, result.launches[1:], strict=False):
        assert after.accepted_cycle < before.finished_cycle
    assert result.cycles == 4 * 201 + 2


@pytest.mark.parametrize("seed", range(4))
def test_launches_with_other_settings_wait_until_the_core_is_idle(conv3x3, model, seed):
    sizes = [(20, 10), (20, 10), (9, 7), (30, 3), (30, 3), (3, 30)]
    jobs = [job_of(conv3x3, photo(*size, seed)) for size in sizes]
    result = model.open().run_many(jobs, stalls=Stalls(seed) if seed else None)
    for job in jobs:
        np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(job.inputs[0]))
    for i in (1, 2, 4):
        assert result.launches[i + 1].accepted_cycle > result.launches[i].finished_cycle


def test_no_launches(model):
    assert model.open().run_many([]).cycles == 0


WORD = r"launch \d, word \d+, cycle \d+"
LAST_WORD = r"launch \d, word 263, cycle \d+"
HANG = r"core 'conv3x3' must make progress: no transfer for 500 cycles at cycle "

MUTANTS = {
    "data-unstable": (
        "result_data = out_data;",
        "result_data = out_data ^ {7'd0, result_ready};",
        rf"core 'conv3x3': result_data must stay while result_ready is low: changed at {WORD}",
    ),
    "valid-dropped": (
        "else if (enable) out_valid",
        "else out_valid",
        rf"core 'conv3x3': result_valid must stay high until result_ready: dropped at {WORD}",
    ),
    "last-unstable": (
        "result_last = out_last;",
        "result_last = out_last && result_ready;",
        rf"core 'conv3x3': result_last must stay while result_ready is low: changed at {LAST_WORD}",
    ),
    "last-early": (
        "column_last <= region_end",
        "column_last <= row_end",
        r"core 'conv3x3': result_last must be low before the last word: high at launch 0, word 11, cycle \d+",
    ),
    "last-missing": (
        "column_last <= region_end",
        "column_last <= 1'b0",
        rf"core 'conv3x3': result_last must be high at the last word: low at {LAST_WORD}",
    ),
    "words-too-many": (
        "column_inside <= x >= 16'd2",
        "column_inside <= x >= 16'd1",
        rf"core 'conv3x3': result_last must be high at the last word: low at {LAST_WORD}",
    ),
    "busy-low": (
        "busy = launches != 2'd0",
        "busy = scanning",
        r"core 'conv3x3' must keep busy high until the last output word is taken: low in launch 0, cycle \d+",
    ),
    "busy-forever": (
        "busy = launches != 2'd0",
        "busy = 1'b1",
        rf"{HANG}\d+: everything transferred, busy still high",
    ),
    "input-hangs": (
        "source_ready = scanning && enable;",
        "source_ready = scanning && enable && y != 16'd5;",
        rf"{HANG}\d+: launch_ready low at launch 1 of 4; source_ready low after 70 of 1344 words; "
        r"result_valid low after 36 of 1056 words",
    ),
    "launch-hangs": (
        "launch_ready = !scanning && launches != 2'd2;",
        "launch_ready = 1'b0;",
        rf"{HANG}500: launch_ready low at launch 0 of 4; source_ready low after 0 of 1344 words; "
        r"result_valid low after 0 of 1056 words",
    ),
    "word-after-the-last": (
        "out_valid <= column_valid && column_inside;",
        "out_valid <= column_valid && column_inside || finish && launches == 2'd1;",
        r"core 'conv3x3': result_valid must be low outside launches: high at launch \d, word 0, cycle \d+",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_broken_cores_are_caught(conv3x3, mutant, name):
    right, wrong, message = MUTANTS[name]
    core = build(mutant(right, wrong), conv3x3.interface).open()
    jobs = [job_of(conv3x3, photo(14, 24, i)) for i in range(4)]
    for _ in range(2):  # the second time after the reset that a failure brings
        with pytest.raises(SimulationError) as caught:
            core.run_many(jobs, stalls=Stalls(3, 0.3, 0.6), timeout_cycles=500)
        assert re.fullmatch(message, str(caught.value)), str(caught.value)


def test_words_behind_the_last_launch_are_offered(conv3x3, mutant):
    greedy = mutant("source_ready = scanning && enable;", "source_ready = scanning && enable || launches == 2'd0;")
    job = job_of(conv3x3, photo(14, 24))
    with pytest.raises(SimulationError, match="source_ready must be low until the word's launch is accepted: high at"):
        build(greedy, conv3x3.interface).open().run_many([job], stalls=Stalls(0, 0, 0, ports=(("source", 0.9),)))


def test_a_port_alone_may_stall(model, conv3x3):
    image = photo(24, 14)
    blocked = {}
    for port in ("launch", "source", "result"):
        jobs = [job_of(conv3x3, image) for _ in range(3)]
        run = model.open().run_many(jobs, stalls=Stalls(1, 0, 0, ports=((port, 0.6),)))
        for job in jobs:
            np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(image))
        waits = run.launches[0].accepted_cycle, run.streams["result"].blocked_cycles
        blocked[port] = waits[0] > 0, waits[1] > 0
    assert blocked == {"launch": (True, False), "source": (False, False), "result": (False, True)}


def test_handshakes_are_kept(model, conv3x3):
    job = job_of(conv3x3, photo(5, 4))
    run = model.open().run_many([job], quiet_cycles=3, handshakes=True)
    bits = (run.handshakes[:, None] >> np.arange(8, dtype=np.uint64) & np.uint64(1)).astype(bool)
    launch_valid, launch_ready, busy, in_valid, in_ready, out_valid, out_ready, last = bits.T
    assert len(bits) == run.cycles + 4
    assert np.flatnonzero(launch_valid & launch_ready).tolist() == [0]
    assert busy.tolist() == [False] + [True] * (run.cycles - 1) + [False] * 4
    assert in_valid.all()
    assert np.count_nonzero(in_ready) == 20
    assert out_ready.all()
    assert np.count_nonzero(out_valid) == 6
    assert np.flatnonzero(last & out_valid).tolist() == [run.launches[0].finished_cycle]


def test_a_combinational_loop_ends_the_run_and_not_the_process(conv3x3, mutant):
    verilog = mutant("result_data = out_data;", "result_data = out_data ^ {8{loop}};\n    wire loop = !(loop && busy);")
    core = build(verilog, conv3x3.interface).open()
    job = job_of(conv3x3, photo(14, 24))
    with pytest.raises(SimulationError, match=r"^core 'conv3x3' must settle: cycle 0: .*converge"):
        core.run(job.inputs, job.outputs, job.settings)


def test_settings_are_garbage_while_idle(conv3x3, mutant):
    late = mutant("reg [15:0] x, y;", "reg [15:0] x, y, seen; always @(posedge clk) if (!busy) seen <= width;")
    late = late.replace("x + 16'd1 == width", "x + 16'd1 == seen")
    core = build(late, conv3x3.interface).open()
    jobs = [job_of(conv3x3, photo(14, 9, i)) for i in range(2)]
    core.run_many(jobs)  # settings move together with the launch: `seen` is right by then
    for job in jobs:
        np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(job.inputs[0]))
    early = late.replace("seen <= width", "seen <= before; reg [15:0] before; always @(posedge clk) before <= width")
    with pytest.raises(SimulationError):
        build(early, conv3x3.interface).open().run_many(jobs, timeout_cycles=500)


def test_random_power_up(conv3x3, mutant):
    image = photo(14, 24)
    job = job_of(conv3x3, image)
    whole = build(conv3x3.verilog, conv3x3.interface, random_power_up=True)
    for seed in range(3):
        whole.open(seed).run(job.inputs, job.outputs, job.settings)
        np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(image))
    needy = mutant(
        "reg [9:0] vertical_1, vertical_2;", "reg [9:0] vertical_1, vertical_2;\n    reg [11:0] bias = 12'd8;"
    )
    needy = needy.replace("+ 12'd8;", "+ bias;")
    model = build(needy, conv3x3.interface)
    model.open().run(job.inputs, job.outputs, job.settings)
    np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(image))
    results = []
    model = build(needy, conv3x3.interface, random_power_up=True)
    for seed in (1, 1, 2):
        model.open(seed).run(job.inputs, job.outputs, job.settings)
        results.append(job.outputs[0].copy())
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()


def test_instances_in_threads_are_independent(conv3x3, model):
    def run(seed):
        image = photo(100 + seed, 80, seed)
        job = job_of(conv3x3, image)
        core = model.open()
        for _ in range(5):
            job.outputs[0][...] = 0
            core.run(job.inputs, job.outputs, job.settings, stalls=Stalls(seed))
            np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(image))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(12)))


def test_one_instance_from_several_threads_takes_turns(conv3x3, model):
    core = model.open()

    def run(seed):
        job = job_of(conv3x3, photo(50, 40, seed))
        core.run(job.inputs, job.outputs, job.settings)
        np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(job.inputs[0]))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(12)))


def test_progress_and_its_exceptions(conv3x3, model, monkeypatch):
    monkeypatch.setattr("fluorite.sim.model._CALLBACK_MILLISECONDS", 0)
    core = model.open()
    job = job_of(conv3x3, photo(200, 100))
    total = 200 * 100 + 198 * 98
    seen = []
    core.run(job.inputs, job.outputs, job.settings, progress=lambda *now: seen.append(now))
    assert [t for _, _, t in seen] == [total] * len(seen)
    assert sorted(set(seen)) == seen
    assert len(seen) == 200 * 100 // 4096 + 1
    assert 30000 < seen[-1][1] <= total

    def interrupt(cycles, words, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        core.run(job.inputs, job.outputs, job.settings, progress=interrupt)
    core.run(job.inputs, job.outputs, job.settings)
    np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(job.inputs[0]))


@pytest.fixture
def interruptible():
    """A process started in the background of a shell ignores Ctrl-C, and so would Python."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_long_run(conv3x3, model):
    core = model.open()
    image, out = np.broadcast_to(np.zeros(2000, np.uint8), (30000, 2000)), np.zeros((29998, 1998), np.uint8)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        core.run([image], [out], conv3x3.settings(image))
    job = job_of(conv3x3, photo(9, 8))
    core.run(job.inputs, job.outputs, job.settings)
    np.testing.assert_array_equal(job.outputs[0], conv3x3.expected(job.inputs[0]))


@pytest.mark.parametrize(
    "change,message",
    [
        (lambda j: Job([], j.outputs, j.settings), "input arrays must be 1 (source), not 0"),
        (lambda j: Job(j.inputs, j.outputs * 2, j.settings), "output arrays must be 1 (result), not 2"),
        (
            lambda j: Job([j.inputs[0].astype(np.int8)], j.outputs, j.settings),
            "dtype of stream 'source' must be uint8, not int8",
        ),
        (
            lambda j: Job([j.inputs[0][0]], j.outputs, j.settings),
            "array of stream 'source' must have 2 dimensions, not 1",
        ),
        (
            lambda j: Job([j.inputs[0][:0]], j.outputs, j.settings),
            "array of stream 'source' must not be empty: shape (0, 5)",
        ),
        (lambda j: Job([[1]], j.outputs, j.settings), "array of stream 'source' must be a numpy array, not list"),
        (
            lambda j: Job(j.inputs, [np.broadcast_to(j.outputs[0], (2, 3))], j.settings),
            "array of output 'result' must be writeable",
        ),
        (lambda j: Job(j.inputs, j.outputs, {"width": 5}), "setting 'height' must be given"),
        (
            lambda j: Job(j.inputs, j.outputs, {**j.settings, "depth": 1}),
            "settings must be those of core 'conv3x3', not depth",
        ),
        (
            lambda j: Job(j.inputs, j.outputs, {**j.settings, "width": -1}),
            "setting 'width' must be in 0..65535, not -1",
        ),
    ],
)
def test_what_does_not_fit_the_interface(conv3x3, model, change, message):
    job = Job([photo(5, 4)], [np.zeros((2, 3), np.uint8)], {"width": 5, "height": 4})
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        model.open().run_many([change(job)])


@pytest.mark.parametrize(
    "stalls,message",
    [
        ({"input_probability": 1.0}, "input_probability must be in 0 <= p < 1, not 1.0"),
        ({"output_probability": -0.1}, "output_probability must be in 0 <= p < 1, not -0.1"),
        ({"burst_cycles": 0.5}, "burst_cycles must be at least 1, not 0.5"),
        ({"input_probability": 0.75, "burst_cycles": 2}, "burst_cycles must be at least 3, not 2"),
    ],
)
def test_impossible_stalls(stalls, message):
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        Stalls(**stalls)


def test_ports_other_than_the_interface(conv3x3):
    wide = CoreInterface(
        "conv3x3", conv3x3.interface.streams, (SettingPort("width", 12, False), SettingPort("height", 16, False))
    )
    with pytest.raises(SimulationError, match=r"^ports of module 'conv3x3' must be those of its interface: .*'width'"):
        build(conv3x3.verilog, wide)
    fewer = CoreInterface("conv3x3", conv3x3.interface.streams, (SettingPort("width", 16, False),))
    with pytest.raises(SimulationError, match=r"^ports of module 'conv3x3' must be those of its interface: .*'height'"):
        build(conv3x3.verilog, fewer)
    other = CoreInterface("conv3x3", (*conv3x3.interface.streams, StreamPort("mask", "in", 1, False, 1, 2)), ())
    with pytest.raises(SimulationError, match="mask_valid"):
        build(conv3x3.verilog, other)
    with pytest.raises(UsageError, match=r"^element_bits of stream 'a' must be 1, 8, 16, 32 or 64, not 12$"):
        build("", CoreInterface("c", (StreamPort("a", "in", 12, False, 1, 2),), ()))
