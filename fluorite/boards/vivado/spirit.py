"""Elements of IP-XACT: a node to hang them on."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

__all__ = ["Node"]


@dataclass(frozen=True, slots=True)
class Node:
    """An element whose children and attributes are in the namespace ``spirit``."""

    element: Element

    def add(self, tag: str, text: str | None = None, **attributes: str) -> Node:
        """Append a child; a tag with a namespace keeps it."""
        name = tag if ":" in tag else f"spirit:{tag}"
        child = SubElement(self.element, name, {f"spirit:{key}": value for key, value in attributes.items()})
        child.text = text
        return Node(child)
