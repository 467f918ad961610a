"""The register map of an accelerator, as data.

Hardware (:mod:`~fluorite.hwgen.shell.register_file`), C header, Python class and documentation are all made from one
:class:`RegisterMap`, so they cannot disagree. Registers are 32 bits wide, little endian, over AXI4-Lite.

Software starts a launch by writing its settings and streams (the registers whose ``launch`` is true) and then
``control.start``. Starting copies them into a queue, so that the next launch can be written at once. Launches are
numbered from 0 since reset, in the order they are started and completed in.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fluorite.frontend.region.identifiers import Taken, shown
from fluorite.hwgen.generate import Generated, Setting
from fluorite.hwgen.interface import StreamPort
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.error_codes import ERROR_TEXTS, ErrorCode
from fluorite.hwgen.shell.layout import StreamLayout, layouts, shape_settings
from fluorite.hwgen.streams.operations import ROM

__all__ = [
    "ERROR_TEXTS", "ID_MAGIC", "MAP_VERSION", "ErrorCode", "Field", "Register", "RegisterMap", "SettingRegisters",
    "StreamRegisters", "register_map",
]  # fmt: skip

#: ``id`` register: "FLRT".
ID_MAGIC = 0x464C5254
#: ``version`` register: major << 16 | minor. Software refuses another major.
MAP_VERSION = 0x0001_0000


@dataclass(frozen=True, slots=True)
class Field:
    """Some bits of a register."""

    name: str
    low_bit: int
    width_bits: int
    description: str

    @property
    def mask(self) -> int:
        """The field's bits within the register."""
        return ((1 << self.width_bits) - 1) << self.low_bit


@dataclass(frozen=True, slots=True)
class Register:
    """One 32-bit register.

    Attributes
    ----------
    name : str
        Unique in the map, an identifier.
    offset : int
        Bytes from the start of the register block.
    access : str
        ``"ro"``; ``"rw"``; ``"wo"``: bits that act when written as 1 and read as 0; ``"w1c"``: bits that are cleared by
        writing 1; ``"clear"``: cleared by writing anything.
    description : str
        What it is, with its unit.
    width_bits : int
        Bits that exist; the others read as 0 and ignore writes.
    signed : bool
        Whether the value is in two's complement (written sign-extended to 32 bits).
    constant : int or None
        Value of a read-only register that never changes.
    fields : tuple of Field
        Parts, where it has any.
    launch : bool
        Whether ``control.start`` copies it into the queue.
    """

    name: str
    offset: int
    access: str
    description: str
    width_bits: int = 32
    signed: bool = False
    constant: int | None = None
    fields: tuple[Field, ...] = ()
    launch: bool = False

    def field(self, name: str) -> Field:
        """A field by name."""
        return next(field for field in self.fields if field.name == name)


@dataclass(frozen=True, slots=True)
class SettingRegisters:
    """Registers of one setting of the core or the shell; ``high`` only where it is wider than 32 bits."""

    setting: Setting
    low: Register
    high: Register | None


@dataclass(frozen=True, slots=True)
class StreamRegisters:
    """Registers of one stream.

    Attributes
    ----------
    port : StreamPort
        The core's stream.
    number : int
        Number of the stream in ``error.stream``: inputs first, then outputs.
    layout : StreamLayout
        Bytes, rows, planes a launch transfers, as formulas.
    stalls : Register
        Cycles it held the core up.
    base_low, base_high, row_bytes : Register or None
        Address of the first byte; bytes of a row without padding. None where there is no memory (``"axis"``).
    counts, strides : tuple of Register
        Per outer dimension (rows, planes, volumes), how many, and bytes from one to the next.
    """

    port: StreamPort
    number: int
    layout: StreamLayout
    stalls: Register
    base_low: Register | None = None
    base_high: Register | None = None
    row_bytes: Register | None = None
    counts: tuple[Register, ...] = ()
    strides: tuple[Register, ...] = ()


@dataclass(frozen=True)
class RegisterMap:
    """All registers of one accelerator.

    Attributes
    ----------
    name : str
        Verilog module of the shell, ``<func>_axi`` or ``<func>_axis``.
    func : str
        The accelerated Func, for people.
    config : ShellConfig
        Widths.
    registers : tuple of Register
        All, by offset.
    settings : tuple of SettingRegisters
        In the order of ``Generated.settings``, then the shell's own: sizes of streams that the core does not need.
    streams : tuple of StreamRegisters
        Inputs, then outputs.
    """

    name: str
    func: str
    config: ShellConfig
    registers: tuple[Register, ...]
    settings: tuple[SettingRegisters, ...]
    streams: tuple[StreamRegisters, ...]

    def __getitem__(self, name: str) -> Register:
        """A register by name."""
        return next(register for register in self.registers if register.name == name)

    @property
    def size_bytes(self) -> int:
        """Address range to reserve: a power of two, at least one 4 KiB page."""
        return max(4096, 1 << (self.registers[-1].offset + 3).bit_length())

    @property
    def design_hash(self) -> int:
        """Value of the register of that name."""
        value = self["design_hash"].constant
        assert value is not None
        return value


class _Allocator:
    """Hands out offsets in order."""

    def __init__(self) -> None:
        self.registers: list[Register] = []
        self.offset = 0
        self.taken = Taken()

    def align(self, size_bytes: int) -> None:
        self.offset = -(-self.offset // size_bytes) * size_bytes

    def add(
        self,
        name: str,
        access: str,
        description: str,
        *fields: Field,
        width_bits: int = 32,
        signed: bool = False,
        constant: int | None = None,
        launch: bool = False,
    ) -> Register:
        name = self.taken.take(name)
        made = Register(name, self.offset, access, description, width_bits, signed, constant, fields, launch)
        self.registers.append(made)
        self.offset += 4
        return made


def register_map(generated: Generated, config: ShellConfig | None = None) -> RegisterMap:
    """The register map of a core in a shell."""
    config = config or ShellConfig()
    name = f"{generated.interface.module.removesuffix('_core')}_{config.kind}"
    block = _Allocator()
    _identity(block, generated, config)
    _control(block, config)
    ports = (*generated.interface.inputs, *generated.interface.outputs)
    found = layouts(generated)
    stalls = [
        block.add(
            f"{port.direction}_{port.name}_stalls",
            "ro",
            f"Cycles the core waited for {'words of' if port.direction == 'in' else 'room in'} {port.name}, "
            "at the last snapshot; wraps around.",
        )
        for port in ports
    ]
    block.align(0x100)  # a launch's registers in one piece
    shapes = shape_settings(generated)
    settings = (
        *(_setting(block, setting, "The core's") for setting in generated.settings),
        *(_setting(block, setting, "The shell's") for setting in shapes),
    )
    streams: list[StreamRegisters] = []
    for number, (port, register) in enumerate(zip(ports, stalls, strict=True)):
        if config.kind == "axis":
            streams.append(StreamRegisters(port, number, found[port.name], register))
        else:
            streams.append(_stream(block, port, number, found[port.name], register, config))
    return RegisterMap(name, shown(generated.region.name), config, tuple(block.registers), settings, tuple(streams))


def _identity(block: _Allocator, generated: Generated, config: ShellConfig) -> None:
    interface = generated.interface
    block.add("id", "ro", 'Magic number, "FLRT".', constant=ID_MAGIC)
    block.add(
        "version",
        "ro",
        "Version of this register map's rules.",
        Field("minor", 0, 16, "Compatible additions."),
        Field("major", 16, 16, "Software must know it."),
        constant=MAP_VERSION,
    )
    block.add("design_hash", "ro", "Hash of the hardware: must be the driver's own.", constant=_hash(generated, config))
    fields = (
        (Field("inputs", 0, 4, "Input streams."), len(interface.inputs)),
        (Field("outputs", 4, 4, "Output streams."), len(interface.outputs)),
        (Field("queue_depth", 8, 4, "Launches started and not yet completed, at most."), config.queue_depth),
        (Field("data_bytes", 12, 8, "Bytes a beat of the memory ports; 0: there are none."), _data_bytes(config)),
        (Field("address_bits", 20, 8, "Width of memory addresses."), config.address_bits),
    )
    value = sum(v << f.low_bit for f, v in fields)
    block.add("capabilities", "ro", "What this shell can do.", *(f for f, _ in fields), constant=value)


def _data_bytes(config: ShellConfig) -> int:
    return config.data_bytes if config.kind == "axi" else 0


def _control(block: _Allocator, config: ShellConfig) -> None:
    continuous = Field(
        "continuous", 3, 1, "From a write of 1 to a write of 0, a launch is started whenever the queue has room."
    )
    fields = [
        Field("start", 0, 1, "Copy the launch registers into the queue: one launch."),
        Field(
            "soft_reset",
            1,
            1,
            "Forget all launches once transfers begun have ended; launch registers and interrupt_enable stay.",
        ),
        Field("snapshot", 2, 1, "Copy all counters, of one and the same cycle, to where they are read."),
    ]
    if config.kind == "axis":
        fields.append(continuous)
    block.add("control", "wo", "Commands.", *fields, width_bits=len(fields))
    block.add(
        "status",
        "ro",
        "What is going on.",
        Field("busy", 0, 1, "A launch was started and is not completed."),
        Field("idle", 1, 1, "No launch, no memory transfer, the core at rest, no soft reset under way."),
        Field("resetting", 2, 1, "A soft reset is under way: wait until it is low."),
        Field("queue_space", 8, 4, "Launches that can be started now."),
        width_bits=12,
    )
    events = (Field("done", 0, 1, "A launch was completed."), Field("error", 1, 1, "An error was found."))
    block.add("interrupt_enable", "rw", "Events that raise the interrupt.", *events, width_bits=2)
    block.add("interrupt_status", "w1c", "Events since they were last cleared.", *events, width_bits=2)
    block.add("launches_started", "ro", "Launches accepted since reset: the number the next one gets.")
    block.add("launches_completed", "ro", "Launches completed since reset, failed ones included.")
    block.add("launch_errors", "ro", "Bit n % 32: whether launch n, completed and among the last 32 started, failed.")
    block.add(
        "error",
        "clear",
        "The first error since it was last cleared, which any write does.",
        Field("code", 0, 4, "; ".join(f"{code.value} {ERROR_TEXTS[code]}" for code in ErrorCode) + "."),
        Field("stream", 8, 8, "Number of the stream, inputs first; 255: none in particular."),
        width_bits=16,
    )
    block.add("error_launch", "ro", "Number of the launch in which it happened.")
    block.add(
        "error_address_low", "ro", "Address of the failed transfer (first byte of the burst), bits 31..0; else 0."
    )
    block.add("error_address_high", "ro", "Bits 63..32 of it.")
    block.add("cycles", "ro", "Clock cycles in which status.busy was high, at the last snapshot; wraps around.")


def _setting(block: _Allocator, setting: Setting, whose: str) -> SettingRegisters:
    port = setting.port
    text = f"{whose} {port.name} = {setting.formula}"
    if port.width_bits <= 32:
        low = block.add(
            f"setting_{port.name}", "rw", f"{text}.", width_bits=port.width_bits, signed=port.signed, launch=True
        )
        return SettingRegisters(setting, low, None)
    low = block.add(f"setting_{port.name}_low", "rw", f"{text}, bits 31..0.", launch=True)
    high = block.add(
        f"setting_{port.name}_high",
        "rw",
        "Bits 63..32 of it.",
        width_bits=port.width_bits - 32,
        signed=port.signed,
        launch=True,
    )
    return SettingRegisters(setting, low, high)


def _stream(
    block: _Allocator, port: StreamPort, number: int, layout: StreamLayout, stalls: Register, config: ShellConfig
) -> StreamRegisters:
    prefix = f"{port.direction}_{port.name}"
    base_low = block.add(
        f"{prefix}_base_low", "rw", f"Address of {port.name}'s first byte, any alignment, bits 31..0.", launch=True
    )
    base_high = None
    if config.address_bits > 32:
        high_bits = config.address_bits - 32
        base_high = block.add(f"{prefix}_base_high", "rw", "Bits 63..32 of it.", width_bits=high_bits, launch=True)
    row_bytes = block.add(
        f"{prefix}_row_bytes",
        "rw",
        f"Bytes of a row, without padding: {layout.row_bytes}.",
        width_bits=layout.row_bytes_bits,
        launch=True,
    )
    counts: list[Register] = []
    strides: list[Register] = []
    for name, count, bits in zip(("row", "plane", "volume"), layout.counts, layout.count_bits, strict=False):
        counts.append(
            block.add(f"{prefix}_{name}s", "rw", f"Number of {name}s: {count}.", width_bits=bits, launch=True)
        )
        strides.append(
            block.add(
                f"{prefix}_{name}_stride", "rw", f"Bytes from a {name} to the next.", width_bits=32, signed=True,
                launch=True,
            )
        )  # fmt: skip
    return StreamRegisters(port, number, layout, stalls, base_low, base_high, row_bytes, tuple(counts), tuple(strides))


def _hash(generated: Generated, config: ShellConfig) -> int:
    """A number that differs where the hardware does: everything the Verilog is made from."""
    parts: list[object] = [MAP_VERSION, config, generated.interface, generated.plan.lags]
    parts += [(s.port, str(s.formula)) for s in generated.settings]
    parts += [(p.port.name, p.lag, [str(w) for w in p.words]) for p in generated.streams]
    parts += [[str(f) for f in generated.extents.scan], generated.plan.output_lags]
    for node in generated.plan.nodes:
        attributes = tuple(node.attr)
        if node.op == "rom":
            attributes = (ROM.of(node).table.name, *ROM.of(node).table.words)
        parts.append((node.id, node.op, attributes, node.lo, node.hi, [(o.node.id, o.delay) for o in node.operands]))
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "little")
