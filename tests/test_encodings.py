"""Files are UTF-8 in every locale: no file of the package is read or written in the locale's encoding."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "fluorite"
# Copied out, and run by others' Pythons.
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "testbench/files" not in path.as_posix())


def unspecified(text):
    """Lines of calls that read or write text and do not say how it is encoded."""
    lines = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if name in ("read_text", "write_text") and "encoding" not in words:
            lines.append(node.lineno)
        if words.get("text") == "True" or words.get("universal_newlines") == "True":
            lines.append(node.lineno)
    return lines


def test_what_is_looked_for_is_found():
    assert unspecified("p.read_text()\np.write_text(t)\nrun(c, text=True)\np.read_text(encoding='utf-8')") == [1, 2, 3]


def test_files_are_utf_8():
    found = {str(path): unspecified(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}
