"""Random expressions over numbered sources, tables, coordinates and Params."""

from dataclasses import dataclass

from hypothesis import strategies as st

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "bool")


def bits(name):
    return 1 if name == "bool" else int(name.lstrip("uint"))


def limits(name):
    """Least and greatest value of a type."""
    if name == "bool":
        return 0, 1
    width = bits(name)
    return (0, 2**width - 1) if name[0] == "u" else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)


@dataclass(frozen=True)
class Op:
    """An expression of type `type`: operands are Ops, or whatever the kind needs."""

    kind: str
    type: str
    args: tuple = ()


@dataclass(frozen=True)
class Source:
    """What expressions read: an input, or an element of a stage."""

    type: str
    deep: bool  # of three dimensions


@dataclass(frozen=True)
class Table:
    """A constant that is read at an index which moves."""

    form: str  # "buffer" | "integers": a Func | "floats" | "update" | "tuple" | "scatter"
    type: str
    mins: tuple[int, ...]
    extents: tuple[int, ...]
    stored: bool  # the Func is compute_root: a ROM, and not logic
    seed: int


class Drawing:
    """Draws expressions. Who derives from it says what dimensions there are."""

    third = "none"  # dimension: "none" | "channel" | "scan"
    deep = False  # the Func that is being drawn has it
    channels = (0, 1)  # its least coordinate and extent
    bounded = False  # coordinates are known when compiled
    tables = ()

    def __init__(self, draw):
        self.draw = draw

    def integer(self, low, high):
        return self.draw(st.integers(low, high))

    def choice(self, *options):
        return self.draw(st.sampled_from(options))

    def flag(self, of=2):
        """True once in `of` times; shrinks to False."""
        return self.integer(0, of - 1) == of - 1

    def constant(self, type_):
        low, high = limits(type_)
        return self.draw(
            st.one_of(st.integers(max(low, -9), min(high, 9)), st.sampled_from([low, high]), st.integers(low, high))
        )

    # --- reads --------------------------------------------------------------------------------------------------------

    def third_index(self, source):
        """Third index of a read: None, ("c", distance), or in a channel ("at", number)."""
        if not source.deep:
            return None
        if self.deep and (self.third == "scan" or not self.flag(3)):
            return "c", self.choice(0, 0, 0, -1, 1) if self.third == "channel" else self.choice(0, 0, -1, 1, 2)
        first, count = self.channels
        return "at", self.integer(first, first + count - 1)

    def tap(self, sources, shift, type_):
        number = self.integer(0, len(sources) - 1)
        reach = self.choice(1, 1, 2, 4)
        source = sources[number]
        place = (self.integer(-reach, reach), self.integer(-reach, reach))
        op = Op("tap", source.type, (number + shift, *place, self.third_index(source)))
        return op if source.type == type_ else Op("cast", type_, (op,))

    def window(self, sources, shift, type_, kind):
        number = self.integer(0, len(sources) - 1)
        left, top = self.integer(-3, 1), self.integer(-3, 1)
        width, height = self.integer(1, 4), self.integer(1, 4)
        separable = self.flag()
        columns = [self.integer(-4, 9) for _ in range(width)]
        rows = [self.integer(-4, 9) for _ in range(height if separable else width * height)]
        how = self.choice("sum", "sum", "update", "maximum", "where") if kind == "reduce" else "sum"
        weights = tuple(r * c for r in rows for c in columns) if separable else tuple(rows)
        third = self.third_index(sources[number])
        return Op(kind, type_, (how, number + shift, left, top, width, height, weights, third))

    def across(self, sources, shift, type_):
        """A reduction over the third dimension of a source."""
        deep = [n for n, source in enumerate(sources) if source.deep]
        if not deep:
            return self.tap(sources, shift, type_)
        number = self.choice(*deep)
        how = self.choice("sum", "sum", "maximum")
        place = (self.integer(-2, 2), self.integer(-2, 2))
        if self.third == "scan" or (self.deep and self.flag(3)):
            return Op("across", type_, (how, number + shift, *place, "c", self.integer(-2, 0), self.integer(1, 3)))
        return Op("across", type_, (how, number + shift, *place, "at", *self.channels))

    # --- tables -------------------------------------------------------------------------------------------------------

    def table(self):
        form = self.choice("buffer", "buffer", "integers", "floats", "update", "tuple", "scatter")
        type_ = self.choice(*(TYPES if form == "buffer" else TYPES[:-1]))
        rank = 1 if form == "scatter" else self.choice(1, 1, 2)
        extents = tuple(self.choice(1, 3, 8, 16, 200) if rank == 1 else self.choice(1, 3, 4, 7) for _ in range(rank))
        if rank == 1 and self.flag(3):
            extents = (256,)
        mins = tuple(self.integer(-5, 5) if self.flag(3) else 0 for _ in range(rank))
        return Table(
            form, type_, mins, extents, self.flag(2) or form not in ("integers", "floats"), self.integer(0, 99)
        )

    def table_read(self, sources, shift, type_, depth):
        number = self.integer(0, len(self.tables) - 1)
        table = self.tables[number]
        indices = [self._index(table, d, sources, shift, depth) for d in range(len(table.extents))]
        op = Op("table", table.type, (number, self.integer(0, 1) if table.form == "tuple" else 0, *indices))
        return op if table.type == type_ else Op("cast", type_, (op,))

    def _index(self, table, dimension, sources, shift, depth):
        kinds = ["data", "data", "data", "coordinate", "number", "param"]
        if self.bounded and table.form != "buffer" and dimension == 0:
            kinds.append("position")
        kind = self.choice(*kinds)
        least, extent = table.mins[dimension], table.extents[dimension]
        if kind == "data":
            if extent == 256 and least == 0 and self.flag(2):  # no clamp
                return Op("index", "int32", ("byte", self.expression(sources, shift, "uint8", depth - 1)))
            of = self.choice(*TYPES)
            how = self.choice("clamp", "clamp", "mod")
            return Op("index", "int32", (how, least, extent, self.expression(sources, shift, of, depth - 1)))
        if kind == "coordinate":
            return Op("index", "int32", ("coordinate", least, extent, self.integer(0, 2 if self.deep else 1)))
        if kind == "number":
            return Op("index", "int32", ("number", self.integer(least, least + extent - 1)))
        if kind == "position":
            return Op("index", "int32", ("position", self.integer(0, 1), self.integer(-2, 2)))
        return Op("index", "int32", ("param", least, extent))

    # --- expressions --------------------------------------------------------------------------------------------------

    def expression(self, sources, shift, type_, depth):
        """An expression of a type; `sources` are numbered from `shift` on."""
        if depth <= 0:
            kind = self.choice("tap", "tap", "tap", "tap", "tap", "tap", "const", "param", "coordinate")
            if kind == "tap":
                return self.tap(sources, shift, type_)
            if kind == "const":
                return Op("const", type_, (self.constant(type_),))
            if kind == "param":
                return Op("param", type_, (self.integer(0, 1),))
            return Op("coordinate", type_, (self.integer(0, 2 if self.deep else 1),))
        sub = lambda t=type_: self.expression(sources, shift, t, self.integer(0, depth - 1))  # noqa: E731
        kind = self._kind(type_)
        if kind == "tap":
            return self.tap(sources, shift, type_)
        if kind in ("window", "reduce"):
            return self.window(sources, shift, type_, kind)
        if kind == "across":
            return self.across(sources, shift, type_)
        if kind == "table":
            return self.table_read(sources, shift, type_, depth)
        if kind == "pick":
            return Op(kind, type_, tuple(sub() for _ in range(self.integer(1, 3))))
        if kind == "argmin":
            return Op(kind, type_, tuple(self.tap(sources, shift, type_) for _ in range(self.integer(2, 3))))
        if kind == "compare":
            other = self.choice(*TYPES[:-1])
            return Op("compare", "bool", (self.choice("<", "<=", "==", "!=", ">", ">="), sub(other), sub(other)))
        if kind == "not":
            return Op("not", type_, (sub(),))
        if kind == "scale":
            return Op("mul", type_, (sub(), Op("const", type_, (self.constant(type_),))))
        if kind == "select":
            return Op("select", type_, (sub("bool"), sub(), sub()))
        if kind in ("cast", "saturating_cast"):
            return Op(kind, type_, (sub(self.choice(*(TYPES if kind == "cast" else TYPES[:-1]))),))
        if kind in ("absd", "abs"):
            unsigned = type_ if type_[0] == "u" else f"u{type_}"
            op = self.choice("int", "uint") + str(bits(type_)) if kind == "absd" else f"int{bits(type_)}"
            made = Op(kind, unsigned, tuple(sub(op) for _ in range(1 + (kind == "absd"))))
            return made if type_ == unsigned else Op("cast", type_, (made,))
        if kind in ("div", "mod"):
            return Op(kind, type_, (sub(), self.constant(type_)))
        if kind in ("shift_left", "shift_right"):
            return Op(kind, type_, (sub(), self.integer(0, bits(type_) - 1)))
        if kind == "clamp":
            return Op(kind, type_, (sub(), *sorted((self.constant(type_), self.constant(type_)))))
        if kind == "widening":
            narrow = f"{type_.rstrip('0123456789')}{bits(type_) // 2}"
            if bits(type_) < 16:
                return self.tap(sources, shift, type_)
            kind = self.choice("widening_add", "widening_mul", "widening_sub")
            if kind == "widening_sub" and type_[0] == "u":
                kind = "widening_add"
            return Op(kind, type_, (sub(narrow), sub(narrow)))
        return Op(kind, type_, (sub(), sub()))

    def _kind(self, type_):
        kinds = ["table"] * 4 if self.tables else []
        if self.third != "none":
            kinds += ["across", "across", *(["pick"] if self.deep else [])]
        if type_ == "bool":
            return self.choice("compare", "compare", "and", "or", "not", "cast", "xor", *kinds[::2])
        kind = self.choice(
            "tap", "add", "sub", "mul", "scale", "min", "max", "select", "cast", "window", "reduce", "absd", "abs",
            "div", "mod", "shift_left", "shift_right", "clamp", "saturating_cast", "halving", "saturating",
            "bitwise", "widening", "not", "argmin", *kinds,
        )  # fmt: skip
        if kind == "halving":
            return self.choice("halving_add", "rounding_halving_add", "halving_sub")
        if kind == "saturating":
            return self.choice("saturating_add", "saturating_sub")
        return self.choice("and", "or", "xor") if kind == "bitwise" else kind
