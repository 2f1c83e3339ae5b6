"""Files on a disk are written whole or not at all."""

import contextlib

from tf_tricks.storage import atomic, write_atomically


def test_the_whole_file_is_replaced(tmp_path):
    (tmp_path / "file").write_bytes(b"something long")
    write_atomically(tmp_path / "file", b"short")
    assert (tmp_path / "file").read_bytes() == b"short"


def test_what_fails_halfway_leaves_the_old_file_alone(tmp_path):
    write_atomically(tmp_path / "file", b"old")
    with contextlib.suppress(ZeroDivisionError), atomic(tmp_path / "file") as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]
