"""Pipeline files: Python files that hold one Halide ``@hl.generator`` class each."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import halide as hl
import numpy as np
from halide import _generator_helpers

from fluorite.errors import FluoriteError, UsageError
from fluorite.frontend.halide_io import to_buffer

__all__ = ["LoadedFile", "PipelineInput", "PipelineOutput", "load_pipeline"]

# Halide's registry of generators, and the names by which it reads a Type, have no public names: `_generator_helpers`,
# and a generator's `_outputs_dict`, are Halide's own and may change with its version, which is pinned.
# Executing a file changes what the process has one of: Python's path and modules, Halide's registry of generators.
_loading = threading.RLock()  # a file may load another


@dataclass(frozen=True, slots=True)
class PipelineInput:
    """An ``InputBuffer`` or ``InputScalar`` of the generator.

    Attributes
    ----------
    name : str
        Its name in the class.
    type : str
        Halide's name for the element type, such as ``"uint8"``.
    dimensions : int
        Number of dimensions; 0 for a scalar.
    parameter : halide.ImageParam or halide.Param
        What the pipeline reads; :meth:`LoadedFile.set_image` and :meth:`LoadedFile.set_scalar` set it.
    """

    name: str
    type: str
    dimensions: int
    parameter: Any

    @property
    def is_buffer(self) -> bool:
        """Whether the input is an image and not a scalar."""
        return isinstance(self.parameter, hl.ImageParam)


@dataclass(frozen=True, slots=True)
class PipelineOutput:
    """An output of the generator; a Tuple has several ``types``."""

    name: str
    types: tuple[str, ...]
    dimensions: int


@dataclass(slots=True)
class LoadedFile:
    """A pipeline built from a file, with its inputs and outputs in the order of their declaration.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    name : str
        Name given to ``@hl.generator``.
    pipeline : halide.Pipeline
        The pipeline, annotations included.
    params : dict of str to object
        Every GeneratorParam with the value it was built with.
    inputs : tuple of PipelineInput
    outputs : tuple of PipelineOutput
    """

    path: Path
    name: str
    pipeline: hl.Pipeline
    params: dict[str, object]
    inputs: tuple[PipelineInput, ...]
    outputs: tuple[PipelineOutput, ...]
    _alive: dict[str, object] = field(default_factory=dict, repr=False)

    @property
    def images(self) -> tuple[PipelineInput, ...]:
        """The inputs that are images."""
        return tuple(i for i in self.inputs if i.is_buffer)

    @property
    def scalars(self) -> tuple[PipelineInput, ...]:
        """The inputs that are scalars."""
        return tuple(i for i in self.inputs if not i.is_buffer)

    def input(self, name: str) -> PipelineInput:
        """Return the input called `name`.

        Raises
        ------
        UsageError
            If there is none.
        """
        for candidate in self.inputs:
            if candidate.name == name:
                return candidate
        known = ", ".join(i.name for i in self.inputs) or "none"
        raise UsageError(f"{self.name} has no input {name!r}; its inputs are: {known}")

    def set_image(self, name: str, array: np.ndarray[Any, Any], mins: tuple[int, ...] = ()) -> None:
        """Give the input `name` an image.

        Parameters
        ----------
        name : str
            Name of an ``InputBuffer``.
        array : numpy.ndarray
            The image with the outermost dimension first: ``array[y, x]`` or ``array[c, y, x]``.
        mins : tuple of int
            Halide's coordinate of the first element per dimension, innermost first; zeros if empty.

        Raises
        ------
        UsageError
            If there is no such input, or it takes another type or number of dimensions.
        """
        target = self.input(name)
        if not target.is_buffer or target.dimensions != array.ndim or target.type != halide_type(array.dtype):
            raise UsageError(
                f"{self.name}.{name} takes {describe(target)}, not a {array.ndim}-D image of {halide_type(array.dtype)}"
            )
        # Writable and of this machine's byte order, as Halide wants it, and ours.
        array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
        buffer = to_buffer(array)
        if mins:
            buffer.set_min(list(mins))
        self._alive[name] = (array, buffer)  # an hl.Buffer does not keep the array's memory alive
        target.parameter.set(buffer)

    def set_scalar(self, name: str, text: str) -> None:
        """Give the scalar input `name` the value that `text` spells.

        Raises
        ------
        UsageError
            If there is no such input, or the text is not a value of its type.
        """
        target = self.input(name)
        if target.is_buffer:
            raise UsageError(f"{self.name}.{name} takes {describe(target)}, not a scalar")
        if target.type == "bool":
            value: object = _parse_bool(text)
        elif target.type.startswith("float"):
            value = _parse(float, text)
        else:
            value = _parse(lambda t: int(t, 0), text)
            bits = target.parameter.type().bits()
            low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if target.type[0] == "i" else (0, (1 << bits) - 1)
            if isinstance(value, int) and not low <= value <= high:
                value = None
        if value is None:
            raise UsageError(f"{self.name}.{name} must be a value of type {target.type}, not {text!r}")
        target.parameter.set(value)


def halide_type(dtype: np.dtype[Any]) -> str:
    """Return Halide's name of a numpy element type; they differ in nothing that Halide has."""
    return np.dtype(dtype).name


def describe(target: PipelineInput) -> str:
    """Return what `target` takes, as a phrase for messages."""
    return f"a {target.dimensions}-D image of {target.type}" if target.is_buffer else f"a scalar of type {target.type}"


def load_pipeline(path: str | Path, params: Mapping[str, str] | None = None) -> LoadedFile:
    """Build the pipeline of the one generator in a file.

    Parameters
    ----------
    path : str or pathlib.Path
        A Python file with one ``@hl.generator`` class. It is executed.
    params : mapping of str to str
        Values of its GeneratorParams, spelled as on a command line.

    Raises
    ------
    UsageError
        If the file cannot be read or executed, holds no generator or several, has no such
        GeneratorParam, or if a value has the wrong form.
    CompileError
        If the annotations in the schedule are wrong.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    with _loading:
        name, cls = _the_generator(path)
    defaults = _generator_params(cls)
    values: dict[str, object] = {}
    for key, text in (params or {}).items():
        if key not in defaults:
            known = ", ".join(defaults) or "none"
            raise UsageError(f"{path}: {name} has no GeneratorParam {key!r}; it has: {known}")
        values[key] = _param_value(path, name, key, defaults[key], text)
    with _reported(path), hl.GeneratorContext(hl.Target("host")):
        generator = cls()
        for key, value in values.items():  # Halide's own way makes True of "false", and cannot set a Type
            generator._gp_dict[key] = hl.GeneratorParam(value)
        pipeline = generator._build_pipeline()
    inputs = tuple(
        PipelineInput(i, str(p.type()), p.dimensions() if isinstance(p, hl.ImageParam) else 0, p)
        for i, p in ((i, getattr(generator, i)) for i in generator._inputs_dict)
    )
    outputs = tuple(
        PipelineOutput(o, tuple(str(t) for t in f.types()), f.dimensions())
        for o, f in ((o, getattr(generator, o)) for o in generator._outputs_dict)
    )
    return LoadedFile(path, name, pipeline, {**defaults, **values}, inputs, outputs)


def _the_generator(path: Path) -> tuple[str, Any]:
    registry: dict[str, type] = _generator_helpers._python_generators
    module_name = f"fluorite_pipeline_{path.stem}"
    # A file may be loaded again, and two files may use one generator name: keep them out of Halide's registry.
    before = dict(registry)
    registry.clear()
    try:
        _execute(path, module_name)
        found = {n: c for n, c in registry.items() if _is_defined_in(c, module_name)}
        imported = {n: c for n, c in registry.items() if n not in found and not _is_alias(c)}
    finally:
        registry.clear()
        registry.update(before)
    registry.update(imported)
    if not found:
        raise UsageError(f"{path}: holds no Halide generator; decorate one class with @hl.generator(name=...)")
    if len(found) > 1:
        names = ", ".join(sorted(found))
        raise UsageError(f"{path}: holds {len(found)} Halide generators ({names}); keep one in a file")
    return next(iter(found.items()))


def _execute(path: Path, module_name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: is not a Python file (its name must end in .py)")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules[module_name] = module  # dataclasses and pickle look their module up
    try:
        with _reported(path):
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
        sys.modules.pop(module_name, None)
    return module


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn whatever the user's file raises into one line that names the place in it."""
    names = (str(path), os.path.abspath(path))  # Python makes a file's name absolute
    try:
        yield
    except (FluoriteError, KeyboardInterrupt):
        raise
    except SyntaxError as error:
        name = path if error.filename in (None, *names) else error.filename
        place = str(name) if error.lineno is None else f"{name}:{error.lineno}"
        raise UsageError(f"{place}: {error.msg}") from error
    except BaseException as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in names]
        place = f"{path}:{frames[-1].lineno}" if frames else str(path)
        if isinstance(error, SystemExit):  # its code would be taken for the command's
            raise UsageError(f"{place}: leaves Python, by sys.exit({error.code!r})") from error
        text = " ".join(str(error).split()).removeprefix("Error: ")
        kind = "" if isinstance(error, hl.HalideError) else f"{type(error).__name__}: "
        raise UsageError(f"{place}: {kind}{text}") from error


def _is_alias(cls: type) -> bool:
    return "_halide_alias_generator_params" in cls.__dict__


def _is_defined_in(cls: type, module_name: str) -> bool:
    # The decorator wraps the user's class in one of Halide's own module.
    return not _is_alias(cls) and any(base.__module__ == module_name for base in cls.__mro__)


def _generator_params(cls: type) -> dict[str, object]:
    """Return the defaults of the GeneratorParams, in the order of their declaration."""
    return {
        name: member._value
        for base in reversed(cls.__mro__)
        for name, member in base.__dict__.items()
        if isinstance(member, hl.GeneratorParam)
    }


def _param_value(path: Path, generator: str, key: str, default: object, text: str) -> object:
    value: object
    match default:
        case bool():
            value, what = _parse_bool(text), "true or false"
        case int():
            value, what = _parse(lambda t: int(t, 0), text), "an integer"
        case float():
            value, what = _parse(float, text), "a number"
        case str():
            value, what = text, "text"
        case _:  # a Type: the names that Halide itself reads
            known = _generator_helpers._type_string_map
            value, what = known.get(text), f"one of {', '.join(known)}"
    if value is None:
        raise UsageError(f"{path}: {generator}'s GeneratorParam {key} must be {what}, not {text!r}")
    return value


def _parse_bool(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower())


def _parse(convert: Any, text: str) -> Any:
    try:
        return convert(text)
    except ValueError:
        return None
