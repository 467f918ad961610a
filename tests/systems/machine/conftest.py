"""Applications built for machines, once for all tests of a process."""

import functools
import tempfile
from pathlib import Path

import numpy as np

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.run.images import crop
from fluorite.run.verify import compare, output_arrays, output_names, output_sizes, set_random
from fluorite.systems.machine.run import MachineProgram

APPS = Path(__file__).parents[3] / "apps"


@functools.cache
def compiled(app):
    """An application, loaded once: its Funcs would get other names, and nothing would be found in the cache."""
    params = {"tile": "64"} if app in ("harris", "pyramid") else {"max_width": "400"}
    loaded = load_pipeline(APPS / f"{app}.py", params)
    return loaded, fluorite.compile(loaded.pipeline, name=loaded.name)


@functools.cache
def built(app, machine):
    """An application and its program for a machine; registers start at random."""
    loaded, design = compiled(app)
    folder = tempfile.TemporaryDirectory()
    program = MachineProgram.build(design, machine, Path(folder.name), random_power_up=True)
    program.keep = folder
    return loaded, program


def random_inputs(loaded, size, seed=0):
    """Set random images as files have them, from (0, 0) on and as large as the output; returns them and the sizes."""
    sizes = output_sizes(loaded, size)
    set_random(loaded, sizes, seed)
    images = {}
    for image in loaded.images:
        images[image.name] = crop(np.array(image.parameter.get()), sizes[:2])
        loaded.set_image(image.name, images[image.name])
    return images, sizes


def run(loaded, program, images, sizes, **options):
    """Run on a machine and compare with Halide; returns what came of it."""
    expected = output_arrays(loaded.pipeline.realize(sizes))
    arrays = [np.full_like(array, 85) for array in expected]
    done = program.run(images, arrays, timeout_seconds=300, **options)
    for name, ours, halides in zip(output_names(loaded), arrays, expected, strict=True):
        assert compare(name, halides, ours) is None
    return done
