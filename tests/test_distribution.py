"""What is distributed: licences of all parts with their texts, and data files of the package."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fluorite"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FILES = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
TAG = re.compile(r"SPDX-License-Identifier: ([^*\n]+)")


def licences():
    """What files of the package say of themselves, each expression once."""
    found = {}
    for path in FILES:
        for expression in TAG.findall(path.read_text(errors="ignore")):
            found.setdefault(expression.strip(), path)
    return found


def names(expression):
    return set(re.findall(r"[\w.-]+", expression)) - {"AND", "OR", "WITH"}


def test_every_licence_that_is_named_has_its_text():
    texts = {path.stem for path in (ROOT / "LICENSES").glob("*.txt")}
    named = {"Apache-2.0"}.union(*map(names, licences()))
    named |= {n for path in (ROOT / "tests").rglob("*.yaml") for e in TAG.findall(path.read_text()) for n in names(e)}
    assert texts == named


def test_the_expression_of_the_whole_covers_every_part():
    whole = names(PROJECT["project"]["license"])
    parts = licences()
    assert len(parts) >= 4  # the driver, its header, the plugin, bindings
    for expression, path in parts.items():
        choices = [choice.strip("() ") for choice in expression.split(" OR ")]
        assert any(choice.partition(" WITH ")[0] in whole for choice in choices), (path, expression)
    assert whole == {"Apache-2.0", "GPL-2.0-only", "GPL-2.0-or-later"}


def test_texts_are_the_same_wherever_they_are():
    gpl = (ROOT / "LICENSES/GPL-2.0-only.txt").read_text()
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2, June 1991" in gpl
    assert (ROOT / "LICENSES/GPL-2.0-or-later.txt").read_text() == gpl
    assert (PACKAGE / "glue/linux/driver/COPYING").read_text() == gpl  # goes with the driver into every design
    assert (ROOT / "LICENSE").read_text() == (ROOT / "LICENSES/Apache-2.0.txt").read_text()


def test_the_package_has_all_its_files():
    patterns = [*PROJECT["tool"]["setuptools"]["package-data"]["*"], "*.py"]
    assert [path for path in FILES if not any(fnmatch(path.name, pattern) for pattern in patterns)] == []
