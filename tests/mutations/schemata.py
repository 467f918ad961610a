"""Mutants of a core's Verilog, all of them in one Verilog: the number that an instance is opened with chooses one.

The Verilog that Yosys writes has one operator a statement. Each statement gets what an error in the generator would
make of it: another operator, an operand that is left out, a constant that is one more or less, a condition that is
always or never true, a bit that is missing, a register too many or too few, a memory that is a word too short.
"""

import re
from dataclasses import dataclass

__all__ = ["Mutant", "schemata"]

# What an instance was opened with is what Verilator's $random is seeded by, and one more: `fluorite.sim.harness.cpp`.
SELECTED = '($c32("vlSymsp->_vm_contextp__->randSeed()") == 32\'d{})'

# Operator -> what it may be mistaken for.
OTHERS = {
    "&": ("|",), "|": ("&",), "^": ("|",), "+": ("-",), "-": ("+",), "*": ("+",), "==": ("!=",), "!=": ("==",),
    "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "&&": ("||",), "||": ("&&",),
    ">>": ("<<",), ">>>": (">>",), "<<": (">>",),
}  # fmt: skip
OPERANDS_ALONE = {"&", "|", "^", "+", "-", "&&", "||"}

OPERAND = r"(?:\$signed\([^()]*\)|\{[^{}]*\}|[\w$\\.]+(?:\[[\d:]+\])?|\d+'s?h[0-9a-fx]+)"
BINARY = re.compile(rf"({OPERAND}) (&&|\|\||>>>|<<|>>|[=!<>]=|[&|^+\-*<>]) ({OPERAND})")
UNARY = re.compile(rf"([~!\-]) ?({OPERAND})")
CHOICE = re.compile(rf"({OPERAND}) \? ({OPERAND}) : ({OPERAND})")
CONSTANT = re.compile(r"(\d+)'(s?)h([0-9a-f]+)")
DECLARED = re.compile(r"  (?:input |output )?(?:wire|reg) (?:signed )?(?:\[(\d+):0\] )?(\S+)(?: = .*)?;")
MEMORY = re.compile(r"  reg (?:signed )?\[(\d+):0\] (\S+) \[(\d+):0\];")
ASSIGN = re.compile(r"  assign (.+?) = (.+);")
ENABLE = re.compile(r"    if \(([\w$\\]+)\)( begin)?")  # of a memory
REGISTER = re.compile(r"    (?:if \((.+?)\) )?([\w$\\]+) <= (.+);")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes
    ----------
    number : int
        What to choose it by, from 1 on.
    module : str
        Where it is, without the name of the core.
    original, change : str
        The statement, and what it becomes.
    """

    number: int
    module: str
    original: str
    change: str

    def __str__(self) -> str:
        return f"{self.module}: {self.original}  ->  {self.change}"


def schemata(verilog):
    """All mutants of a core, the Verilog that holds them, and the statements that have none."""
    writer = _Writer()
    blocks = re.split(r"(?m)^(?=module )", verilog)
    text = [blocks[0]]
    core = re.match(r"module (\w+)\(", blocks[1])[1]
    for block in blocks[1:]:
        name = re.match(r"module (\w+)\(", block)[1]
        text.append(writer.module(name.removeprefix(core).removeprefix("__") or "core", block))
    return writer.mutants, "".join(text), writer.passed_over


class _Writer:
    def __init__(self):
        self.mutants = []
        self.passed_over = []
        self.wires = 0

    def module(self, name, block):
        lines = block.splitlines()
        widths = {m[2]: int(m[1] or 0) + 1 for m in map(DECLARED.fullmatch, lines) if m}
        memories = {m[2]: (int(m[1]) + 1, int(m[3]) + 1) for m in map(MEMORY.fullmatch, lines) if m}
        self.name, self.widths, self.memories = name, widths, memories
        self.read = _read(block)
        written, in_initial = [], False
        for line in lines:
            in_initial = (in_initial or line.startswith("  initial")) and line != "  end"
            if in_initial or not line.startswith("  ") or line.startswith("    ."):
                written.append(line)
            elif assign := ASSIGN.fullmatch(line):
                written += self.assign(line, *assign.groups())
            elif register := REGISTER.fullmatch(line):
                written += self.register(line, *register.groups(), clocked=written.pop())
            elif "memory[" in line:
                written.append(self.memory(line))
            elif enable := ENABLE.fullmatch(line):
                written.append(self.enable(line, *enable.groups()))
            else:
                if re.search(r"<=|\?|if \(|case", line):
                    self.passed_over.append(f"{name}: {line.strip()}")
                written.append(line)
        return "\n".join(written) + "\n"

    def new(self, original, change):
        mutant = Mutant(len(self.mutants) + 1, self.name, " ".join(original.split()).removesuffix(";"), change)
        self.mutants.append(mutant)
        return SELECTED.format(mutant.number + 1)

    def width(self, target):
        """Bits of a name, a slice of one, or several in braces; None where that is not known."""
        target = target.strip()
        if target.startswith("{"):
            parts = [self.width(part) for part in target[1:-1].split(",")]
            return None if None in parts else sum(parts)
        if part := re.fullmatch(r"(\S+)\[(\d+)(?::(\d+))?\]", target):
            return int(part[2]) - int(part[3] or part[2]) + 1
        return self.widths.get(target)

    def choose(self, line, target, expression, width, lines):
        """The wire that carries an expression, or what the chosen mutant makes of it; adds what it needs to `lines`."""
        found = list(_changes(expression, width))
        if re.search(r"'s?h\w*x", expression):  # where it is x nobody looks
            found = [f"{width}'h0", f"{width}'h{(1 << width) - 1:x}"]

        def wire(value):
            self.wires += 1
            lines.append(f"  wire [{width - 1}:0] mutant_wire{self.wires} = {value};")
            return f"mutant_wire{self.wires}"

        value = wire(expression)
        if lost := _without_highest(target, width, expression, self):
            found.append(lost)
        for change in found:
            value = f"{self.new(line, change)} ? {wire(change)} : {value}"
        return wire(value)

    def assign(self, line, target, expression):
        width = self.width(target)
        if self.read.isdisjoint(re.findall(r"[a-zA-Z_$][\w$]*", target)) or re.fullmatch(
            r"[\w$\\]+(\[[\d:]+\])?", expression
        ):
            return [line]  # a name for people, another name of the same
        if width is None:
            self.passed_over.append(f"{self.name}: {line.strip()}")
            return [line]
        lines = []
        value = self.choose(line, target, expression, width, lines)
        return [*lines, f"  assign {target} = {value};"]

    def register(self, line, condition, target, expression, clocked):
        if "memory[" in expression:
            return [clocked, self.memory(line)]
        if target not in self.widths:
            self.passed_over.append(f"{self.name}: {line.strip()}")
            return [clocked, line]
        width, lines = self.widths[target], []
        value = self.choose(line, target, expression, width, lines)
        enable = condition or "1'h1"
        if condition:
            always = self.new(line, f"if (1) {target} <= {expression}")
            never = self.new(line, f"if (0) {target} <= {expression}")
            enable = f"({always} || {condition}) && !{never}"
        if self.name == "datapath":  # a delay: one more, one less
            self.wires += 1
            late, plain = f"mutant_late{self.wires}", f"mutant_plain{self.wires}"
            more, less = self.new(line, f"{target} a cycle later"), self.new(line, f"{target} a cycle earlier")
            lines += [
                f"  reg [{width - 1}:0] {late}, {plain};",
                f"  wire [{width - 1}:0] {plain}_in = {value};",
                f"  always @(posedge clk) if ({enable}) {late} <= {plain}_in;",
                f"  always @(posedge clk) if ({enable}) {plain} <= {more} ? {late} : {plain}_in;",
                f"  always @* {target} = {less} ? {plain}_in : {plain};",
            ]
            return lines
        return [*lines, clocked, f"    if ({enable}) {target} <= {value};"]

    def enable(self, line, condition, begins):
        """Of what a memory writes or reads: always, or never."""
        always, never = (self.new(line, f"if ({fixed})") for fixed in (1, 0))
        return f"    if (({always} || {condition}) && !{never}){begins or ''}"

    def memory(self, line):
        """A read or a write: a memory a word shorter; of what is written, the highest bit is lost."""
        found = re.search(r"(\w+)\[([\w$\\]+|\{[^}]*\})\]", line)
        if found is None or found[1] not in self.memories:
            self.passed_over.append(f"{self.name}: {line.strip()}")
            return line
        width, depth = self.memories[found[1]]
        if not hasattr(self, "shorter") or self.shorter[0] != self.name:
            self.shorter = (self.name, self.new(f"reg [{width - 1}:0] memory [{depth - 1}:0]", "a word shorter"))
        address = f"({self.shorter[1]} && {found[2]} == {depth - 1} ? 0 : {found[2]})"
        line = line.replace(found[0], f"{found[1]}[{address}]")
        if written := re.fullmatch(r"(\s+\w+\[.*\] <= )([\w$\\]+);", line):
            lost = self.new(f"memory[{found[2]}] <= {written[2]}", f"{written[2]} without its highest bit")
            line = f"{written[1]}{lost} ? {written[2]} & {_low(width)} : {written[2]};"
        return line


def _low(width):
    """All bits but the highest."""
    return f"{width}'h{(1 << width >> 1) - 1:x}"


def _changes(expression, width):
    """What an expression of so many bits may be instead."""
    if binary := BINARY.fullmatch(expression):
        left, operator, right = binary.groups()
        for other in OTHERS[operator]:
            yield f"{left} {other} {right}"
        if operator in OPERANDS_ALONE:
            yield from (left, right)
    elif unary := UNARY.fullmatch(expression):
        yield unary[2] if unary[1] != "!" else f"| {unary[2]}"
    elif choice := CHOICE.fullmatch(expression):
        condition, true, false = choice.groups()
        yield from (true, false, f"{condition} ? {false} : {true}")
    for constant in CONSTANT.finditer(expression):
        bits, value = int(constant[1]), int(constant[3], 16)
        if expression[: constant.start()].endswith("$signed(") and value >> bits - 1:
            value -= 1 << bits
        for other in (value + 1, value - 1):  # a bit wider, so that there is one
            changed = f"{bits + 1}'h{other % (1 << bits + 1):x}"
            yield f"{expression[: constant.start()]}{changed}{expression[constant.end() :]}"
    if width == 1:
        yield from ("1'h0", "1'h1")


def _without_highest(target, width, expression, writer):
    """An expression without the highest bit of what has a name; sums have bits above that nobody reads."""
    if width == 1 or re.match(r"_\d", target):
        return None
    if target.startswith("{"):
        named = [part for part in target[1:-1].split(",") if not re.match(r"\s*_\d", part)]
        if len(named) != 1 or target[1:-1].split(",")[-1] != named[0] or writer.width(named[0]) == 1:
            return None
        highest = writer.width(named[0]) - 1
        return f"({expression}) & {width}'h{(1 << width) - 1 - (1 << highest):x}"
    return f"({expression}) & {_low(width)}"


def _read(block):
    """The names that a module reads, gives to its submodules, or has as outputs."""
    read = set(re.findall(r"  output (?:wire |reg )?(?:\[\d+:0\] )?(\S+);", block))
    for line in block.splitlines():
        statement = line.split(" = ", 1)[-1] if line.startswith("  assign") else line
        statement = statement.split("(", 1)[-1] if line.startswith("    .") else statement
        if DECLARED.fullmatch(line) or line.startswith("module "):
            continue
        read |= set(
            re.findall(
                r"[\w$]+", statement.split("<= ", 1)[-1] if "<= " in statement and "if" not in line else statement
            )
        )
    return read
