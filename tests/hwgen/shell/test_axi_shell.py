"""The AXI shell in the simulated system: exact, error by error, and sound after soft resets at any time."""

import random
import re

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import ErrorCode
from fluorite.sim.lint import UNAVOIDABLE, lint
from fluorite.systems.program.build import build_system
from fluorite.systems.program.settings import DECERR, SLVERR, InjectedError
from tests.hwgen.shell.driver import Driver, Room, rows_of, view

x, y, z, c = hl.vars("x y z c")
VARIABLES = {"x": x, "y": y, "z": z, "c": c}
GUARD = hl.TailStrategy.GuardWithIf
BYTES = 1 << 20


class Case:
    """A compiled accelerator with a numpy model of it over the arrays of its streams."""

    def __init__(self, func, inputs, maxima, lanes, model, config=None):
        out = hl.Func("out")
        variables = [VARIABLES[name] for name in maxima]
        out[variables] = func[variables]
        func.compute_root()
        scanned = [v for v in variables if v.name() != "c"]
        for variable in scanned:
            func.set_estimate(variable, 0, maxima[variable.name()])
        if lanes > 1:
            func.unroll(x, lanes, GUARD)
        if "c" in maxima:
            func.bound(c, 0, 3).reorder(c, *scanned).unroll(c)
        func.accelerate(inputs, x, hl.Var.outermost())
        self.accelerator = fluorite.compile(out).accelerators[0]
        self.generated = self.accelerator.generated
        self.config = config or ShellConfig()
        core = self.accelerator.in_shell(self.config)
        self.registers, self.verilog = core.registers, core.verilog
        self.model = model
        self.scanned = [v.name() for v in scanned]
        self.maxima = [maxima[v.name()] for v in scanned]
        self.system = build_system(self.verilog, self.registers.name, random_power_up=True)


def blur_case(config=None, lanes=1, size=(64, 40)):
    source, func = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("blur")
    func[x, y] = hl.u8(sum((hl.u16(source[x + i, y + j]) for i in (0, 1, 2) for j in (0, 1, 2)), hl.u16(0)) / 9)

    def model(arrays, extents):
        (source,) = (a.astype(np.uint16) for a in arrays)
        w, h = extents
        return (sum(source[j : j + h, i : i + w] for i in range(3) for j in range(3)) // 9).astype(np.uint8)

    return Case(func, [source], {"x": size[0], "y": size[1]}, lanes, model, config)


def sum_case():
    """Two inputs of different types, a 32-bit result, a bit as third input and 128-bit ports."""
    a, b = hl.ImageParam(hl.UInt(8), 2, "a"), hl.ImageParam(hl.Int(16), 2, "b")
    mask, func = hl.ImageParam(hl.Bool(), 2, "mask"), hl.Func("total")
    func[x, y] = hl.select(mask[x, y], hl.i32(a[x + 1, y]) * 3, hl.i32(b[x, y + 1]))

    def model(arrays, extents):
        # Each input is read at one place only, so its region is as large as the output's.
        first, second, chosen = arrays[0].astype(np.int32), arrays[1].view(np.int16), arrays[2].astype(bool)
        return np.where(chosen, first * 3, second).astype(np.int32)

    return Case(func, [a, b, mask], {"x": 50, "y": 30}, 1, model, ShellConfig(data_bits=128, address_bits=40))


def colour_case():
    """24-bit pixels, 32-bit ports."""
    source, func = hl.ImageParam(hl.UInt(8), 3, "source"), hl.Func("inverted")
    source.dim(2).set_bounds(0, 3)
    func[x, y, c] = ~source[x, y + 1, c]

    def model(arrays, extents):
        return ~arrays[0]

    return Case(func, [source], {"x": 40, "y": 30, "c": 3}, 1, model, ShellConfig(data_bits=32))


def volume_case():
    """Three dimensions, two lanes."""
    source, func = hl.ImageParam(hl.UInt(8), 3, "source"), hl.Func("difference")
    func[x, y, z] = source[x, y, z + 1] - source[x, y, z]

    def model(arrays, extents):
        return arrays[0][1:] - arrays[0][:-1]

    return Case(func, [source], {"x": 20, "y": 10, "z": 6}, 2, model)


CASES = {
    "blur": blur_case,
    "blur_32": lambda: blur_case(ShellConfig(data_bits=32, queue_depth=2)),
    "blur_4_lanes": lambda: blur_case(lanes=4),
    "blur_24_lanes": lambda: blur_case(lanes=24),
    "sum": sum_case,
    "colour": colour_case,
    "volume": volume_case,
}
_MADE = {}


@pytest.fixture(params=CASES)
def case(request):
    return made(request.param)


def made(name):
    if name not in _MADE:
        _MADE[name] = CASES[name]()
    return _MADE[name]


class Job:
    """One launch: where its streams are, and what its output must be."""

    def __init__(self, case, system, room, rng, extents=None):
        self.case = case
        self.extents = extents or [rng.randrange(1, most + 1) for most in case.maxima]
        self.variables = {f"extent_{name}": extent for name, extent in zip(case.scanned, self.extents, strict=True)}
        self.places = [room.place(s, self.variables) for s in case.registers.streams]
        inputs = []
        for stream, place in zip(case.registers.streams, self.places, strict=True):
            if stream.port.direction == "in":
                pixels = view(system.memory, place, stream, self.variables)
                if stream.port.element_bits == 1:
                    pixels &= 1
                inputs.append(pixels.copy())
        self.expected = case.model(inputs, self.extents)

    def put(self, memory):
        """The expected output into a copy of the memory."""
        stream = self.case.registers.streams[-1]
        row, counts = rows_of(stream, self.variables)
        rows = np.ascontiguousarray(self.expected).view(np.uint8).reshape(*reversed(counts), row)
        view(memory, self.places[-1], stream, self.variables)[:] = rows


def fresh(case, rng, **options):
    system = case.system.open(bytes=BYTES, seed=rng.randrange(1 << 30), **options)
    system.memory[:] = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 256, BYTES, np.uint8)
    return system, Driver(system, case.registers, case.generated)


def run_jobs(system, driver, jobs):
    """Run launches, queued as deep as it goes, and compare all of the memory."""
    wanted = system.memory.copy()
    for job in jobs:
        job.put(wanted)
    for job in jobs:
        driver.start(job.variables, job.places)
    driver.wait_all()
    system.finish()
    np.testing.assert_array_equal(system.memory, wanted)


def test_lint(case):
    lint(case.verilog, case.registers.name, allow=UNAVOIDABLE)


def test_verilog_has_no_escaped_names(case):
    code = re.sub(r"//.*", "", case.verilog)
    assert "\\" not in code
    assert set(re.findall(r"\$\w*", code)) <= {"$signed", "$unsigned"}


@pytest.mark.parametrize("options", [{}, {"stalls": 0.3}, {"latency_cycles": 3, "stalls": 0.05, "outstanding": 1}])
def test_random_launches(case, options):
    rng = random.Random(1)
    system, driver = fresh(case, rng, **options)
    room = Room(rng, BYTES)
    jobs = [Job(case, system, room, rng) for _ in range(8)]
    jobs += [Job(case, system, room, rng, jobs[-1].extents) for _ in range(6)]  # settings equal: without a gap
    jobs += [Job(case, system, room, rng, [1] * len(case.maxima)), Job(case, system, room, rng, case.maxima)]
    run_jobs(system, driver, jobs)
    assert driver.read("error", "code") == ErrorCode.NONE
    assert driver.read("launch_errors") == 0
    assert driver.read("status", "idle")


@pytest.mark.parametrize("name", ["blur", "sum"])
@pytest.mark.parametrize("kind", ["read", "write"])
def test_errors_anywhere_are_reported_and_the_next_launch_is_right(name, kind):
    case = made(name)
    rng = random.Random(5)
    for response in (SLVERR, DECERR):
        for _ in range(8):
            system, driver = fresh(case, rng, stalls=rng.choice([0, 0.3]), latency_cycles=20)
            room = Room(rng, BYTES)
            jobs = [Job(case, system, room, rng) for _ in range(3)]
            streams = [
                n for n, s in enumerate(case.registers.streams) if (s.port.direction == "in") == (kind == "read")
            ]
            number = rng.choice(streams)
            stream, place = case.registers.streams[number], jobs[1].places[number]
            row, counts = rows_of(stream, jobs[1].variables)
            offset = sum(rng.randrange(n) * stride for n, stride in zip(counts, place[1], strict=True))
            address = system.options.base + place[0] + offset + rng.randrange(row)
            system.inject(InjectedError(kind, address=address, response=response))
            for job in jobs:
                driver.start(job.variables, job.places)
            driver.wait_all()
            wanted = ErrorCode[f"{kind.upper()}_{'SLVERR' if response == SLVERR else 'DECERR'}"]
            assert driver.read("error", "code") == wanted
            assert driver.read("error", "stream") == number
            assert driver.read("launch_errors") >> driver.read("error_launch") & 1
            # Neighbouring launches may share the beat.
            assert bin(driver.read("launch_errors")).count("1") == 1
            burst = driver.read("error_address_low") + (driver.read("error_address_high") << 32)
            assert burst <= address < burst + 16 * case.config.data_bytes
            driver.write("error", 0)
            assert driver.read("error") == 0
            run_jobs(system, driver, [Job(case, system, room, rng) for _ in range(2)])
            assert driver.read("error", "code") == ErrorCode.NONE


def test_wrong_lengths_are_reported_and_the_next_launch_is_right(case):
    rng = random.Random(9)
    for number, stream in enumerate(case.registers.streams):
        for register in (stream.row_bytes, *stream.counts):
            for factor in (0.5, 2):
                system, driver = fresh(case, rng, latency_cycles=10)
                room = Room(rng, BYTES // 2)
                # Even the last count must differ by more than a word is rounded up to.
                job = Job(case, system, room, rng, [max(most // 2, 1) for most in case.maxima])
                driver.describe(job.variables, job.places)
                right = system.reg_read(register.offset)
                wrong = max(int(right * factor), 1)
                driver.write(register.name, wrong)
                if system.reg_read(register.offset) != wrong:
                    continue  # more than the hardware can express
                words = [-(-n // (stream.port.word_bits // 8 or 1)) for n in (right, wrong)]
                if register is stream.row_bytes and words[0] == words[1]:
                    continue
                driver.command("start")
                driver.started += 1
                driver.wait_all()
                source_longer = (wrong > right) == (stream.port.direction == "in")
                wanted = ErrorCode.STREAM_LONG if source_longer else ErrorCode.STREAM_SHORT
                assert driver.read("error", "code") == wanted, register.name
                assert driver.read("error", "stream") == number
                assert driver.read("launch_errors") == 1
                system.finish()
                driver.write("error", 0)
                run_jobs(system, driver, [Job(case, system, room, rng) for _ in range(2)])
                assert driver.read("error") == 0
                assert driver.read("launch_errors") == 1


def test_bad_starts_are_refused():
    case = made("blur")
    system, driver = fresh(case, random.Random(2), latency_cycles=500)
    job = Job(case, system, Room(random.Random(2), BYTES), random.Random(2))
    driver.describe(job.variables, job.places)
    driver.write(case.registers.streams[1].counts[0].name, 0)
    driver.command("start")
    assert driver.read("error") == ErrorCode.BAD_CONFIGURATION | 1 << 8
    assert driver.read("interrupt_status") == 2 and system.interrupt
    driver.write("interrupt_status", 2)
    assert driver.read("interrupt_status") == 0
    driver.write("error", 0)
    driver.describe(job.variables, job.places)
    for _ in range(5):
        driver.command("start")
    assert driver.read("launches_started") == 4
    assert driver.read("status", "queue_space") == 0
    assert driver.read("error") == ErrorCode.BAD_CONFIGURATION | 255 << 8
    assert driver.read("error_launch") == 4
    driver.started = 4
    driver.wait_all()
    assert driver.read("status", "idle")


def test_soft_reset_at_any_time(case):
    rng = random.Random(3)
    system, driver = fresh(case, rng, stalls=0.2, latency_cycles=30)
    room = Room(rng, BYTES)
    for _ in range(12):
        jobs = [Job(case, system, room, rng) for _ in range(3)]
        for job in jobs[: case.config.queue_depth]:
            driver.start(job.variables, job.places)
        system.run(rng.randrange(0, 1500))
        driver.command("soft_reset")
        while driver.read("status", "resetting"):
            system.run(1)
        system.finish()
        driver.write("interrupt_status", 3)
        assert driver.read("status", "idle") and driver.read("launches_started") == 0
        driver.started = 0
        room.position = 0
        run_jobs(system, driver, [Job(case, system, room, rng) for _ in range(2)])
        assert driver.read("launches_completed") == 2
        driver.started = 2
        room.position = 0


def test_counters_are_of_one_cycle_and_frames_follow_without_a_gap():
    case = made("blur")
    rng = random.Random(4)
    system, driver = fresh(case, rng, latency_cycles=60)
    room = Room(rng, BYTES)
    job = Job(case, system, room, rng, [64, 40])
    driver.describe(job.variables, job.places)
    for _ in range(4):
        driver.command("start")
    driver.started = 4
    driver.wait_all()
    driver.command("snapshot")
    scan = 66 * 42
    assert 4 * scan <= driver.read("cycles") <= 4 * scan + 250
    assert sum(driver.read(stream.stalls.name) for stream in case.registers.streams) < 250
    before = driver.read("cycles")
    system.run(100)
    driver.command("snapshot")
    assert driver.read("cycles") == before


@pytest.mark.slow
def test_1080p_at_one_pixel_a_cycle_is_95_percent_useful_behind_60_cycles_of_latency():
    width, height = 1920, 1080
    case = blur_case(size=(width, height))
    system = case.system.open(bytes=1 << 23, latency_cycles=60)
    system.memory[:] = np.random.default_rng(0).integers(0, 256, len(system.memory), np.uint8)
    driver = Driver(system, case.registers, case.generated)
    job = Job(case, system, Room(random.Random(0), 1 << 23), random.Random(0), [width, height])
    wanted = system.memory.copy()
    job.put(wanted)
    driver.describe(job.variables, job.places)
    before = system.cycle
    driver.command("start")
    assert system.run_until_irq(3_000_000)
    assert width * height / (system.cycle - before) >= 0.95
    system.finish()
    np.testing.assert_array_equal(system.memory, wanted)
