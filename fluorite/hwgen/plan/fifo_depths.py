"""``fifo_depth()``: depths that the user gave, held against those the schedule needs.

Nothing is built from them: how long a value waits follows from the schedule. A depth that would be too small for it
tells that the user expects something else of the hardware, and is refused.
"""

from __future__ import annotations

from fluorite.errors import ScheduleError
from fluorite.frontend.region.region import Region
from fluorite.hwgen.family.delays import taken_at
from fluorite.hwgen.plan.extents import Extents
from fluorite.hwgen.plan.schedule import Schedule
from fluorite.hwgen.plan.storage import cycles
from fluorite.hwgen.streams.operations import names_value, value_of

__all__ = ["check_fifo_depths", "needed_depth"]


def needed_depth(producer: str, consumer: str, plan: Schedule, extents: Extents, lanes: int) -> int:
    """Values that wait between a stage and a consumer, before the consumer's own window.

    Parameters
    ----------
    producer, consumer : str
        Stages, or an input for the producer.
    plan : Schedule
    extents : Extents
    lanes : int
        Values a cycle.

    Returns
    -------
    int
        Values between the newest that has been computed and the newest that the consumer has taken; 0 where it reads
        none.
    """
    owner: dict[int, str] = {}  # stage in whose expression a node is
    for node in reversed(plan.nodes):
        if names_value(node):
            owner[node.id] = value_of(node).stream.partition(".")[0]
        for operand in node.operands:
            owner.setdefault(operand.node.id, owner.get(node.id, ""))
    newest = [
        cycles(plan.age(plan.lags[node.id], taken_at(node, operand), operand.node), extents.strides)
        for node in plan.nodes
        if not node.static and owner.get(node.id) == consumer
        for operand in node.operands
        if names_value(operand.node) and owner[operand.node.id] == producer
    ]
    return max(min(newest), 0) * lanes if newest else 0


def check_fifo_depths(region: Region, plan: Schedule, extents: Extents, lanes: int) -> None:
    """Refuse depths that are too small.

    Raises
    ------
    ScheduleError
        The schedule needs more; the message says how many.
    """
    for producer, consumer, depth in region.fifo_depths:
        needed = needed_depth(producer, consumer, plan, extents, lanes)
        if depth < needed:
            raise ScheduleError(
                producer,
                f"fifo_depth({consumer}, {depth})",
                f"{needed} values of {producer} wait for {consumer}",
                f"give {needed} or more, or leave the call out: depths follow from the schedule",
            )
