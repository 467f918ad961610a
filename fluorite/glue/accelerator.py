"""One accelerator's software: its registers, launches and Halide extern stage as C."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from fluorite.errors import UsageError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.identifiers import shown
from fluorite.frontend.region.signature import StageScalar
from fluorite.glue.c_code import c_formula, c_number
from fluorite.glue.registers.runtime import common_registers
from fluorite.glue.stage_tables import asks_lines, border_lines, local_lines, needs_lines, stage_lines
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.shell.layout import element_bytes
from fluorite.hwgen.shell.registers import Register, RegisterMap

__all__ = ["AcceleratorCode"]

_MAX_ARGUMENTS, _MAX_CHANNELS, _MAX_DIMENSIONS, _MAX_STREAMS, _MAX_VARIABLES = 8, 256, 4, 16, 64


class AcceleratorCode:
    """Prints the C of one accelerator.

    Parameters
    ----------
    generated : Generated
        The hardware.
    registers : RegisterMap
        Its registers, of kind ``"axi"``.

    Attributes
    ----------
    name : str
        The accelerated Func as an identifier: the stem of the files.
    title : str
        The same for people.
    symbol : str
        C function that Halide calls.

    Raises
    ------
    UsageError
        The accelerator is larger than the runtime's tables.
    """

    def __init__(self, generated: Generated, registers: RegisterMap) -> None:
        self.generated = generated
        self.registers = registers
        self.region = generated.region
        self.name = self.region.names[self.region.name]
        self.title = shown(self.region.name)
        self.signature = generated.signature
        self.symbol = generated.signature.symbol
        self._check()

    def _check(self) -> None:
        streams = self.generated.streams
        for what, found, limit in (
            ("streams", len(streams), _MAX_STREAMS),
            ("channels", max(stream.port.channels for stream in streams), _MAX_CHANNELS),
            ("dimensions", max(len(stream.axes) for stream in streams), _MAX_ARGUMENTS),
            ("scanned dimensions", len(self.region.loops), _MAX_DIMENSIONS),
            ("Params and loops", len(self.generated.variables), _MAX_VARIABLES),
        ):
            if found > limit:
                raise UsageError(f"{self.region.name}: the driver takes {limit} {what} at most, not {found}")

    # --- names ----------------------------------------------------------------------------------------------------

    @cached_property
    def _variables(self) -> dict[str, str]:
        """C variable by the formulas' name of it, in the order of the stage's table of variables."""
        return {name: name for name in (*self.generated.variables, *self.generated.lowered.derived)}

    @cached_property
    def _buffers(self) -> list[str]:
        """Parameters of the extern stage that are buffers: inputs, then the accelerated Func's outputs."""
        count = len(self.signature.inputs) + self.signature.outputs
        return [f"{stream.port.name}_buffer" for stream in self.generated.streams[:count]]

    @property
    def _launch(self) -> list[Register]:
        return [register for register in self.registers.registers if register.launch]

    def _index(self, register: Register | None) -> int:
        return -1 if register is None else self._launch.index(register)

    # --- the header -----------------------------------------------------------------------------------------------

    @property
    def prototype(self) -> str:
        """Head of the extern stage's function, in Halide's ABI."""
        inputs = len(self.signature.inputs)
        parameters = [f"struct halide_buffer_t *{name}" for name in self._buffers[:inputs]]
        parameters += [f"{_c_type(scalar.type)} {scalar.name}" for scalar in self.signature.scalars]
        parameters += [f"struct halide_buffer_t *{name}" for name in self._buffers[inputs:]]
        return f"int {self.symbol}({', '.join(parameters)})"

    @cached_property
    def _sides(self) -> list[tuple[str, list[str]]]:
        """Per output beside the accelerated Func, the head of its extern stage's function, and its buffers."""
        found = []
        own = self._buffers[len(self.signature.inputs) :]
        for side, plan in zip(self.signature.sides, self.generated.sides, strict=True):
            buffers = [*own, *(f"{stream.port.name}_buffer" for stream in plan.streams)]
            parameters = ", ".join(f"struct halide_buffer_t *{name}" for name in buffers)
            found.append((f"int {side.symbol}({parameters})", buffers))
        return found

    def header(self) -> str:
        """``<name>.h``."""
        guard = f"FLUORITE_ACCELERATOR_{self.name.upper()}_H"
        streams = ", ".join(f"{s.number} {s.port.name} ({s.port.direction})" for s in self.registers.streams)
        fields = [f"    int64_t {name};" for name in self.generated.variables]
        return "\n".join(
            [
                f"/* Software of the accelerator for the Halide Func {self.title}: generated by fluorite, as was",
                "   the hardware: change neither without the other. */",
                f"#ifndef {guard}",
                f"#define {guard}",
                "",
                '#include "fluorite_stage.h"',
                "",
                "#ifdef __cplusplus",
                'extern "C" {',
                "#endif",
                "",
                f"/* Named {self.registers.name} in the device tree. */",
                f"extern const struct fluorite_accelerator {self.symbol}_accelerator;",
                "",
                "/* Registers of a launch, and its streams: " + streams + ". */",
                f"enum {{ {self.symbol.upper()}_SETTINGS = {len(self._launch)}, "
                f"{self.symbol.upper()}_STREAMS = {len(self.registers.streams)} }};",
                "",
                *self._maxima(),
                "",
                "/* What a launch depends on: the region of the output, and the values the hardware is given. */",
                f"struct {self.symbol}_launch {{",
                *fields,
                "};",
                "",
                "/* Without Halide: works out the registers, row lengths and row counts of a launch. The caller sets",
                "   `first` and `strides` of each view, and gives both to fluorite_submit or fluorite_run.",
                "   FLUORITE_ERROR_EXTENT: the hardware was not made for such a region. */",
                f"int {self.symbol}_prepare(const struct {self.symbol}_launch *launch, uint32_t *settings,",
                f"{' ' * (len(self.symbol) + 13)}struct fluorite_view *views);",
                "",
                "/* The extern stage, which Halide's code calls. */",
                f"{self.prototype};",
                *(f"{prototype};" for prototype, _ in self._sides),
                "",
                "#ifdef __cplusplus",
                "}",
                "#endif",
                "",
                f"#endif /* {guard} */",
                "",
            ]
        )

    def _maxima(self) -> Iterator[str]:
        loops = self.region.loops
        names = [self.region.names.extent(loop.var).removeprefix("extent_") for loop in loops]
        if len({name.upper() for name in names}) == len(names):
            names = [name.upper() for name in names]
        exact = [shown(loop.var) for loop in loops if loop.fixed or loop.min is not None]
        only = f"; a launch has exactly that along {', '.join(exact)}" if exact else ""
        yield f"/* Largest extents of a launch, in pixels of the output{only}. */"
        entries = ", ".join(
            f"{self.symbol.upper()}_MAX_{name} = {loop.max_extent}" for name, loop in zip(names, loops, strict=True)
        )
        yield f"enum {{ {entries} }};"

    # --- the source -----------------------------------------------------------------------------------------------

    def source(self) -> str:
        """``<name>.c``."""
        parts: list[Sequence[str]] = [
            [
                f"/* Software of the accelerator for the Halide Func {self.title}: generated by fluorite, as was",
                "   the hardware: change neither without the other. */",
                f'#include "{self.name}.h"',
                "",
                f'#include "{self.registers.name}_registers.h"',
                '#include "fluorite_registers.h"',
            ],
            list(self._same_registers()),
            list(self._streams()),
            list(self._settings()),
            list(self._transfers()),
            *needs_lines(self.generated),
            *asks_lines(self.generated),
            *border_lines(self.generated, [scalar.raw for scalar in self.signature.scalars]),
            list(self._scalar_ranges()),
            list(stage_lines(self.generated, self.symbol, len(self.signature.scalars))),
            list(self._functions()),
        ]
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"

    def _same_registers(self) -> Iterator[str]:
        yield "/* The runtime and this accelerator must agree about the registers that all have. */"
        prefix = self.registers.name.upper()
        conditions = [
            f"{prefix}_{r.name.upper()} != FLUORITE_{r.name.upper()}" for r in common_registers(self.registers)
        ]
        yield f"#if {conditions[0]} || \\"
        yield from (f"    {condition} || \\" for condition in conditions[1:-1])
        yield f"    {conditions[-1]}"
        yield '#error "fluorite_registers.h is of another version of fluorite"'
        yield "#endif"

    def _streams(self) -> Iterator[str]:
        prefix = self.registers.name.upper()
        launch = self._launch
        assert [r.offset for r in launch] == [launch[0].offset + 4 * i for i in range(len(launch))]
        yield "static const struct fluorite_stream STREAMS[] = {"
        yield "    /* name, is_output, element_bytes, dimensions, base_low, base_high, row_bytes, counts */"
        for stream in self.registers.streams:
            port = stream.port
            counts = self._index(stream.counts[0]) if stream.counts else 0
            numbers = (
                int(port.direction == "out"), element_bytes(port), port.dimensions, self._index(stream.base_low),
                self._index(stream.base_high), self._index(stream.row_bytes), counts,
            )  # fmt: skip
            yield f'    {{"{port.name}", {", ".join(str(n) for n in numbers)}}},'
        yield "};"
        yield ""
        yield f"const struct fluorite_accelerator {self.symbol}_accelerator = {{"
        yield f'    "{self.name}",'
        yield f'    "{self.registers.name}",'
        yield f"    {prefix}_VERSION_VALUE,"
        yield f"    {prefix}_DESIGN_HASH_VALUE,"
        yield f"    {prefix}_SIZE_BYTES,"
        yield f"    {prefix}_{launch[0].name.upper()}, /* the first register of a launch */"
        yield f"    {len(launch)},"
        yield f"    {prefix}_{self.registers.streams[0].stalls.name.upper()},"
        yield f"    {self.registers.config.address_bits},"
        yield f"    {len(self.registers.streams)},"
        yield "    STREAMS,"
        yield "};"

    def _settings(self) -> Iterator[str]:
        yield "/* What software works out for each launch, so that the hardware need not. */"
        yield "static void settings(const int64_t *v, uint32_t *registers)"
        yield "{"
        formulas = [s.setting.formula for s in self.registers.settings]
        yield from local_lines(self.generated, formulas)
        if not formulas:
            yield "    (void)registers;"
        for entry in self.registers.settings:
            value = f"(int64_t)({c_formula(entry.setting.formula, self._variables)})"
            yield f"    registers[{self._index(entry.low)}] = (uint32_t){value}; /* {entry.low.name} */"
            if entry.high is not None:
                yield (
                    f"    registers[{self._index(entry.high)}] = (uint32_t)((uint64_t){value} >> 32); "
                    f"/* {entry.high.name} */"
                )
        yield "}"

    def _transfers(self) -> Iterator[str]:
        yield "/* Bytes of a row and numbers of rows, planes, volumes of each stream. */"
        yield "static void transfers(const int64_t *v, struct fluorite_view *views)"
        yield "{"
        formulas = [f for s in self.registers.streams for f in (s.layout.row_bytes, *s.layout.counts)]
        yield from local_lines(self.generated, formulas)
        for stream in self.registers.streams:
            row = c_formula(stream.layout.row_bytes, self._variables)
            yield f"    views[{stream.number}].row_bytes = (uint32_t)({row}); /* {stream.port.name} */"
            for d, count in enumerate(stream.layout.counts):
                text = c_formula(count, self._variables)
                yield f"    views[{stream.number}].counts[{d}] = (uint32_t)({text});"
        yield "}"

    def _scalar_ranges(self) -> Iterator[str]:
        if not self.signature.scalars:
            return
        yield "static const struct fluorite_scalar SCALARS[] = {"
        yield "    /* name, least, most */"
        for scalar in self.signature.scalars:
            least, most = scalar.type.min, scalar.type.max
            if scalar.type.bits == 64:  # all that 64 bits hold, whatever their sign
                least, most = -(1 << 63), (1 << 63) - 1
            yield f'    {{"{scalar.name}", {c_number(least)}, {c_number(most)}}},'
        yield "};"

    def _functions(self) -> Iterator[str]:
        yield f"int {self.symbol}_prepare(const struct {self.symbol}_launch *launch, uint32_t *registers,"
        yield f"{' ' * (len(self.symbol) + 13)}struct fluorite_view *views)"
        yield "{"
        values = [f"launch->{name}" for name in self.generated.variables]
        yield f"    const int64_t v[] = {{{', '.join(values)}}};"
        yield "    return fluorite_stage_prepare(&STAGE, v, registers, views);"
        yield "}"
        yield ""
        yield self.prototype
        yield "{"
        yield f"    struct halide_buffer_t *const buffers[] = {{{', '.join(self._buffers)}}};"
        scalars = self.signature.scalars
        if scalars:
            yield f"    const int64_t scalars[] = {{{', '.join(_c_value(scalar) for scalar in scalars)}}};"
        yield f"    return fluorite_stage_call(&STAGE, buffers, {'scalars' if scalars else 'NULL'});"
        yield "}"
        for number, (prototype, buffers) in enumerate(self._sides):
            yield ""
            yield prototype
            yield "{"
            yield f"    struct halide_buffer_t *const buffers[] = {{{', '.join(buffers)}}};"
            yield f"    return fluorite_side_call(&STAGE, {number}, buffers);"
            yield "}"


def _c_type(type_: ir.Type) -> str:
    """C type of a scalar in Halide's ABI."""
    return "uint8_t" if type_.bits == 1 else f"{'' if type_.is_signed else 'u'}int{type_.bits}_t"


def _c_value(scalar: StageScalar) -> str:
    """The argument as an ``int64_t``; only the lowest bit of a Boolean is defined."""
    return f"{scalar.name} & 1" if scalar.type.bits == 1 else f"(int64_t){scalar.name}"
