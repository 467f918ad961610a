"""Updates as text, of `random_reductions`: their domains, what they reduce and how."""

from dataclasses import dataclass
from math import prod

MOST_STEPS = 18
#: What keeps a value of a signed type, of which Halide may think that it does not overflow, from doing so.
MASKS = {"i32": 0xFFFFF, "i64": 0xFFFFFFFFF}


@dataclass
class Update:
    """An update as text, and what its schedule may do."""

    lines: list
    rvars: list  # (name, extent)
    any_order: bool  # whether Halide lets its loops change places
    factors: bool  # whether Halide's rfactor takes it


class Updates:
    """Writes updates; `random_reduction_plans.Pipeline` has what is around them."""

    def _rdom(self):
        """Lines of a domain, its RVars' names and extents and mins."""
        rng, name = self.rng, self._name("r")
        dimensions = rng.choice((1, 1, 2, 2, 2, 3))
        while True:
            extents = [rng.choice((1, 2, 2, 3, 3, 3, 4, 5, 7)) for _ in range(dimensions)]
            if 1 < prod(extents) <= MOST_STEPS:
                break
        mins = [rng.choice((0, 0, 0, -1, -1, -2, 1)) for _ in extents]
        text = ", ".join(f"({low}, {extent})" for low, extent in zip(mins, extents, strict=True))
        rvars = [f"{name}.{v}" for v in "xyz"[:dimensions]]
        return name, rvars, extents, mins, [f"{name} = hl.RDom([{text}], '{name}')"]

    def _update(self, stage, sources, at):
        rng = self.rng
        name, rvars, extents, mins, lines = self._rdom()
        reads = [self._read(stage, m, rvars) for m in sources]
        value = reads[0]
        for other in reads[1:]:
            value = rng.choice(
                (f"({value} + {other})", f"hl.i32(hl.absd({value}, {other}))", f"hl.min({value}, {other})")
            )
        kind = rng.random()
        if kind < 0.25:
            weights = self._name("weights")
            lows = [self._reads_from_0(r, low) for r, low in zip(rvars, mins, strict=True)]
            shape = ", ".join(str(extent) for extent in reversed(extents))
            few = rng.choice(("", " * (np.arange({n}) % 3 != 1)", " // 4 * 4")).format(n=prod(extents))
            numbers = f"((np.arange({prod(extents)}) * 37 % 23 - 9){few}).reshape({shape}).astype(np.int32)"
            lines.append(f"{weights} = kept({numbers}, '{weights}')")
            value = f"{value} * {weights}[{', '.join(lows)}]"
        elif kind < 0.35:
            value = f"({value} + {rng.choice(rvars)} * {rng.choice((1, 3, -2))})"
        elif kind < 0.42:
            value = f"{value} * ({rng.choice(self._scanned())} + {rng.choice(rvars)} & 15)"
        elif kind < 0.5:
            value = f"{value} * hl.i32(gain)"
        elif kind < 0.57:
            table = self._name("table")
            lines.append(f"{table} = kept((np.arange(256) ** 2 % 251).astype(np.uint16), '{table}')")
            value = f"hl.i32({table}[({value}) & 255])"
        if rng.random() < 0.12:
            lines.append(f"{name}.where({self._by_rvars(rvars)})")
        if rng.random() < 0.12:
            lines.append(f"{name}.where({reads[0]} % 4 {rng.choice(('!= 1', '> 1', '== 0'))})")
        if rng.random() < 0.05:
            lines.append(f"{name}.where(({rng.choice(self._scanned())} + {rng.choice(rvars)}) % 2 == 0)")
        if rng.random() < 0.05:
            lines.append(f"{name}.where({rng.choice(rvars)} < hl.i32(gain) - 4)")
        text, any_order, factors = self._reducing(stage, f"{stage.name}[{at}]", value, rvars)
        lines.append(f"{stage.name}[{at}] {text}")
        return Update(lines, list(zip(rvars, extents, strict=True)), any_order, factors)

    def _reads_from_0(self, rvar, low):
        return rvar if not low else f"{rvar} {'-' if low > 0 else '+'} {abs(low)}"

    def _by_rvars(self, rvars):
        rng = self.rng
        if len(rvars) > 1 and rng.random() < 0.5:
            return f"{rvars[0]} {rng.choice(('<=', '!='))} {rvars[1]}"
        return f"{' + '.join(rvars)} {rng.choice(('!= 1', '> 0', '< 2'))}"

    def _reducing(self, stage, f, value, rvars):
        """The right side of an update, whether its order is free, and whether rfactor takes it."""
        rng, type_ = self.rng, stage.type
        cast = f"hl.cast(hl.{'UInt' if type_[0] == 'u' else 'Int'}({type_[1:]}), {{}})".format
        few = f"({value}) & 3"
        if len(stage.types) > 1:
            second = stage.types[1]
            also = f"hl.cast(hl.{'UInt' if second[0] == 'u' else 'Int'}({second[1:]}), {{}})".format
            place = rng.choice((*rvars, " + ".join(rvars)))
            if rng.random() < 0.6:
                nearer = f"{cast(value)} {rng.choice(('<', '>', '<='))} {f}[0]"
                first = f"hl.select({nearer}, {cast(value)}, {f}[0])"
                return f"= ({first}, hl.select({nearer}, {also(place)}, {f}[1]))", False, False
            if rng.random() < 0.3:  # each computed from the other
                crossed = f"hl.i32({f}[1] & 0xFF) * ({few}) + {value}"
                return f"= ({cast(crossed)}, {also(f'hl.i32({f}[0] & 0x3F) + 1')})", False, False
            masked = f"({f}[0] + {cast(value)}) & 0x7FFFF" if type_ in MASKS else f"{f}[0] + {cast(value)}"
            weight = rng.choice((place, "1", f"({value}) & 3"))
            total = f"({f}[1] + {also(weight)})" + (" & 0xFFFF" if second == "i32" else "")
            return f"= ({masked}, {total})", False, False
        kind = rng.choice(
            (
                "sum",
                "sum",
                "sum",
                "extremum",
                "extremum",
                "product",
                "guard",
                "horner",
                "shift",
                "xor",
                "divide",
                "table",
                "saturate",
                "pick",
                "absd",
                "multiply",
            )
        )
        signed = type_ in MASKS
        if kind == "sum" and type_ == "i32":
            return f"+= ({value}) & 0x3FFFFF", True, True
        if kind == "sum":
            return f"+= {cast(value)}", True, True
        if kind == "extremum":
            return f"= hl.{rng.choice(('max', 'min'))}({f}, {cast(value)})", True, True
        if kind == "product" and not signed:
            return f"*= {cast(f'({value} & 3) | 1')}", True, True
        if kind == "guard":
            condition = rng.choice((f"{cast(value)} > {f}", f"({value}) % 3 == 0", f"({f} & 1) == 0"))
            new = f"({f} + {cast(few)}) & 0xFFFF" if signed else f"{f} + {cast(few)}"
            return f"= hl.select({condition}, {cast(new)}, {f})", False, False
        if kind == "horner":
            new = (
                f"(({f} & 0xFFFF) * 3 + {cast(value)})" if signed else f"{f} * {rng.choice((2, 3, 5))} + {cast(value)}"
            )
            return f"= {new}", False, False
        if kind == "shift":
            left = f"({f} & 0xFFF) << 1" if signed else f"{f} << 1"
            return f"= ({rng.choice((left, f'{f} >> 1'))}) ^ {cast(value)}", False, False
        if kind == "xor":
            return f"= {f} {rng.choice('^|&')} {cast(value)}", False, False
        if kind == "divide":
            return f"= {cast(f'{f} / {rng.choice((2, 3, 7))} + {cast(few)}')}", False, False
        if kind == "table":
            table = self._name("next")
            self._put(f"{table} = kept((np.arange(64) * 29 % 61).astype(np.uint8), '{table}')")
            return (
                f"= {cast(f'{table}[hl.i32(({f} + {cast(value)}) & 63)]')}"
                if not signed
                else (f"= {cast(f'{table}[hl.i32({f} & 63) ^ (({value}) & 63)]')}"),
                False,
                False,
            )
        if kind == "saturate" and type_ in ("u8", "i8", "u16", "i16"):
            return f"= hl.saturating_cast({cast(0)}.type(), hl.i32({f}) + {value})", False, False
        if kind == "pick":
            return f"= hl.select({' + '.join(rvars)} == {rng.choice((0, 1, 2))}, {cast(value)}, {f})", False, False
        if kind == "absd" and not signed:
            return f"= {cast(f'hl.absd({f}, {cast(value)})')}", False, False
        if kind == "multiply":
            new = f"({f} & 0xFFF) * {cast(few)} + {cast(value)}" if signed else f"{f} * {cast(few)} + {cast(value)}"
            return f"= {cast(new)}", False, False
        return f"= {f} - {cast(few)}" if not signed else f"= ({f} - {cast(few)}) & 0x7FFF", False, False
