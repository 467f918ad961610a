"""Formulas of the extents as Python, for drivers and testbenches that stand alone."""

from __future__ import annotations

from collections.abc import Mapping

from fluorite.hwgen.formula import Formula

__all__ = ["python_formula"]


def python_formula(formula: Formula, names: Mapping[str, str]) -> str:
    """A formula as a Python expression of ints.

    Parameters
    ----------
    formula : Formula
    names : mapping of str to str
        Python expressions by the formula's variables.
    """
    if formula.op == "constant":
        return str(formula.value)
    if formula.op == "variable":
        return names[formula.name]
    operands = [python_formula(operand, names) for operand in formula.operands]
    if formula.op == "+":
        return _sum(formula, operands)
    if formula.op in ("max", "min"):
        return f"{formula.op}({', '.join(operands)})"
    grouped = [f"({t})" if o.operands else t for o, t in zip(formula.operands, operands, strict=True)]
    if formula.op == "*":
        return " * ".join(grouped)
    if formula.op == "ceil_div":
        return f"-(-{grouped[0]} // {grouped[1]})"
    return f"{grouped[0]} {'//' if formula.op == 'floor_div' else '%'} {grouped[1]}"


def _sum(formula: Formula, operands: list[str]) -> str:
    text = operands[0]
    for term, operand in zip(formula.operands[1:], operands[1:], strict=True):
        text += f" - {-term.value}" if term.is_constant and term.value < 0 else f" + {operand}"
    return text
