"""The initial file system, read back by another program for cpio archives."""

import os
import stat
import subprocess

import pytest

from fluorite.systems.machine.initramfs import initramfs

FILES = {"init": b"#!/bin/sh\n", "lib/deep/er/module.ko": bytes(range(7)), "empty": b""}


@pytest.mark.system
def test_cpio_reads_it(tmp_path):
    command = ["cpio", "-idm", "--quiet", "--no-absolute-filenames"]
    if os.getuid() != 0:  # only root makes device nodes
        command += ["--nonmatching", "dev/console"]
    subprocess.run(command, input=initramfs(FILES), cwd=tmp_path, check=True)
    for name, data in FILES.items():
        assert (tmp_path / name).read_bytes() == data
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o755
    assert (tmp_path / "proc").is_dir()


@pytest.mark.system
def test_parents_come_first_and_the_console_is_there():
    listed = subprocess.run(["cpio", "-itv", "--quiet"], input=initramfs(FILES), capture_output=True, check=True)
    lines = listed.stdout.decode().splitlines()
    names = [line.split()[-1] for line in lines]
    for number, name in enumerate(names):
        parent = name.rpartition("/")[0]
        assert not parent or parent in names[:number]
    (console,) = [line for line in lines if line.endswith("dev/console")]
    assert console.startswith("crw-------") and "5,   1" in console


def test_same_files_same_bytes():
    assert initramfs(FILES) == initramfs(dict(reversed(FILES.items())))


def test_entries_are_whole_words():
    archive = initramfs(FILES)
    assert len(archive) % 4 == 0 and archive.startswith(b"070701") and b"TRAILER!!!\0" in archive[-16:]
