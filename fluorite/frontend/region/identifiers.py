"""Identifiers: what Funcs, images, Params and Vars are called in Verilog, C, Python and as files.

Halide takes any text as a name. Here is decided, once for a whole pipeline, what stands for it wherever a language or
a file system is stricter: letters, digits and single underscores, the letter first, at most 40 of them. Different
names never share one, nor do the names that are made of them (``extent_x``, ``gain_valid``); upper and lower case
count as the same, for macros and file systems that see no difference. A name that is an identifier already is kept.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fluorite.frontend.algorithm import ir
from fluorite.frontend.annotations import annotations_of
from fluorite.frontend.region.reserved import DRIVER, FILES, SIGNALS

__all__ = ["Identifiers", "Taken", "identifier", "identifiers_of", "shown"]

_LONGEST = 40  # with what is put around it, a file's name stays below 255
_DIGEST = 8
_MOST_DIMENSIONS = 16

#: What an accelerator's own name is followed by in names of files, modules, functions and types.
_OF_ACCELERATOR = (
    "", "_core", "_axi", "_axis", "_axi_registers", "_axis_registers", "_axi_launch", "_axis_launch", "_accelerator",
    "_launch", "_prepare", "_settings", "_streams",
)  # fmt: skip
_OF_STREAM = ("", "_valid", "_ready", "_data", "_last")
_OF_VAR = ("min_{}", "extent_{}", "origin_{}", "scan_last_{}", "image_last_{}")


def identifier(name: str) -> str:
    """A name as an identifier, by itself: what may not be in it becomes an underscore, a long one gets a digest."""
    ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    text = re.sub(r"[^A-Za-z0-9]+", "_", ascii_text).strip("_") or "unnamed"
    if text[0].isdigit():
        text = f"f_{text}"
    if len(text) > _LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
        text = f"{text[: _LONGEST - _DIGEST - 1].rstrip('_')}_{digest}"
    return text


def shown(name: str) -> str:
    """A name for a comment or a title of a generated file: as it is, or its identifier where it is not plain text."""
    return name if re.fullmatch(r"[\w$.]{1,80}", name, re.ASCII) else identifier(name)


class Taken:
    """Names that are in use; upper and lower case count as the same."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = {name.lower() for name in names}

    def take(self, wanted: str, made: Callable[[str], Iterable[str]] = lambda name: (name,)) -> str:
        """Take a name, with the least number behind it that makes it free if it is not.

        Parameters
        ----------
        wanted : str
            The name.
        made : callable
            All names that are made of a name, which must be free too.

        Returns
        -------
        str
            The name that is taken: ``blur``, or ``blur_2``.
        """
        number, name = 1, wanted
        while any(part.lower() in self._names for part in made(name)):
            number += 1
            name = f"{wanted}_{number}"
        self._names.update(part.lower() for part in made(name))
        return name


@dataclass(frozen=True)
class Identifiers:
    """The identifiers of a pipeline.

    Attributes
    ----------
    words : mapping of str to str
        By Halide's name. An element of a Tuple, ``f.1``, has one of its own.
    """

    words: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """What a Func, an element of its Tuple, an image, a Param or an accelerated Func's argument is called."""
        return self.words[name]

    def extent(self, var: str) -> str:
        """The variable of formulas that is a launch's extent along a dimension."""
        return f"extent_{self.words[var]}"

    def minimum(self, var: str) -> str:
        """The variable of formulas that is a launch's first coordinate along a dimension."""
        return f"min_{self.words[var]}"

    def param(self, name: str) -> str:
        """The variable of formulas, and the setting, that is a Param's value."""
        return f"param_{self.words[name]}"

    def metadata(self, name: str) -> str:
        """The variable of formulas, and the setting, that is an image's extent or min, ``image.extent.0``."""
        image, what, dimension = name.rsplit(".", 2)
        return f"{self.words.get(image) or identifier(image)}_{what}_{dimension}"


def identifiers_of(pipeline: ir.Pipeline) -> Identifiers:
    """Choose the identifiers of a pipeline; the same for the same names, whatever their order."""
    made: dict[str, list[str]] = {}  # by name, patterns of what is made of its identifier
    forbidden: dict[str, frozenset[str]] = {}
    accelerated: set[str] = set()
    for name, func in pipeline.funcs.items():
        for index in range(len(func.types)):
            element = name if index == 0 else f"{name}.{index}"
            made.setdefault(element, []).extend(f"{{}}{part}" for part in _OF_STREAM)
            forbidden[element] = SIGNALS
        accelerate = annotations_of(func).accelerate
        if accelerate is not None:
            accelerated.add(name)
            made[name] += [f"{{}}{part}" for part in _OF_ACCELERATOR[1:]]
            forbidden[name] = SIGNALS | FILES
            for output in (name, *accelerate.outputs):
                for var in pipeline.funcs[output].args if output in pipeline.funcs else ():
                    made.setdefault(var, []).extend(_OF_VAR)
    for name, parameter in pipeline.parameters.items():
        if parameter.is_buffer:
            sizes = (f"{{}}_{what}_{d}" for d in range(_MOST_DIMENSIONS) for what in ("min", "extent"))
            made.setdefault(name, []).extend((*(f"{{}}{part}" for part in _OF_STREAM), *sizes))
            forbidden[name] = forbidden.get(name, SIGNALS)
        else:
            made.setdefault(name, []).extend(("param_{}", "{}"))

    words: dict[str, str] = {}
    taken = Taken(f"fluorite_{word}" for word in DRIVER)

    def parts(name: str) -> Callable[[str], Iterable[str]]:
        patterns = list(dict.fromkeys(made[name]))

        def of(word: str) -> list[str]:
            found = [pattern.format(word) for pattern in patterns]
            if name in accelerated:  # C's names, and those of classes, which are without underscores
                found += [f"fluorite_{word}{part}" for part in _OF_ACCELERATOR]
                found.append(f"class {word.replace('_', '')}")
            return found

        return of

    for name in sorted(made, key=lambda name: (identifier(name) != name, name)):
        word = identifier(name)
        if word.lower() in forbidden.get(name, ()):
            word = f"f_{word}"
        words[name] = taken.take(word, parts(name))
    return Identifiers(words)
