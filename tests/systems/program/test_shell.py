"""Shells of real applications on the simulated memory: frames exact, nothing lost, errors reported, cycles few."""

import functools
from pathlib import Path

import numpy as np
import pytest

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.frontend.region.identifiers import identifier
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import ErrorCode
from fluorite.run.launch import launches
from fluorite.systems.program.build import build_system
from fluorite.systems.program.launcher import HardwareError, Launcher
from fluorite.systems.program.settings import DECERR, SLVERR, InjectedError

APPS = Path(__file__).parents[3] / "apps"


@functools.cache
def built(app, lanes=1, width=1920, height=1080, config=None):
    """Accelerator of an application and its shell."""
    params = {"tile": 0, "lanes": lanes, "max_width": width, "max_height": height}
    if app == "fanout":
        del params["max_height"]
    loaded = load_pipeline(APPS / f"{app}.py", {name: str(value) for name, value in params.items()})
    (accelerator,) = fluorite.compile(loaded.pipeline, name=loaded.name).accelerators
    core = accelerator.in_shell(config)
    return accelerator, build_system(core.verilog, core.registers.name)


class Frame:
    """Random images for a launch, and where its output goes."""

    def __init__(self, accelerator, size, seed):
        generated = accelerator.generated
        extents = [*size, 3][: len(generated.region.func.args)]
        self.accelerator = accelerator
        self.scalars = {}  # where an input image lies and ends, for borders in hardware
        for name in generated.lowered.metadata:
            _, kind, dimension = name.rsplit(".", 2)
            self.scalars[name] = self.scalars[identifier(name)] = 0 if kind == "min" else extents[int(dimension)]
        (self.launch,) = launches(generated, [0] * len(extents), extents, self.scalars)
        random = np.random.default_rng(seed)

        def image(source):
            shape = generated.input(source.name).region(self.launch.mins, self.launch.extents)[1][::-1]
            high = min(2**source.type.bits, 2**16)
            return random.integers(0, high, shape).astype(f"uint{max(source.type.bits, 8)}")

        self.inputs = [image(source) for source in generated.region.inputs]
        self.outputs = [np.zeros(extents[::-1], f"uint{t.bits}") for t in generated.region.func.types]

    def start(self, launcher):
        self.started = launcher.start(self.launch, self.inputs, self.outputs)

    def check(self, launcher):
        cycle = launcher.finish(self.started)
        names = [i.name for i in self.accelerator.generated.region.inputs]
        given = dict(zip(names, self.inputs, strict=True))
        expected = self.accelerator.golden(given, self.launch.mins, self.launch.extents)
        for ours, halides in zip(self.outputs, expected, strict=True):
            np.testing.assert_array_equal(ours, halides)
        return cycle


CASES = [("harris", 1), ("demosaic", 2), ("blend", 1)]
MORE = [(app, lanes) for app in ("gaussian", "sobel", "median", "unsharp", "fanout", "jacobi") for lanes in (1, 2)]
MORE += [("harris", 4), ("blend", 3), ("demosaic", 1)]


@pytest.mark.parametrize(
    ("app", "lanes"), [*CASES, *(pytest.param(*case, marks=pytest.mark.system) for case in MORE)], ids=str
)
def test_frames_are_exact(app, lanes):
    accelerator, model = built(app, lanes, 200, 100)
    places = [{}, {"skew": 3, "row_gap": 5}, {"skew": 4093, "alignment": 4096, "row_gap": 1}]
    for number, place in enumerate(places):
        options = {} if number == 0 else {"stalls": 0.3, "seed": number, "reorder": True}
        system = model.open(bytes=8 << 20, **options)
        launcher = Launcher(system, accelerator.in_shell(), **place)
        sizes = [(61, 43), (71, 20), (9, 7), (4, 1)]
        frames = [Frame(accelerator, size, seed) for seed, size in enumerate(sizes)]
        for frame in frames:  # all of them in the queue
            frame.start(launcher)
        for frame in frames:
            frame.check(launcher)
        system.finish()


@pytest.mark.system
@pytest.mark.parametrize("bits", [(32, 32), (128, 40)], ids=str)
def test_ports_of_other_widths(bits):
    config = ShellConfig(data_bits=bits[0], address_bits=bits[1])
    accelerator, model = built("demosaic", 2, 200, 100, config)
    assert {master.data_bits for master in model.ports.masters} == {bits[0]}
    base = 1 << bits[1] - 4
    for seed in range(1, 4):
        system = model.open(base=base, bytes=8 << 20, stalls=0.3, seed=seed, reorder=True)
        launcher = Launcher(system, accelerator.in_shell(config), skew=2 * seed, row_gap=6)
        frames = [Frame(accelerator, size, seed) for seed, size in enumerate([(61, 43), (9, 7), (4, 1)])]
        for frame in frames:
            frame.start(launcher)
        for frame in frames:
            frame.check(launcher)
        system.finish()


def test_full_hd_wastes_few_cycles():
    accelerator, model = built("sobel")
    system = model.open(bytes=8 << 20, latency_cycles=60)
    launcher = Launcher(system, accelerator.in_shell())
    launcher.write("interrupt_enable", 3)
    frame = Frame(accelerator, (1920, 1080), 0)
    frame.start(launcher)
    cycles = frame.check(launcher) - frame.started.start_cycle
    assert 1920 * 1080 / cycles >= 0.95
    system.finish()


@pytest.mark.parametrize("kind", ["read", "write"])
def test_an_error_anywhere_is_reported_and_the_next_frame_is_right(kind):
    accelerator, model = built("harris", 1, 200, 100)
    random = np.random.default_rng(0)
    size = (33, 21)
    beats = {"read": 39 * 27 // 8, "write": 33 * 21 // 8}[kind]
    places = [0, 1, beats - 1, *random.integers(2, beats - 1, 8)]
    for number, beat in enumerate(places):
        system = model.open(bytes=8 << 20, stalls=0.2 * (number % 2), seed=number + 1)
        launcher = Launcher(system, accelerator.in_shell())
        response = (SLVERR, DECERR)[number % 2]
        system.inject(InjectedError(kind, beat=int(beat), response=response))
        frames = [Frame(accelerator, size, seed) for seed in range(3)]
        for frame in frames:
            frame.start(launcher)
        with pytest.raises(HardwareError) as caught:
            frames[0].check(launcher)
        names = {SLVERR: "SLVERR", DECERR: "DECERR"}
        assert caught.value.code == ErrorCode[f"{kind.upper()}_{names[response]}"]
        assert caught.value.launch == 0
        assert caught.value.stream == (0 if kind == "read" else 1)
        for frame in frames[1:]:
            frame.check(launcher)
        system.finish()


def test_a_soft_reset_at_any_time_leaves_nothing_behind():
    accelerator, model = built("harris", 1, 200, 100)
    for number, cycles in enumerate((0, 1, 7, 61, 150, 400, 900, 1700)):
        system = model.open(bytes=8 << 20, stalls=0.3 * (number % 2), seed=number + 1)
        launcher = Launcher(system, accelerator.in_shell())
        frames = [Frame(accelerator, (33, 21), seed) for seed in range(3)]
        for frame in frames[:2]:
            frame.start(launcher)
        system.run(cycles)
        launcher.command("soft_reset")
        waited = 0
        while launcher.read("status", "resetting"):
            waited += 1
            assert waited < 1000
        assert launcher.read("status", "idle") == 1
        system.finish()
        frames[2].start(launcher)
        assert frames[2].started.number == 0
        frames[2].check(launcher)
        system.finish()
