"""The documents say what is so: their listings, pictures, and the names of the modules they mention."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ARCHITECTURE = ROOT / "docs" / "architecture.md"


@pytest.mark.slow
def test_listings_are_what_the_worked_example_prints():
    # A process of its own, as it is run by hand.
    script = ROOT / "docs" / "worked_example.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (
        f"run docs/worked_example.py --update and read what changed:\n{done.stdout}{done.stderr}"
    )


def test_picture_is_what_its_script_draws():
    script = ROOT / "docs" / "img" / "architecture.py"
    assert script.with_suffix(".svg").read_text() == runpy.run_path(str(script))["draw"]()


def modules():
    """Modules and packages by dotted name."""
    paths = list((ROOT / "fluorite").rglob("*.py"))
    files = {".".join(path.relative_to(ROOT / "fluorite").with_suffix("").parts): path for path in paths}
    return files | {name.removesuffix(".__init__"): path for name, path in files.items()}


def test_modules_named_in_headings_exist():
    known = modules()
    headings = re.findall(r"^### .*\((.*)\)$", ARCHITECTURE.read_text(), re.M)
    assert headings
    for heading in headings:
        package = ""
        for name in re.findall(r"`([\w.]+)`", heading):
            package = name.rpartition(".")[0] or package
            full = name if "." in name else f"{package}.{name}"
            assert full in known, f"the document names {full}"


def test_dotted_names_exist():
    known = modules()
    packages = {name.partition(".")[0] for name in known}
    missing = []
    for name in re.findall(r"`((?:\w+\.)+\w+)", ARCHITECTURE.read_text()):
        *module, last = name.split(".")
        dotted = ".".join(module)
        homes = [path for full, path in known.items() if full == dotted or full.endswith("." + dotted)]
        in_text = any(re.search(rf"\b{last}\b", path.read_text()) for path in homes)
        is_module = any(full == name or full.endswith(f".{name}") for full in known)
        is_file = last in ("c", "h", "cpp", "toml", "json", "py")
        if not is_file and not is_module and not in_text and (homes or module[0] in packages):
            missing.append(name)
    assert not missing


def test_links_lead_somewhere():
    for page in (ROOT / "README.md", *ARCHITECTURE.parent.glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
