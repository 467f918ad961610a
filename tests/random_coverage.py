"""What random plans contain, and why some are refused: a generator that is mostly refused tests nothing."""

import re
from collections import Counter

from tests.random_plans import FOLDING, operations

# The refusals that plans may meet; any other is a failure. Each is a rule that the documentation states.
REFUSALS = {
    "repeat_image": (r"it reads as far away as the image's other end", lambda p: "repeat_image" in _kinds(p)),
    "border of what is inlined": (r"is inlined where it is read at a border condition", lambda p: _inlined_border(p)),
    "image smaller than what its border folds": (
        r"the border condition is for images of \d+ and more", lambda p: any(k in FOLDING for k in _kinds(p))
    ),
    "input that folds away": (r"nothing that is computed reads it", lambda p: True),
}  # fmt: skip


def _borders(plan):
    return [border for of in (*plan.inputs, *plan.stages) for border in of.borders]


def _kinds(plan):
    return {border.kind for border in _borders(plan)}


def _inlined_border(plan):
    return any(stage.borders and not stage.linebuffer for stage in plan.stages[:-1])


def reason(plan, error):
    """Name of the rule by which a plan was refused, or None if it should not have been."""
    for name, (message, could_be) in REFUSALS.items():
        if re.search(message, str(error)) and could_be(plan):
            return name
    return None


def features(plan):
    """Names of what a plan contains."""
    found = {plan.mode, f"third dimension: {plan.third}", f"inputs: {plan.inputs[0].form}"}
    for of, what in ((plan.inputs, "input"), (plan.stages[:-1], "stage")):
        found |= {f"border of {what}: {border.kind}" for one in of for border in one.borders}
        found |= {f"border of {what} at {border.bounds}" for one in of for border in one.borders}
        found |= {f"{what} with and without its border" for one in of if one.mixed}
        found |= {"two borders" for one in of if len(one.borders) > 1}
    for op in operations(plan):
        if op.kind == "table":
            found.add(f"table: {plan.tables[op.args[0]].form}")
        elif op.kind == "index":
            found.add(f"table at {op.args[0]}")
        elif op.kind in ("across", "pick", "param", "reduce", "coordinate"):
            found.add(op.kind)
    many = {
        "Tuples": any(len(stage.bodies) > 1 for stage in plan.stages),
        "several inputs": len(plan.inputs) > 1,
        "several stages": len([stage for stage in plan.stages if stage.linebuffer]) > 1,
        "2-D and 3-D together": plan.third == "channel" and len({s.deep for s in (*plan.inputs, *plan.stages)}) > 1,
        "lanes along x": plan.lanes[0] > 1,
        "eight lanes and more": plan.lanes[0] > 4,
        "lanes along y": plan.lanes[1] > 1,
        "lanes along c": plan.lanes[2] > 1,
        "another order of loops": plan.order not in ("xy", "xyc"),
        "two sizes": plan.again is not None,
        "several launches": plan.mode == "whole" and plan.launches > 1,
        "part of a tile": plan.mode == "tile" and any(n % t for n, t in zip(plan.size, plan.tile, strict=False)),
        "a border and a small image": bool(_borders(plan)) and min(plan.size[:2]) < 5,
        "a border and lanes": bool(_borders(plan)) and max(plan.lanes) > 1,
        "a border and 3-D": bool(_borders(plan)) and plan.third != "none",
    }
    return found | {name for name, holds in many.items() if holds}


class Coverage:
    """Counts of a run."""

    def __init__(self):
        self.plans = 0
        self.features = Counter()
        self.refusals = Counter()

    def add(self, plan, refused):
        """Count a plan, and why it was refused if it was."""
        self.plans += 1
        if refused:
            self.refusals[refused] += 1
        else:
            self.features.update(features(plan))

    @property
    def refused(self):
        """Share of plans that were refused."""
        return self.refusals.total() / max(self.plans, 1)

    def __str__(self):
        lines = [f"{self.plans} random pipelines, {self.refusals.total()} refused ({100 * self.refused:.0f} %)"]
        lines += [f"  {count:5} refused: {name}" for name, count in self.refusals.most_common()]
        lines += [f"  {count:5} exact: {name}" for name, count in sorted(self.features.items())]
        return "\n".join(lines)
