"""Designs with testbenches, and the one command that runs one."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import halide as hl

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.glue.testbench import write_testbench
from fluorite.host.cache import cache_directory
from fluorite.hwgen.shell.config import ShellConfig
from tests.glue.designs import example

x, y, z = hl.vars("x y z")
ROOT = Path(__file__).parents[2]
AXI, AXIS = ShellConfig(), ShellConfig(kind="axis")
# Whole images, with borders in hardware where there are some; tiles; several lanes, inputs, channels; one dimension.
APPS = {
    "gaussian": {"tile": 0},
    "harris": {"tile": 256},
    "sobel": {"tile": 0, "lanes": 3},
    "median": {"tile": 0},
    "unsharp": {"tile": 0},
    "blend": {"tile": 64},
    "demosaic": {"tile": 33, "lanes": 2},
    "jacobi": {"tile": 0},
    "fanout": {"tile": 0},
    # Over time.
    "box": {"radius": 2},
    "dither": {},
    # At other rates.
    "binning": {"tile": 33},
    "downsample": {"tile": 0, "lanes": 2},
    "bilinear": {"tile": 33},
    "max_pool": {"tile": 0},
    "resample32": {"tile": 0},
    "flat_field": {"tile": 0},
    "nv12": {"tile": 33},
    "to_nv12": {},
    "thumbnails": {},
    "demosaic_half": {"tile": 32, "lanes": 2},
    "pyramid": {"tile": 0, "levels": 2},
    "pyramid_blend": {"tile": 0, "levels": 1},
    "exposure_fusion": {"levels": 1},
}


@functools.cache
def compiled(app):
    loaded = load_pipeline(ROOT / "apps" / f"{app}.py", {key: str(value) for key, value in APPS[app].items()})
    return fluorite.compile(loaded.pipeline, name=app)


def write(design, folder, *configs):
    """The design, or for other shells than its own the hardware and the testbench alone."""
    if configs == (design.shell,):
        design.write(folder)
        return folder / "testbench"
    write_testbench(design.name, design.accelerators, design.loaded.parameters, folder / "testbench", configs)
    for accelerator in design.accelerators:
        for config in configs:
            core = accelerator.in_shell(config)
            (folder / f"{core.registers.name}.v").write_text(core.verilog)
    return folder / "testbench"


def run(folder, *arguments):
    """The one command; returns exit code and what was printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COCOTB", "MAKE"))}
    # The virtual environment need not be activated.
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != Path(sys.executable).parent]
    environment["PATH"] = os.pathsep.join(folders)
    environment["OBJCACHE"] = str(Path(__file__).with_name("object_cache.sh"))
    environment["OBJECT_CACHE"] = str(cache_directory() / "objects")
    command = [sys.executable, "run.py", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout


def passed(printed):
    """How many tests passed; all did."""
    found = re.findall(r"TESTS=(\d+) PASS=(\d+) FAIL=0 SKIP=0", printed)
    assert found and all(tests == passes for tests, passes in found), printed
    return sum(int(tests) for tests, _ in found)


# --- designs beside the applications ----------------------------------------------------------------------------------


def accelerated(value, inputs, bound=None):
    """A Func of x and y with this value, and the pipeline around it."""
    func, out = hl.Func("accelerated"), hl.Func("out")
    func[x, y] = value
    out[x, y] = func[x, y]
    func.compute_root()
    for variable, extent in zip((x, y), bound or (1000, 700), strict=True):
        func.bound(variable, 0, extent) if bound else func.set_estimate(variable, 0, extent)
    func.accelerate(inputs, x, hl.Var.outermost())
    return out


def volume():
    """Three dimensions, two lanes, a Tuple of two types, a bit for an input and one for an output, a Param."""
    a, mask = hl.ImageParam(hl.UInt(8), 3, "a"), hl.ImageParam(hl.Bool(), 3, "mask")
    gain = hl.Param(hl.Int(16), "gain")
    gain.set(-7)
    func, out = hl.Func("volume"), hl.Func("out")
    product = hl.i16(hl.select(mask[x, y, z], a[x, y, z + 1], a[x + 1, y, z])) * gain
    func[x, y, z] = (product, mask[x, y, z] & (a[x, y, z] > 100))
    out[x, y, z] = (func[x, y, z][0], func[x, y, z][1])
    func.compute_root().unroll(x, 2, hl.TailStrategy.GuardWithIf)
    for variable, extent in ((x, 70), (y, 30), (z, 9)):
        func.set_estimate(variable, 0, extent)
    func.accelerate([a, mask], x, hl.Var.outermost())
    return out


def elsewhere():
    """A border around an image that is not an input of the accelerator."""
    source, other = hl.ImageParam(hl.UInt(8), 2, "source"), hl.ImageParam(hl.UInt(8), 2, "other")
    edge = hl.BoundaryConditions.repeat_edge(source, [(0, other.width()), (0, other.height())])
    return accelerated(edge[x - 1, y] + edge[x + 1, y + 1], [source])


def pyramid():
    """Half the size and back, from any origin."""
    image, half = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("half")
    half[x, y] = hl.u8((hl.u16(image[2 * x, 2 * y]) + image[2 * x + 1, 2 * y - 1]) / 2)
    half.compute_root().linebuffer()
    return accelerated(image[x, y] - half[x / 2, (y + 1) / 2], [image])


def twice():
    """Two inputs, one with twice the pixels of the output and one with half of them, two pixels a cycle."""
    fine, coarse = hl.ImageParam(hl.UInt(8), 2, "fine"), hl.ImageParam(hl.UInt(8), 2, "coarse")
    func, out = hl.Func("twice"), hl.Func("out")
    func[x, y] = fine[2 * x, 2 * y] + coarse[x / 2, y / 2]
    out[x, y] = func[x, y]
    func.compute_root().unroll(x, 2, hl.TailStrategy.GuardWithIf).set_estimate(x, 0, 70).set_estimate(y, 0, 30)
    func.accelerate([fine, coarse], x, hl.Var.outermost())
    return out


DESIGNS = ("volume", "blocks", "scaled", "fixed", "bordered", "elsewhere", "pyramid", "twice")


@functools.cache
def design(name):
    """One of them, or of the driver's tests."""
    made = globals().get(name)
    return fluorite.compile(made(), name=name) if made else example(name).design
