"""The slot table of Halide's serialized pipeline, format 18.0.1 (Halide 21.0.0).

A flatbuffer names its fields by slot number only, so a reader needs this table and nothing
else. One line is one table; the order of its fields fixes their slots: a field takes one slot,
a union or a vector of unions takes two (the tag, then the value). Field types are

- ``str bool u8 i32 i64 u64 f64``; ``u64?`` is a number that may be absent,
- the name of a table, an enum or a union (``Expr``, ``Stmt``),
- ``[T]``, a vector of any of these.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ENUMS", "HALIDE_VERSION", "SERIALIZATION_VERSION", "TABLES", "UNIONS"]

SERIALIZATION_VERSION: Final = "18.0.1"
"""The only format these tables describe; others insert fields in the middle of tables."""

HALIDE_VERSION: Final = "21.0.0"
"""The release that writes it."""


def _enum(names: str) -> tuple[str, ...]:
    return tuple(names.split())


def _fields(line: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, kind) for name, _, kind in (field.partition(":") for field in line.split()))


ENUMS: Final[dict[str, tuple[str, ...]]] = {
    name: _enum(values)
    for name, values in {
        "ForType": "Serial Parallel Vectorized Unrolled Extern GPUBlock GPUThread GPULane",
        "Partition": "Auto Never Always",
        "DeviceAPI": "None Host Default_GPU CUDA OpenCL Metal Hexagon HexagonDma D3D12Compute Vulkan WebGPU",
        "MemoryType": "Auto Heap Stack Register GPUShared GPUTexture LockedCache VTCM AMXTile",
        "PrefetchBoundStrategy": "Clamp GuardWithIf NonFaulting",
        "CallType": "Image Extern ExternCPlusPlus PureExtern Halide Intrinsic PureIntrinsic",
        "VectorReduceOp": "Add SaturatingAdd Mul Min Max And Or",
        "TypeCode": "Int UInt Float Handle BFloat",
        "TailStrategy": "RoundUp GuardWithIf Predicate PredicateLoads PredicateStores ShiftInwards"
        " ShiftInwardsAndBlend RoundUpAndBlend Auto",
        "SplitType": "SplitVar RenameVar FuseVars",
        "DimType": "PureVar PureRVar ImpureRVar",
        "LoopAlignStrategy": "AlignStart AlignEnd NoAlign Auto",
        "NameMangling": "Default C CPlusPlus",
        "ExternFuncArgumentType": "UndefinedArg FuncArg BufferArg ExprArg ImageParamArg",
    }.items()
}
"""Value names of each enum, counted from 0. All are one byte wide."""

UNIONS: Final[dict[str, tuple[str, ...]]] = {
    # Tag 0 is "absent" in every union.
    "Expr": _enum(
        "NONE IntImm UIntImm FloatImm StringImm Cast Reinterpret Add Sub Mul Div Mod Min Max EQ NE LT LE GT GE And"
        " Or Not Select Load Ramp Broadcast Let Call Variable Shuffle VectorReduce UndefinedExpr"
    ),
    "Stmt": _enum(
        "NONE LetStmt AssertStmt ProducerConsumer For Store Provide Allocate Free Realize Block IfThenElse Evaluate"
        " Prefetch Acquire Fork Atomic HoistedStorage UndefinedStmt"
    ),
}
"""Tables of each union, by tag."""

_BINARY = "Add Sub Mul Div Mod Min Max EQ NE LT LE GT GE And Or"

TABLES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    name: _fields(line)
    for name, line in {
        # Statements: only `requirements` of a pipeline hold them.
        "Range": "min:Expr extent:Expr",
        "LetStmt": "name:str value:Expr body:Stmt",
        "AssertStmt": "condition:Expr message:Expr",
        "ProducerConsumer": "name:str is_producer:bool body:Stmt",
        "For": "name:str min:Expr extent:Expr for_type:ForType partition_policy:Partition device_api:DeviceAPI"
        " body:Stmt",
        "ModulusRemainder": "modulus:i64 remainder:i64",
        "Store": "name:str predicate:Expr value:Expr index:Expr param_name:str alignment:ModulusRemainder",
        "Provide": "name:str values:[Expr] args:[Expr] predicate:Expr",
        "Allocate": "name:str type:Type memory_type:MemoryType extents:[Expr] condition:Expr new_expr:Expr"
        " free_function:str padding:i32 body:Stmt",
        "Free": "name:str",
        "Realize": "name:str types:[Type] memory_type:MemoryType bounds:[Range] condition:Expr body:Stmt",
        "Block": "first:Stmt rest:Stmt",
        "IfThenElse": "condition:Expr then_case:Stmt else_case:Stmt",
        "Evaluate": "value:Expr",
        "PrefetchDirective": "name:str at:str from:str offset:Expr strategy:PrefetchBoundStrategy param_name:str",
        "Prefetch": "name:str types:[Type] bounds:[Range] prefetch:PrefetchDirective condition:Expr body:Stmt",
        "Acquire": "semaphore:Expr count:Expr body:Stmt",
        "Fork": "first:Stmt rest:Stmt",
        "Atomic": "producer_name:str mutex_name:str body:Stmt",
        "HoistedStorage": "name:str body:Stmt",
        "UndefinedStmt": "",
        # Expressions.
        "IntImm": "value:i64 type:Type",
        "UIntImm": "value:u64 type:Type",
        "FloatImm": "value:f64 type:Type",
        "StringImm": "value:str",
        "Cast": "value:Expr type:Type",
        "Reinterpret": "value:Expr type:Type",
        **dict.fromkeys(_BINARY.split(), "a:Expr b:Expr"),
        "Not": "a:Expr",
        "Select": "condition:Expr true_value:Expr false_value:Expr",
        "Load": "name:str predicate:Expr index:Expr image_name:str param_name:str alignment:ModulusRemainder type:Type",
        "Ramp": "base:Expr stride:Expr lanes:i32",
        "Broadcast": "value:Expr lanes:i32",
        "Let": "name:str value:Expr body:Expr",
        "Call": "name:str args:[Expr] call_type:CallType func_index:i32 value_index:i32 image_name:str param_name:str"
        " type:Type",
        "ReductionVariable": "var:str min:Expr extent:Expr",
        "ReductionDomain": "defined:bool domain:[ReductionVariable] predicate:Expr frozen:bool",
        "Variable": "name:str type:Type param_name:str image_name:str reduction_domain:ReductionDomain",
        "Shuffle": "vectors:[Expr] indices:[i32]",
        "VectorReduce": "value:Expr reduction_op:VectorReduceOp lanes:i32",
        "UndefinedExpr": "",
        "Type": "code:TypeCode bits:u8 lanes:i32",
        # Schedules.
        "Bound": "var:str min:Expr extent:Expr modulus:Expr remainder:Expr",
        "StorageDim": "var:str alignment:Expr bound:Expr fold_factor:Expr fold_forward:bool",
        "LoopLevel": "func_name:str stage_index:i32 var_name:str is_rvar:bool locked:bool",
        "WrapperRef": "func_name:str func_index:i32",
        "FuncSchedule": "store_level:LoopLevel compute_level:LoopLevel hoist_storage_level:LoopLevel"
        " storage_dims:[StorageDim] bounds:[Bound] estimates:[Bound] wrappers:[WrapperRef] memory_type:MemoryType"
        " memoized:bool async:bool ring_buffer:Expr memoize_eviction_key:Expr",
        "Specialization": "condition:Expr definition:Definition failure_message:str",
        "Split": "old_var:str outer:str inner:str factor:Expr exact:bool tail:TailStrategy split_type:SplitType",
        "Dim": "var:str for_type:ForType device_api:DeviceAPI dim_type:DimType partition_policy:Partition",
        "FuseLoopLevel": "fuse_level:LoopLevel align_dimension_names:[str] align_strategies:[LoopAlignStrategy]",
        "FusedPair": "func_1:str func_2:str stage_1:i32 stage_2:i32 var_name:str",
        "StageSchedule": "rvars:[ReductionVariable] splits:[Split] dims:[Dim] prefetches:[PrefetchDirective]"
        " fuse_level:FuseLoopLevel fused_pairs:[FusedPair] touched:bool allow_race_conditions:bool atomic:bool"
        " override_atomic_associativity_test:bool",
        "Definition": "is_init:bool predicate:Expr values:[Expr] args:[Expr] stage_schedule:StageSchedule"
        " specializations:[Specialization] source_location:str",
        # Pipelines.
        "BufferConstraint": "min:Expr extent:Expr stride:Expr min_estimate:Expr extent_estimate:Expr",
        "Parameter": "defined:bool is_buffer:bool type:Type dimensions:i32 name:str host_alignment:i32"
        " buffer_constraints:[BufferConstraint] memory_type:MemoryType scalar_data:u64? scalar_default:Expr"
        " scalar_min:Expr scalar_max:Expr scalar_estimate:Expr",
        "ExternalParameter": "is_buffer:bool type:Type dimensions:i32 name:str",
        "ExternFuncArgument": "arg_type:ExternFuncArgumentType func_index:i32 buffer_name:str expr:Expr"
        " image_param_name:str",
        "BufferDimension": "min:i32 extent:i32 stride:i32",
        "Buffer": "defined:bool name:str type:Type dimensions:i32 dims:[BufferDimension] data:[u8]",
        "Func": "name:str origin_name:str output_types:[Type] required_types:[Type] required_dims:i32 args:[str]"
        " func_schedule:FuncSchedule init_def:Definition updates:[Definition] debug_file:str"
        " output_buffers_names:[str] extern_arguments:[ExternFuncArgument] extern_function_name:str"
        " extern_mangling:NameMangling extern_function_device_api:DeviceAPI extern_proxy_expr:Expr trace_loads:bool"
        " trace_stores:bool trace_realizations:bool trace_tags:[str] no_profiling:bool frozen:bool",
        "Pipeline": "funcs:[Func] output_names:[str] requirements:[Stmt] func_names_in_order:[str]"
        " parameters:[Parameter] external_parameters:[ExternalParameter] buffers:[Buffer] halide_version:str"
        " serialization_version:str",
    }.items()
}
"""Fields of each table, ``(name, type)`` in slot order."""
