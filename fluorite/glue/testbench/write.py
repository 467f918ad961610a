"""The testbench folder of a design: tests in cocotb, what they need, and Halide's answers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fluorite.glue.testbench.frames import make_frames
from fluorite.glue.testbench.launch_module import image_file, launch_module
from fluorite.glue.testbench.readme import readme
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.python_class import python_class
from fluorite.hwgen.shell.registers import register_map
from fluorite.sim.run import AnyArray

if TYPE_CHECKING:
    from fluorite.design import Design

__all__ = ["write_testbench"]

_FILES = Path(__file__).parent / "files"


def write_testbench(design: Design, folder: str | Path, configs: Sequence[ShellConfig | None] = (None,)) -> list[Path]:
    """Write a testbench in cocotb for every accelerator of a design.

    It stands alone and tests ``<func>_axi.v`` or ``<func>_axis.v`` in the folder above.

    Parameters
    ----------
    design : Design
    folder : str or Path
        Made if it is not there.
    configs : sequence of ShellConfig or None
        The shells that are written, one of each kind at most; None is the default one.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    UsageError
        No image is such that an accelerator can compute it.
    """
    folder = Path(folder)
    kinds = {(config or ShellConfig()).kind: config for config in configs}
    names = ["run.py", "bench.py", *(f"{file}_{kind}.py" for kind in kinds for file in ("test",))]
    names += [f"{kind}_bench.py" for kind in kinds]
    files: dict[str, str | bytes] = {name: (_FILES / name).read_text() for name in names}
    maps = []
    for accelerator in design.accelerators:
        generated = accelerator.generated
        frames = make_frames(accelerator, design.loaded.parameters)
        for number, frame in enumerate(frames):
            images = frame.images | {f"{name}_mask": mask for name, mask in frame.masks.items()}
            files |= {f"images/{image_file(generated, number, n)}": _npy(image) for n, image in images.items()}
        for config in kinds.values():
            maps.append(register_map(generated, config))
            files[f"{maps[-1].name}_registers.py"] = python_class(maps[-1])
            files[f"{maps[-1].name}_launch.py"] = launch_module(generated, maps[-1], frames)
    files["README.md"] = readme(design.name, maps)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return [folder / name for name in files]


def _npy(array: AnyArray) -> bytes:
    made = io.BytesIO()
    np.save(made, array, allow_pickle=False)
    return made.getvalue()
