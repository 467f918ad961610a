"""One accelerator's part of the module: its registers and its class."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Sequence
from functools import cached_property

from fluorite.boards.placement import Placed
from fluorite.boards.vlnv import vlnv
from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.identifiers import shown
from fluorite.frontend.region.signature import StageScalar
from fluorite.glue.python_code import python_formula, python_function
from fluorite.glue.registers.python_class import class_name, register_class
from fluorite.hwgen.formula import Formula
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.placed import PlacedImage
from fluorite.hwgen.plan.stream_plan import StreamPlan, used_by
from fluorite.hwgen.shell.registers import ERROR_TEXTS, StreamRegisters

__all__ = ["AcceleratorClass"]

#: Keywords of a call that are not Params.
_TAKEN = frozenset(("images", "out", "origin", "pad", "timeout_s", "pause", "self"))


class AcceleratorClass:
    """Prints the Python of one accelerator.

    Parameters
    ----------
    generated : Generated
        The hardware.
    placed : Placed
        Its registers, of kind ``"axi"``, and its interrupt.
    """

    def __init__(self, generated: Generated, placed: Placed) -> None:
        self.generated = generated
        self.placed = placed
        self.registers = placed.registers
        self.region = generated.region

    @property
    def name(self) -> str:
        """Of the class: ``harris_axi`` as ``HarrisAxi``."""
        return class_name(self.registers).removesuffix("Registers")

    # --- names ----------------------------------------------------------------------------------------------------

    @cached_property
    def params(self) -> dict[str, tuple[str, ir.Type]]:
        """By keyword, the formulas' name and the type of each Param."""
        found = {}
        for scalar in self.generated.signature.params:
            word = self.region.names[scalar.param]
            found[f"{word}_" if word in _TAKEN or keyword.iskeyword(word) else word] = (scalar.name, scalar.type)
        return found

    @cached_property
    def _names(self) -> dict[str, str]:
        """Python's names of the formulas' variables."""
        return {name: name for name in (*self.generated.variables, *self.generated.lowered.derived)}

    def dtype(self, stream: StreamPlan) -> str:
        """Numpy's name of a stream's values."""
        port = stream.port
        if port.element_bits == 1:
            return "bool"
        return f"{'' if port.signed else 'u'}int{port.element_bits}"

    # --- the class ------------------------------------------------------------------------------------------------

    def source(self) -> str:
        """Classes of the registers and of the accelerator."""
        parts = [
            register_class(self.registers).rstrip("\n").split("\n"),
            *([*self._needs(stream), ""] for stream in self.generated.streams),
            *([*self._reads(stream), ""] for stream in self.generated.streams if stream.lies_anywhere),
            *([*self._border(n, border), ""] for n, border in enumerate(self._all_borders)),
            *([*self._place(n, image), ""] for n, image in enumerate(self.generated.lowered.images)),
            list(self._class()),
        ]
        return "\n\n\n".join("\n".join(part).rstrip("\n") for part in parts) + "\n"

    def _class(self) -> Iterator[str]:
        yield f"class {self.name}(Accelerator):"
        yield f'    """The accelerator for the Halide Func {shown(self.region.name)}.'
        yield ""
        yield from (f"    {line}".rstrip() for line in self.usage())
        yield '    """'
        yield ""
        yield f'    bindto = ["{vlnv(self.registers)}"]'
        yield f'    FUNC = "{shown(self.region.name)}"'
        yield f"    INTERRUPT = {self.placed.interrupt}"
        yield f"    COHERENT = {all(master.port.coherent for master in self.placed.masters)}"
        yield f"    REGISTERS = {class_name(self.registers)}"
        yield "    ERROR_TEXTS = {"
        yield from (f'        {code.value}: "{text}",' for code, text in ERROR_TEXTS.items())
        yield "    }"
        yield "    LOOPS = ("
        for loop, step, cut in zip(self.region.loops, self.generated.steps, self.generated.cuts, strict=True):
            yield (
                f'        Loop("{self.region.names[loop.var]}", max_extent={loop.max_extent}, '
                f"fixed={loop.fixed}, min={loop.min}, lanes={loop.lanes}, step={step}, cut={cut}),"
            )
        yield "    )"
        yield "    STREAMS = ("
        for stream, registers in zip(self.generated.streams, self.registers.streams, strict=True):
            yield from self._stream(stream, registers)
        yield "    )"
        yield from _block("SCALARS", "{}", self._scalars())
        yield from _block("BORDERS", "()", self._borders())
        yield from _block("IMAGES", "()", self._images())
        yield ""
        yield from self._settings()
        yield ""
        yield from self._transfers()

    def _scalars(self) -> Iterator[str]:
        for word, (variable, type_) in self.params.items():
            yield f'"{word}": Scalar("{variable}", {type_.min}, {type_.max}, None),'
        for scalar in self.generated.signature.metadata:
            yield f'"{scalar.name}": Scalar("{scalar.name}", -(1 << 31), (1 << 31) - 1, {self._source(scalar)}),'

    @property
    def _all_borders(self) -> tuple[Border, ...]:
        lowered = self.generated.lowered
        return (*lowered.borders, *(image.border for image in lowered.images))

    def _borders(self) -> Iterator[str]:
        for n, border in enumerate(self.generated.lowered.borders):
            *lines, last = self._border_entry(n, border)
            yield from lines
            yield f"{last},"

    def _border_entry(self, number: int, border: Border) -> Iterator[str]:
        yield f"Border({border.dimension}, {border.least_extent}, ("
        yield from (f"    ({fold.left}, {fold.right})," for fold in border.folds)
        yield f"), {self._border_name(number)}{', is_recursion=True' if border.is_recursion else ''})"

    def _images(self) -> Iterator[str]:
        before = len(self.generated.lowered.borders)
        for n, image in enumerate(self.generated.lowered.images):
            yield f'PlacedImage("{self.region.names[image.stream]}",'
            *lines, last = self._border_entry(before + n, image.border)
            yield from (f"    {line}" for line in lines)
            yield f"    {last}, {self._place_name(n)}),"

    def usage(self) -> Iterator[str]:
        """What a call takes, for people."""
        arguments = ", ".join([s.port.name for s in self.generated.inputs] + [f"{word}=..." for word in self.params])
        yield f"    result = overlay.{self.registers.name}({arguments})"
        yield ""
        for stream in self.generated.streams:
            ordered = (*reversed(stream.scanned), *reversed(stream.channels))
            axes = [axis.name for axis in ordered if axis not in stream.lacking]
            text = f"{stream.port.name}{'[' + ', '.join(axes) + ']' if axes else ''} of {self.dtype(stream)}"
            around, others = self._read_of(stream)
            if stream.is_input:
                yield f"Input {text}{around}" + ("; of it is read" if others else ".")
            else:
                yield f"Output {text}" + ("; of it comes" if others else ".")
            yield from others
        for word, (_, type_) in self.params.items():
            yield f"Param {word} of {type_}."
        most = " x ".join(str(o.max_extent) for o in self.region.loops)
        yield f"A launch computes {'exactly' if self.region.loops[0].fixed else 'at most'} {most} pixels."

    def _read_of(self, stream: StreamPlan) -> tuple[str, list[str]]:
        """What is read of an input around each pixel of the output, and lines about other rates, of outputs too."""
        around, others = [], []
        for axis in (axis for axis in stream.scanned if axis not in stream.lacking):
            offsets = stream.around(axis)
            if offsets is None:
                first, last = (python_formula(formula, self._names) for formula in (axis.first, axis.last))
                others.append(f"    {axis.name} from {first} to {last}")
            elif any(offsets):
                around.append(f"{axis.name} {offsets[0]:+d}..{offsets[1]:+d}")
        return f"; around each pixel {', '.join(around)}" if around else "", others

    def _stream(self, stream: StreamPlan, registers: StreamRegisters) -> Iterator[str]:
        assert registers.base_low is not None
        assert registers.row_bytes is not None
        base = tuple(r.name for r in (registers.base_low, registers.base_high) if r is not None)
        channels = "".join(
            f'Channel("{axis.name}", {axis.numbers[0]}, {axis.numbers[1]}), ' for axis in stream.channels
        ).rstrip()
        rates = tuple(axis.rate.as_integer_ratio() for axis in stream.scanned)
        reads = self._reads_name(stream) if stream.lies_anywhere else None
        yield "        Stream("
        yield f'            "{stream.port.name}", is_output={not stream.is_input}, dtype="{self.dtype(stream)}",'
        yield f"            needs={self._needs_name(stream)}, reads={reads}, rates={rates},"
        yield f"            channels=({channels}), lanes={stream.lanes}, in_rows={stream.in_rows},"
        yield f'            base={_words(base)}, row_bytes="{registers.row_bytes.name}",'
        yield f"            counts={_words(tuple(r.name for r in registers.counts))},"
        yield f"            strides={_words(tuple(r.name for r in registers.strides))},"
        yield "        ),"

    def _source(self, scalar: StageScalar) -> tuple[int, int, str] | None:
        """Which image's which loop tells an extent or min; None: nobody but the caller."""
        fact = scalar.image_fact
        for number, stream in enumerate(self.generated.inputs):
            if stream.source == fact.image:
                loop = stream.axes[fact.dimension].loop
                return None if loop is None else (number, loop, fact.kind)
        return None

    # --- formulas -------------------------------------------------------------------------------------------------

    def _locals(self, formulas: Sequence[Formula], indent: str = " " * 8) -> Iterator[str]:
        used = used_by(formulas, self.generated.lowered.derived)
        derived = self.generated.lowered.derived
        for key, name in self._names.items():
            if key in used:
                text = python_formula(derived[key], self._names) if key in derived else f'v["{key}"]'
                yield f"{indent}{name} = {text}"

    def _settings(self) -> Iterator[str]:
        yield "    def _settings(self, v):"
        yield from self._locals([entry.setting.formula for entry in self.registers.settings])
        yield "        return {"
        for entry in self.registers.settings:
            text = python_formula(entry.setting.formula, self._names)
            if entry.high is None:
                yield f'            "{entry.low.name}": {text},'
            else:
                yield f'            "{entry.low.name}": ({text}) & 0xFFFFFFFF,'
                yield f'            "{entry.high.name}": ({text}) >> 32,'
        yield "        }"

    def _transfers(self) -> Iterator[str]:
        yield "    def _transfers(self, v):"
        layouts = [stream.layout for stream in self.registers.streams]
        yield from self._locals([f for layout in layouts for f in (layout.row_bytes, *layout.counts)])
        yield "        return ("
        for stream, layout in zip(self.registers.streams, layouts, strict=True):
            counts = "".join(f"{python_formula(count, self._names)}, " for count in layout.counts).rstrip()
            yield f"            ({python_formula(layout.row_bytes, self._names)}, ({counts})),  # {stream.port.name}"
        yield "        )"

    def _needs_name(self, stream: StreamPlan) -> str:
        return f"_{self.registers.name}_needs_{stream.port.name}"

    def _needs(self, stream: StreamPlan) -> Iterator[str]:
        names = {loop.min: f"mins[{d}]" for d, loop in enumerate(stream.loops)}
        names |= {loop.extent: f"extents[{d}]" for d, loop in enumerate(stream.loops)}
        yield f"def {self._needs_name(stream)}(mins, extents):"
        yield f'    """First and last coordinate of {stream.port.name}, by loop, that a region of the output needs."""'
        yield "    return ("
        for axis in stream.scanned:
            first, last = stream.image_along(axis)
            yield f"        ({python_formula(first, names)}, {python_formula(last, names)}),  # {axis.name}"
        yield "    )"

    def _reads_name(self, stream: StreamPlan) -> str:
        return f"_{self.registers.name}_reads_{stream.port.name}"

    def _reads(self, stream: StreamPlan) -> Iterator[str]:
        yield f"def {self._reads_name(stream)}(mins, extents, v):"
        yield f'    """First and last coordinate of {stream.port.name}, by loop, that a launch reads."""'
        for d, loop in enumerate(stream.loops):
            yield f"    {loop.min}, {loop.extent} = mins[{d}], extents[{d}]"
        formulas = [formula for axis in stream.scanned for formula in (axis.first, axis.last)]
        own = {f"    {name} = " for loop in stream.loops for name in (loop.min, loop.extent)}
        yield from (line for line in self._locals(formulas, "    ") if not any(line.startswith(head) for head in own))
        yield "    return ("
        for axis in stream.scanned:
            first, last = (python_formula(formula, self._names) for formula in (axis.first, axis.last))
            yield f"        ({first}, {last}),  # {axis.name}"
        yield "    )"

    def _place_name(self, number: int) -> str:
        return f"_{self.registers.name}_place_{number}"

    def _place(self, number: int, image: PlacedImage) -> Iterator[str]:
        along = self.region.names[self.region.loops[image.dimension].var]
        yield f"def {self._place_name(number)}(v):"
        yield f'    """Where the image of {self.region.names[image.stream]} lies along {along}, and where it may."""'
        yield from self._locals(image.formulas, "    ")
        yield "    return ("
        yield from (f"        {python_formula(formula, self._names)}," for formula in image.formulas)
        yield "    )"

    def _border_name(self, number: int) -> str:
        return f"_{self.registers.name}_border_{number}"

    def _border(self, number: int, border: Border) -> Iterator[str]:
        names = {scalar.raw: f'v["{scalar.name}"]' for scalar in self.generated.signature.metadata}
        names[border.position] = "position"
        head, *lines = python_function(f"def {self._border_name(number)}(position, v):", border.expr, names)
        yield head
        loop = self.region.loops[border.dimension]
        what = "recursion" if border.is_recursion else "border condition"
        yield f'    """The {what} along {self.region.names[loop.var]}, as Halide computes it."""'
        yield from lines


def _block(name: str, brackets: str, lines: Iterator[str]) -> Iterator[str]:
    """A constant of the class, an element a line."""
    found = [f"        {line}" for line in lines]
    yield f"    {name} = {brackets[0]}" + ("" if found else brackets[1])
    yield from found
    if found:
        yield f"    {brackets[1]}"


def _words(names: tuple[str, ...]) -> str:
    return f"({''.join(f'{chr(34)}{name}{chr(34)}, ' for name in names).rstrip()})"
