"""Packages of Debian: unpacking, and what is said where they cannot be had."""

import dataclasses
import subprocess

import pytest

from fluorite.errors import SimulationError
from fluorite.systems.machine.debian import DEBIAN, PrivateApt, unpack


@pytest.fixture
def package(tmp_path):
    """A package with two files."""
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: small\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: small\n"
    )
    (tree / "bin").mkdir()
    (tree / "bin" / "one").write_bytes(b"1" * 100_000)
    (tree / "bin" / "two").write_bytes(b"2")
    subprocess.run(["dpkg-deb", "-b", tree, tmp_path / "small.deb"], check=True, capture_output=True)
    return tmp_path / "small.deb"


def test_unpack(package):
    assert unpack(package, lambda name: name == "bin/two") == {"bin/two": b"2"}
    assert set(unpack(package, lambda name: True)) == {"bin/one", "bin/two"}
    with pytest.raises(SimulationError, match=r"^small.deb: what is needed of it cannot be unpacked$"):
        unpack(package, lambda name: False)


def test_what_is_no_package(tmp_path):
    (tmp_path / "broken.deb").write_bytes(b"not a package")
    with pytest.raises(SimulationError, match=r"^broken.deb: what is needed of it cannot be unpacked$"):
        unpack(tmp_path / "broken.deb", lambda name: True)


def test_another_system(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SimulationError) as failed:
        PrivateApt(tmp_path / "apt", "arm64")
    assert str(failed.value).startswith(
        "a machine's kernel comes from Debian's packages: apt-get, apt-cache, dpkg-deb, dpkg must be there"
    )


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("FLUORITE_DEBIAN_MIRROR", f"file:{tmp_path}/none")
    with pytest.raises(SimulationError) as refused:
        PrivateApt(tmp_path / "apt", "armhf")
    assert str(refused.value).startswith(
        f"a machine's kernel is made from Debian's packages, once, and file:{tmp_path}/none cannot be had: "
    )
    assert str(refused.value).endswith(
        "; connect to the network, or name a mirror within reach in FLUORITE_DEBIAN_MIRROR"
    )


def test_another_archive(tmp_path, monkeypatch):
    """Messages name whose packages were to be had, what for, and the way out."""
    (tmp_path / "keys").touch()
    monkeypatch.setenv("ELSE_MIRROR", f"file:{tmp_path}/none")
    archive = dataclasses.replace(
        DEBIAN, distribution="Else", variable="ELSE_MIRROR", keys=tmp_path / "keys", keys_package="else-keys"
    )
    with pytest.raises(SimulationError) as refused:
        PrivateApt(tmp_path / "apt", "amd64", archive, "the tree of Linux 5.15")
    assert str(refused.value).startswith(
        f"the tree of Linux 5.15 is made from Else's packages, once, and file:{tmp_path}/none cannot be had: "
    )
    assert str(refused.value).endswith("; connect to the network, or name a mirror within reach in ELSE_MIRROR")
    (tmp_path / "keys").unlink()
    with pytest.raises(SimulationError) as refused:
        PrivateApt(tmp_path / "apt", "amd64", archive, "the tree of Linux 5.15")
    assert str(refused.value) == (
        f"the tree of Linux 5.15 comes from Else's packages, and {tmp_path}/keys must be there to check them: "
        "apt-get install else-keys"
    )
