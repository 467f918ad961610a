"""Packages of Debian for any architecture, downloaded and unpacked without touching this machine's own.

apt gets a configuration, lists and a state of its own, all in one folder. What comes is checked against the archive's
keys.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fluorite.errors import SimulationError
from fluorite.host.toolchain import run_tool

__all__ = ["DEBIAN", "SUITE", "Archive", "PrivateApt", "unpack"]

SUITE = "bookworm"
_TOOLS = ("apt-get", "apt-cache", "dpkg-deb", "dpkg")


@dataclass(frozen=True, slots=True)
class Archive:
    """Where packages come from.

    Attributes
    ----------
    distribution : str
        For messages.
    suite : str
        One of its releases.
    mirror : str
        The usual one.
    variable : str
        Of the environment, which names another mirror.
    keys : Path
        What its lists are signed with.
    keys_package : str
        The package that brings the keys.
    """

    distribution: str
    suite: str
    mirror: str
    variable: str
    keys: Path
    keys_package: str


DEBIAN = Archive(
    distribution="Debian",
    suite=SUITE,
    mirror="http://deb.debian.org/debian",
    variable="FLUORITE_DEBIAN_MIRROR",
    keys=Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    keys_package="debian-archive-keyring",
)


class PrivateApt:
    """apt with a state of its own.

    Parameters
    ----------
    folder : Path
        Where it keeps its lists, and downloads to.
    architecture : str
        Debian's name of the architecture that packages are for, unless they say otherwise.
    archive : Archive
        Where they come from.
    purpose : str
        What they are for, for messages.

    Raises
    ------
    SimulationError
        This is not Debian or its kind, or the mirror cannot be reached.
    """

    def __init__(
        self, folder: Path, architecture: str, archive: Archive = DEBIAN, purpose: str = "a machine's kernel"
    ) -> None:
        self.architecture = architecture
        self._folder = folder
        try:
            self.host_architecture = run_tool(["dpkg", "--print-architecture"]).stdout.strip()
        except SimulationError as error:
            raise SimulationError(
                f"{purpose} comes from {archive.distribution}'s packages: {', '.join(_TOOLS)} must be there ({error})"
            ) from error
        if not archive.keys.is_file():
            raise SimulationError(
                f"{purpose} comes from {archive.distribution}'s packages, and {archive.keys} must be there to check "
                f"them: apt-get install {archive.keys_package}"
            )
        mirror = os.environ.get(archive.variable, archive.mirror)
        architectures = list(dict.fromkeys([self.host_architecture, architecture]))
        for name in ("lists/partial", "cache/archives/partial", "etc", "packages"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(
            f"deb [arch={','.join(architectures)} signed-by={archive.keys}] {mirror} {archive.suite} main\n",
            encoding="utf-8",
        )
        listed = " ".join(f'"{name}";' for name in architectures)
        (folder / "apt.conf").write_text(
            f"""\
APT::Architecture "{self.host_architecture}";
APT::Architectures {{ {listed} }};
APT::Sandbox::User "";
APT::Get::List-Cleanup "false";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
""",
            encoding="utf-8",
        )
        self._environment = {**os.environ, "APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}
        try:  # without the option, a mirror that is not there is only a warning
            self._run("apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any")
        except SimulationError as error:
            reasons = [line for line in str(error).splitlines() if line.startswith("E: ")]
            raise SimulationError(
                f"{purpose} is made from {archive.distribution}'s packages, once, and {mirror} cannot be had: "
                f"{reasons[0].removeprefix('E: ') if reasons else error}; connect to the network, or name a mirror "
                f"within reach in {archive.variable}"
            ) from error

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        return run_tool(list(command), cwd=cwd, env=self._environment).stdout

    def depends(self, package: str) -> list[str]:
        """Names of the packages that one needs, as a metapackage names the real ones."""
        text = self._run("apt-cache", "depends", f"{package}:{self.architecture}")
        lines = (line.strip() for line in text.splitlines())
        return [line.removeprefix("Depends: ").partition(":")[0] for line in lines if line.startswith("Depends: ")]

    def download(self, packages: Sequence[str]) -> list[Path]:
        """Download packages, ``name`` or ``name:architecture``; returns their files in the same order."""
        names = [name if ":" in name else f"{name}:{self.architecture}" for name in packages]
        files = []
        for name in names:
            folder = self._folder / "packages" / name.replace(":", "_")
            folder.mkdir()
            self._run("apt-get", "download", "-q", name, cwd=folder)
            files += list(folder.glob("*.deb"))
        return files


def unpack(package: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the files in a package by their path (without a leading slash) that `wanted` says yes to.

    Raises
    ------
    SimulationError
        It cannot be unpacked, or none of its files is wanted.
    """
    found: dict[str, bytes] = {}
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        with contextlib.suppress(tarfile.TarError), tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if member.isfile() and wanted(name):
                    file = archive.extractfile(member)
                    assert file is not None
                    found[name] = file.read()
        process.stdout.read()
    if process.returncode or not found:
        raise SimulationError(f"{package.name}: what is needed of it cannot be unpacked")
    return found
