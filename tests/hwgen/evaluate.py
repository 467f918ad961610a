"""Stream graphs in plain Python: what each node carries at each iteration."""

from fluorite.hwgen.streams.graph import topological

_BINARY = {
    "mul": lambda a, b: a * b,
    "min": min,
    "max": max,
    "eq": lambda a, b: int(a == b),
    "lt": lambda a, b: int(a < b),
    "le": lambda a, b: int(a <= b),
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
}


def wrapped(value, width_bits, signed):
    """The low bits, read as unsigned or two's complement."""
    value &= (1 << width_bits) - 1
    return value - (1 << width_bits) if signed and value >> (width_bits - 1) else value


class Evaluator:
    """Values of a graph's nodes; ``sources(node, iteration)`` gives those of inputs, taps, coordinates and settings."""

    def __init__(self, sources):
        self.sources = sources
        self.known = {}

    def ref(self, ref, at):
        return self.node(ref.node, tuple(i - d for i, d in zip(at, ref.delay, strict=True)))

    def node(self, node, at):
        if node.static:
            at = (0,) * len(at)
        if (node.id, at) not in self.known:
            value = self._compute(node, at)
            assert node.lo <= value <= node.hi, f"{node.op} {node.attr} carries {value}, outside {node.lo}..{node.hi}"
            self.known[node.id, at] = value
        return self.known[node.id, at]

    def _compute(self, node, at):
        if node.op == "const":
            return node.attr[0]
        if node.op in ("input", "tap", "coord", "setting"):
            return self.sources(node, at)
        operands = [self.ref(operand, at) for operand in node.operands]
        if node.op in _BINARY:
            return _BINARY[node.op](*operands)
        a = operands[0]
        match node.op:
            case "stage" | "within":
                return a
            case "sum":
                constant, *coefficients = node.attr
                return constant + sum(c * x for c, x in zip(coefficients, operands, strict=True))
            case "abs":
                return abs(a)
            case "not":
                return 1 - a
            case "select":
                return operands[1] if a else operands[2]
            case "wrap":
                return wrapped(a, node.attr[0], node.attr[1])
            case "shr":
                return a >> node.attr[0]
            case "shl":
                return a << node.attr[0]
            case "div":
                return a // operands[1] if operands[1] else 0
            case "mod":
                return a % operands[1] if operands[1] else 0
            case "cat":
                return (a << node.attr[0]) + operands[1]
        raise NotImplementedError(node.op)


def nodes_of(graph):
    return list(topological(output.value.node for output in graph.outputs))
