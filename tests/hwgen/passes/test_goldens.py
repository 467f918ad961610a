"""What every pass over the graph leaves behind, kept as text: a change of a pass is a difference to read."""

import pytest

from fluorite.hwgen.expand import expanded
from fluorite.hwgen.family.delays import ZYNQ7000
from fluorite.hwgen.streams.text import show_graph
from tests.hwgen.small import SMALL, compiled

PASSES = ("link", "choices", "trees", "division", "sums", "products", "merge")


@pytest.mark.parametrize("name", SMALL)
def test_graphs(name, golden):
    """After linking the whole graph; after each other pass the graph where that changed it."""
    generated = compiled(name)
    texts = []
    expanded(
        generated.region, generated.lowered, ZYNQ7000, lambda step, graph, _: texts.append((step, show_graph(graph)))
    )
    assert [step for step, _ in texts] == list(PASSES)
    lines, before = [], None
    for step, text in texts:
        lines.append(f"# {step}\n" + ("as before\n" if text == before else text))
        before = text
    golden(f"passes/{name}", "\n".join(lines))


def test_every_pass_has_something_to_do():
    """Else its text says nothing."""
    changed = set()
    for name in SMALL:
        generated, texts = compiled(name), []
        expanded(generated.region, generated.lowered, ZYNQ7000, lambda step, graph, _: texts.append(show_graph(graph)))  # noqa: B023
        changed |= {step for step, a, b in zip(PASSES[1:], texts, texts[1:], strict=False) if a != b}
    assert changed == set(PASSES[1:])
