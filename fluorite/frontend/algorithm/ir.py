"""The algorithm IR: Halide's pipeline as typed, immutable data.

Decoded from Halide's serialized bytes by :mod:`fluorite.frontend.algorithm.decode`. Expressions are compared
by identity: a node that is shared in Halide is one shared object here, and a pass that walks
an expression memoizes on ``id``. There is no ``Let``: a bound name is replaced by its (shared) value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

__all__ = [
    "Binary",
    "BinaryOp",
    "Bound",
    "Buffer",
    "Call",
    "CallType",
    "Cast",
    "Definition",
    "Dim",
    "Expr",
    "ExternArgument",
    "ExternDefinition",
    "Func",
    "FuncSchedule",
    "Imm",
    "LoopLevel",
    "Not",
    "Parameter",
    "Pipeline",
    "ReductionVariable",
    "Reinterpret",
    "Select",
    "Specialization",
    "Split",
    "StageSchedule",
    "StringImm",
    "Type",
    "TypeCode",
    "Undefined",
    "Variable",
    "Vector",
]


class TypeCode(StrEnum):
    """Halide's scalar kinds."""

    INT = "int"
    UINT = "uint"
    FLOAT = "float"
    HANDLE = "handle"
    BFLOAT = "bfloat"


@dataclass(frozen=True, slots=True)
class Type:
    """A Halide scalar type. ``str(Type(TypeCode.UINT, 8)) == "uint8"``."""

    code: TypeCode
    bits: int
    lanes: int = 1

    @property
    def is_integer(self) -> bool:
        """Whether the type is a signed or unsigned integer, ``bool`` (u1) included."""
        return self.code in (TypeCode.INT, TypeCode.UINT)

    @property
    def is_signed(self) -> bool:
        """Whether the type is a signed integer."""
        return self.code is TypeCode.INT

    @property
    def min(self) -> int:
        """Least value of an integer type."""
        return -(1 << (self.bits - 1)) if self.is_signed else 0

    @property
    def max(self) -> int:
        """Greatest value of an integer type."""
        return (1 << (self.bits - 1)) - 1 if self.is_signed else (1 << self.bits) - 1

    def __str__(self) -> str:
        if self.code is TypeCode.UINT and self.bits == 1:
            return "bool"
        return f"{self.code.value}{self.bits}" + (f"x{self.lanes}" if self.lanes != 1 else "")


class BinaryOp(StrEnum):
    """Operators with two operands; the value is Halide's name for the node."""

    ADD = "Add"
    SUB = "Sub"
    MUL = "Mul"
    DIV = "Div"
    MOD = "Mod"
    MIN = "Min"
    MAX = "Max"
    EQ = "EQ"
    NE = "NE"
    LT = "LT"
    LE = "LE"
    GT = "GT"
    GE = "GE"
    AND = "And"
    OR = "Or"

    @property
    def is_compare(self) -> bool:
        """Whether the result is a ``bool`` of two operands of one other type."""
        return self in (BinaryOp.EQ, BinaryOp.NE, BinaryOp.LT, BinaryOp.LE, BinaryOp.GT, BinaryOp.GE)


class CallType(StrEnum):
    """What a call refers to."""

    IMAGE = "Image"
    EXTERN = "Extern"
    EXTERN_CPLUSPLUS = "ExternCPlusPlus"
    PURE_EXTERN = "PureExtern"
    HALIDE = "Halide"
    INTRINSIC = "Intrinsic"
    PURE_INTRINSIC = "PureIntrinsic"


@dataclass(frozen=True, slots=True, eq=False)
class Imm:
    """A literal: int for integer types, float for float types."""

    type: Type
    value: int | float


@dataclass(frozen=True, slots=True, eq=False)
class StringImm:
    """A string literal, an argument of a few intrinsics."""

    value: str

    @property
    def type(self) -> Type:
        """The handle type Halide gives strings."""
        return Type(TypeCode.HANDLE, 64)


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """Conversion of value."""

    type: Type
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Reinterpret:
    """Same bits under another type."""

    type: Type
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """``a op b``; ``type`` is the type of the result."""

    op: BinaryOp
    a: Expr
    b: Expr
    type: Type


@dataclass(frozen=True, slots=True, eq=False)
class Not:
    """Logical negation of a ``bool``."""

    value: Expr
    type: Type


@dataclass(frozen=True, slots=True, eq=False)
class Select:
    """``true_value if condition else false_value``."""

    condition: Expr
    true_value: Expr
    false_value: Expr
    type: Type


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A name: a pure Var or RVar of the Func, a scalar Param, or a buffer's ``name.min.0``, ``name.extent.0`` and kin.

    ``param`` is the Parameter's name for the last two kinds and empty for a Var. ``reduction`` is
    true for an RVar.
    """

    name: str
    type: Type
    param: str = ""
    image: str = ""
    reduction: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A read of a Func, ImageParam or constant Buffer, or an intrinsic or extern function.

    ``name`` is the Func, the buffer (``param`` or ``image`` says which), or the function.
    """

    name: str
    args: tuple[Expr, ...]
    call_type: CallType
    type: Type
    value_index: int = 0
    param: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """Ramp, Broadcast, Shuffle or VectorReduce: explicit vector code, which only Halide's own passes make."""

    kind: str
    operands: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True, eq=False)
class Undefined:
    """An absent expression (an undefined ``hl.Expr``)."""

    @property
    def type(self) -> Type:
        """A type of no bits."""
        return Type(TypeCode.HANDLE, 0)


Expr: TypeAlias = Imm | StringImm | Cast | Reinterpret | Binary | Not | Select | Variable | Call | Vector | Undefined


@dataclass(frozen=True, slots=True)
class LoopLevel:
    """Where a Func is computed or stored: ``var`` is "" when inlined, "__root" at the root."""

    func: str
    stage: int
    var: str
    is_rvar: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """``bound``, ``align_bounds`` or ``set_estimate`` of one dimension; an absent expression is None."""

    var: str
    min: Expr | None
    extent: Expr | None
    modulus: Expr | None = None
    remainder: Expr | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """One split, rename or fuse, in the order the user applied them."""

    old: str
    outer: str
    inner: str
    factor: Expr | None
    exact: bool
    tail: str  # Halide's TailStrategy name
    kind: str  # "SplitVar" | "RenameVar" | "FuseVars"


@dataclass(frozen=True, slots=True)
class Dim:
    """One loop of a stage; ``for_type`` is Halide's ForType name."""

    var: str
    for_type: str
    dim_type: str  # "PureVar" | "PureRVar" | "ImpureRVar"


@dataclass(frozen=True, slots=True)
class ReductionVariable:
    """One dimension of an RDom."""

    var: str
    min: Expr
    extent: Expr


@dataclass(frozen=True, slots=True)
class StageSchedule:
    """How one definition is computed. ``dims`` are innermost first and end with ``__outermost``."""

    rvars: tuple[ReductionVariable, ...]
    splits: tuple[Split, ...]
    dims: tuple[Dim, ...]
    touched: bool


@dataclass(frozen=True, slots=True)
class Specialization:
    """``specialize(condition)`` and the definition it leads to."""

    condition: Expr
    definition: Definition
    failure_message: str


@dataclass(frozen=True, slots=True)
class Definition:
    """The pure definition or one update: ``f(args) = values`` where ``predicate``."""

    args: tuple[Expr, ...]
    values: tuple[Expr, ...]
    predicate: Expr
    schedule: StageSchedule
    specializations: tuple[Specialization, ...]


@dataclass(frozen=True, slots=True)
class FuncSchedule:
    """Where a Func lives. ``wrappers`` maps a consumer ("" for all) to the Func that stands in for this one."""

    compute_level: LoopLevel
    store_level: LoopLevel
    bounds: tuple[Bound, ...]
    estimates: tuple[Bound, ...]
    wrappers: tuple[tuple[str, str], ...]
    memory_type: str


@dataclass(frozen=True, slots=True)
class ExternArgument:
    """An argument of ``define_extern``. ``kind`` is Halide's ExternFuncArgumentType name."""

    kind: str
    name: str
    expr: Expr | None


@dataclass(frozen=True, slots=True)
class ExternDefinition:
    """A Func that was defined by the user with ``define_extern``."""

    function: str
    arguments: tuple[ExternArgument, ...]


@dataclass(frozen=True, slots=True)
class Func:
    """One Func: pure arguments, value types (several for a Tuple), definitions, schedule and trace tags."""

    name: str
    args: tuple[str, ...]
    types: tuple[Type, ...]
    init: Definition | None
    updates: tuple[Definition, ...]
    schedule: FuncSchedule
    extern: ExternDefinition | None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An ``hl.Param`` (``dimensions == 0``, not ``is_buffer``) or ``hl.ImageParam`` the pipeline refers to."""

    name: str
    type: Type
    is_buffer: bool
    dimensions: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """A constant ``hl.Buffer``; ``data`` is dense per ``dims`` of (min, extent, stride), stride in elements."""

    name: str
    type: Type
    dims: tuple[tuple[int, int, int], ...]
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A whole pipeline; ``funcs`` is in Halide's order, from producers to consumers where that exists."""

    funcs: dict[str, Func]
    outputs: tuple[str, ...]
    parameters: dict[str, Parameter]
    buffers: dict[str, Buffer]
