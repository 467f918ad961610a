"""Files and folders that appear whole or not at all."""

import os
import re
import resource
import signal
import subprocess
import sys

import pytest

from fluorite.errors import UsageError
from fluorite.host.files import check_file_target, check_folder_target, folder_in_place, write_file


@pytest.fixture
def small_disk():
    """Within it, no file grows beyond 4 KiB: what a full disk does, and the error is as sudden."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def tree(folder):
    return {str(p.relative_to(folder)): p.read_text() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "file"
    write_file(path, "one é")
    assert path.read_bytes() == "one é".encode()
    assert path.stat().st_mode & 0o777 == 0o666 & ~current_umask()
    path.chmod(0o640)
    write_file(path, b"two")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("two", 0o640)
    assert os.listdir(tmp_path) == ["file"]


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_full_disk_leaves_what_was_there(tmp_path, small_disk):
    path = tmp_path / "file"
    path.write_text("before")
    for name in ("file", "new"):
        with pytest.raises(UsageError, match=f"^{re.escape(str(tmp_path / name))}: cannot be written: File too large$"):
            write_file(tmp_path / name, bytes(5000))
    assert tree(tmp_path) == {"file": "before"}


def test_devices_and_links_stay_what_they_are(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/file")
    write_file(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert tree(tmp_path / "folder") == {"file": "text"}
    (tmp_path / "null").symlink_to("/dev/null")
    write_file(tmp_path / "null", "text")
    assert os.path.realpath(tmp_path / "null") == "/dev/null"
    assert not os.path.isfile("/dev/null")
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(UsageError, match=r"full: cannot be written: No space left on device$"):
        write_file(tmp_path / "full", "text")


def test_files_that_cannot_be(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name, message in (
        ("folder", "is a folder"),
        ("none/file", f"there is no folder {tmp_path / 'none'}"),
        ("x" * 300, "cannot be written: File name too long"),
    ):
        with pytest.raises(UsageError, match=f"^{re.escape(f'{tmp_path / name}: {message}')}$"):
            check_file_target(tmp_path / name)
        with pytest.raises(UsageError, match=f"^{re.escape(str(tmp_path / name))}: cannot be written: "):
            write_file(tmp_path / name, "text")
    with pytest.raises(UsageError, match=r"loop: cannot be written: "):
        check_file_target(tmp_path / "loop")
    with pytest.raises(UsageError, match=r"^/proc/file: cannot be written: "):
        check_file_target("/proc/file")
    with pytest.raises(UsageError, match=r"cannot be written: .*null byte"):
        check_file_target(tmp_path / "a\0b")
    check_file_target(tmp_path / "file")
    assert sorted(os.listdir(tmp_path)) == ["folder", "loop"]


def test_a_new_folder_appears_whole(tmp_path):
    folder = tmp_path / "a" / "b"
    with folder_in_place(folder) as work:
        (work / "sub").mkdir()
        (work / "sub" / "file").write_text("text")
        assert not folder.exists()
    assert tree(tmp_path) == {"a": None, "a/b": None, "a/b/sub": None, "a/b/sub/file": "text"}


def test_a_new_folder_does_not_appear(tmp_path):
    with pytest.raises(ZeroDivisionError), folder_in_place(tmp_path / "a" / "b") as work:
        (work / "file").write_text("text")
        raise ZeroDivisionError
    assert tree(tmp_path) == {}


def test_a_folder_that_is_there_keeps_what_is_not_replaced(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "sub" / "old").write_text("old")
    with folder_in_place(tmp_path) as work:
        (work / "sub").mkdir()
        (work / "sub" / "old").write_text("new")
        (work / "another").write_text("another")
    assert tree(tmp_path) == {"another": "another", "mine": "mine", "sub": None, "sub/old": "new"}


def test_a_folder_in_which_a_file_cannot_be_replaced_stays_as_it_was(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_text("before")
    (tmp_path / "b" / "mine").write_text("mine")
    message = rf"^{re.escape(str(tmp_path))}: cannot be written: Is a directory$"
    with pytest.raises(UsageError, match=message), folder_in_place(tmp_path) as work:
        for name in ("a", "a new one", "b"):
            (work / name).write_text("after")
    assert tree(tmp_path) == {"a": "before", "b": None, "b/mine": "mine"}


def test_folders_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    for name in ("file", "file/folder"):
        message = f"{tmp_path / name}: {tmp_path / 'file'} is not a folder"
        with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
            check_folder_target(tmp_path / name)
    for path in ("/proc/folder", "/dev/null/folder"):
        with pytest.raises(UsageError, match=f"^{path}: "):
            check_folder_target(path)
    check_folder_target(tmp_path / "new" / "folder")
    assert tree(tmp_path) == {"file": ""}


def test_a_link_in_a_folder_may_lead_to_another_file_system(tmp_path):
    shared = "/dev/shm"
    if not os.path.isdir(shared) or os.stat(shared).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is one file system here")
    command = [sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp(dir='/dev/shm'))"]
    other = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    try:
        (tmp_path / "sub").symlink_to(other)
        with folder_in_place(tmp_path) as work:
            (work / "sub").mkdir()
            (work / "sub" / "file").write_text("text")
        assert os.listdir(other) == ["file"]
        assert (tmp_path / "sub" / "file").read_text() == "text"
    finally:
        (tmp_path / "sub" / "file").unlink(missing_ok=True)
        os.rmdir(other)
