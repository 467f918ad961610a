"""The applications whose streams come at different rates, in every number of lanes that they have.

`make test-sweeps` runs them all: simulated, in testbenches and as ARM programs. `make test` runs a few of each.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fluorite.frontend.pipeline_file import LoadedFile, load_pipeline
from fluorite.run.images import random_image

__all__ = ["ABSENT", "CASES", "RATE_APPS", "UNTILED", "RateCase", "by_turns"]

APPS = Path(__file__).parent.parent / "apps"
LANES = (1, 2, 3, 4, 8)
TILE = 24  # a multiple of every number of lanes
LARGEST = {"max_width": 250, "max_height": 160}
# By application, what it does in each of its kinds. Pyramids have as many levels as make three rates or more.
KINDS: dict[str, tuple[dict[str, object], ...]] = {
    "binning": ({}, {"colour": False}),
    "downsample": ({}, {"taps": 2}),
    "bilinear": ({},),
    "max_pool": ({}, {"window": 2}),
    "resample32": ({}, {"up": True}),
    "flat_field": ({},),
    "nv12": ({},),
    "to_nv12": ({},),
    "thumbnails": ({},),
    "demosaic_half": ({},),
    "pyramid": ({"levels": 2},),
    "pyramid_blend": ({"levels": 2},),
    "exposure_fusion": ({"levels": 2},),
}
RATE_APPS = tuple(KINDS)
# Where a stream has half as many pixels as the result, lanes are even; upwards, three pixels of the result are two.
EVEN = ("bilinear", "to_nv12", "thumbnails", "pyramid", "pyramid_blend", "exposure_fusion")
UNTILED = ("to_nv12", "thumbnails")


@dataclass(frozen=True)
class RateCase:
    """An application and how it is compiled.

    Attributes
    ----------
    app : str
        The file's name.
    lanes : int
        Of the accelerated Func.
    tiled : bool
        In tiles of 24 x 24, or whole images of at most 250 x 160.
    kind : dict
        What else is asked for.
    """

    app: str
    lanes: int
    tiled: bool
    kind: dict[str, object] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        kind = "".join(f"-{name}={value}" for name, value in self.kind.items())
        return f"{self.app}-{self.lanes}-{'tiles' if self.tiled else 'whole'}{kind}"

    @property
    def params(self) -> dict[str, str]:
        """GeneratorParams, as the command takes them."""
        size = {"tile": TILE} if self.tiled else {"tile": 0, **LARGEST}
        if self.app in UNTILED:
            del size["tile"]
        return {name: str(value) for name, value in {**size, "lanes": self.lanes, **self.kind}.items()}

    def load(self) -> LoadedFile:
        """The pipeline; new Params every time."""
        return load_pipeline(APPS / f"{self.app}.py", self.params)

    def images(self, width: int, height: int, seed: int = 0) -> tuple[dict[str, np.ndarray], list[int]]:
        """Random images as a camera or decoder has them for this result, and the result's sizes, (x, y) or (x, y, 3).

        They begin at the origin. The result of ``to_nv12`` is of a photograph of this size; of ``thumbnails`` it is the
        first one.
        """
        random = np.random.default_rng(seed)
        if self.app == "thumbnails":  # where an output has no pixels, Halide computes none of any
            width, height = max(width, 8), max(height, 8)
        even = (width + width % 2, height + height % 2)
        shapes: dict[str, tuple[int, ...]] = {"input": (width, height)}
        result = [width, height]
        match self.app:
            case "binning" | "downsample" | "max_pool" | "demosaic_half":
                shapes = {"input": (2 * even[0], 2 * even[1])}
            case "bilinear":
                shapes = {"input": (even[0] // 2, even[1] // 2)}
            case "resample32":
                shapes = {"input": tuple(-(-n * 2 // 3) if self.kind else -(-n * 3 // 2) for n in (width, height))}
            case "flat_field":
                profiles = {"gain_x": (width // 8 + 2,), "gain_y": (height // 8 + 2,)}
                shapes |= {**profiles, "black": ()}
            case "nv12":
                shapes = {"luma": (width, height), "chroma": (even[0], even[1] // 2)}
            case "to_nv12":
                shapes = {"input": (width, height, 3)}
                result = [width, height + even[1] // 2]
            case "thumbnails":
                shapes = {"input": (width, height, 3)}
            case "pyramid_blend":
                shapes = {"a": (width, height, 3), "b": (width, height, 3), "mask": (width, height)}
            case "exposure_fusion":
                shapes = {"dark": (width, height), "bright": (width, height)}
        type_name = "uint16" if self.app in ("binning", "demosaic_half") else "uint8"
        if self.app in ("nv12", "demosaic_half", "thumbnails", "pyramid_blend"):
            result.append(3)
        return {name: random_image(shape[::-1], type_name, random) for name, shape in shapes.items()}, result


def _exists(app: str, lanes: int, kind: dict[str, object]) -> bool:
    if lanes == 1:
        return True
    if app == "resample32":
        return lanes % (3 if kind else 2) == 0
    return app not in EVEN or lanes % 2 == 0


_ALL = [
    RateCase(app, lanes, tiled, kind)
    for app, kinds in KINDS.items()
    for kind in kinds
    for lanes in LANES
    for tiled in (True, False)
    if not (tiled and app in UNTILED)
]
CASES = [case for case in _ALL if _exists(case.app, case.lanes, case.kind)]
#: Lanes that do not divide: refused.
ABSENT = [case for case in _ALL if case not in CASES]


def by_turns(first: int) -> list[RateCase]:
    """Of each application and number of lanes one case, in tiles or whole by turns, beginning with `first` (0, 1)."""
    found: dict[tuple[str, int], list[RateCase]] = {}
    for case in CASES:
        found.setdefault((case.app, case.lanes), []).append(case)
    return [cases[(first + number) % len(cases)] for number, cases in enumerate(found.values())]
