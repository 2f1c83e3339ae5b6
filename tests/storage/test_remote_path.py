"""Paths in stores: what they are called, what is there, and that a write is there whole or not at all."""

import contextlib
import threading
from pathlib import Path

import fsspec
import numpy as np
import pytest
from etils import epath
from fsspec.implementations.memory import MemoryFileSystem
from support.s3 import served

from tf_tricks.errors import RequestError
from tf_tricks.storage import RemotePath, StorageError, atomic, fetched, is_place, local_copy, path_of, write_atomically


def test_parts_of_a_path():
    path = path_of("s3://bucket/runs/r1/model.keras")
    assert (path.name, path.suffix, path.scheme) == ("model.keras", ".keras", "s3")
    assert str(path.parent / "a" / "b") == "s3://bucket/runs/r1/a/b"
    assert str(path.bucket) == "s3://bucket"
    assert str(path.relative_to("s3://bucket/runs")) == "r1/model.keras"
    assert str(path.with_suffix(".h5")) == "s3://bucket/runs/r1/model.h5"
    assert path == RemotePath("s3://bucket/runs/r1", "model.keras")
    assert isinstance(epath.Path(path), RemotePath)
    assert f"{path}" == repr(path)[12:-2] == path.__fspath__()


def test_a_path_of_this_machine_stays_one(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_of("~/runs") == epath.Path(tmp_path / "runs")
    assert not isinstance(path_of(tmp_path), RemotePath)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            "s4://bucket/a",
            r"there is no kind of storage 's4://'; did you mean 's3://'\? \(there are: gs://, memory://, s3://\)",
        ),
        ("gs://", "'gs://' names no bucket: say gs://BUCKET/FOLDER"),
    ],
)
def test_what_no_path_is(given, sentence):
    with pytest.raises(RequestError, match=sentence):
        path_of(given)


@pytest.mark.parametrize(("scheme", "package", "extra"), [("s3", "s3fs", "s3"), ("gs", "gcsfs", "gcs")])
def test_a_package_that_is_not_installed(monkeypatch, scheme, package, extra):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RequestError, match=rf"needs the package {package}: pip install 'tf_tricks\[{extra}\]'$"):
        path_of(f"{scheme}://bucket/a")


def test_what_is_there(memory):
    (memory / "a" / "b.txt").write_text("b")
    (memory / "a" / "c" / "d.txt").write_bytes(b"dd")
    assert (memory / "a").is_dir()
    assert not (memory / "a").is_file()
    assert (memory / "a" / "b.txt").is_file()
    assert not (memory / "none").exists()
    assert not (memory / "a" / "b").exists()
    assert [path.name for path in (memory / "a").iterdir()] == ["b.txt", "c"]
    assert list((memory / "a").glob("*.txt")) == [memory / "a" / "b.txt"]
    assert list((memory / "none").glob("*")) == []
    assert [found[:2] for found in memory.files_below()] == [("a/b.txt", 1), ("a/c/d.txt", 2)]
    assert (memory / "a" / "c" / "d.txt").stat().length == 2
    (memory / "a" / "b.txt").unlink()
    (memory / "a" / "b.txt").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        (memory / "a" / "b.txt").read_bytes()
    (memory / "a").rmtree()
    assert not (memory / "a").exists()
    assert is_place(memory / "a")


def test_what_is_written_is_read(memory):
    path = memory / "a.npz"
    with path.open("wb") as file:
        np.savez(file, x=np.arange(1000))
    with path.open("rb") as file, np.load(file) as archive:  # from its end, where the directory is
        np.testing.assert_array_equal(archive["x"], np.arange(1000))
    (memory / "a.txt").write_text("a\nñ")
    with (memory / "a.txt").open() as file:
        assert file.read() == "a\nñ"


def test_a_write_that_breaks_off_leaves_what_was_there(memory):
    write_atomically(memory / "a", b"before")
    with contextlib.suppress(ZeroDivisionError), atomic(memory / "a") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert (memory / "a").read_bytes() == b"before"
    assert [path.name for path in memory.iterdir()] == ["a"]


def test_nothing_is_there_before_all_is(memory):
    with atomic(memory / "a") as file:
        file.write(b"half")
        file.flush()
        assert not (memory / "a").exists()
        file.write(b", and half")
    assert (memory / "a").read_bytes() == b"half, and half"


def test_one_of_several_creates(memory):
    (memory / "a").create(b"first")
    with pytest.raises(FileExistsError):
        (memory / "a").create(b"second")
    assert (memory / "a").read_bytes() == b"first"


def test_what_no_store_can_do_is_refused(memory):
    (memory / "a").write_text("a")
    for refused in (lambda: (memory / "a").open("a"), lambda: (memory / "a").replace(memory / "b")):
        with pytest.raises(StorageError, match="memory://bucket/a cannot be"):
            refused()


def test_an_error_of_the_store_is_not_taken_for_nothing_there(memory, monkeypatch):
    def gone(*arguments, **options):
        raise RuntimeError("no route\nto host")  # packages have errors of their own, which are no OSError

    monkeypatch.setattr(MemoryFileSystem, "info", gone)
    with pytest.raises(StorageError, match=r"^memory://bucket/a cannot be reached: no route to host$"):
        (memory / "a").exists()


def test_copies_on_this_machine(memory, tmp_path):
    (memory / "a.keras").write_bytes(b"model")
    with local_copy(memory / "a.keras") as copy:
        assert (Path(copy).name, Path(copy).read_bytes()) == ("a.keras", b"model")
    assert not Path(copy).exists()
    with local_copy(path_of(tmp_path / "b")) as same:
        assert same == str(tmp_path / "b")
    assert Path(fetched(memory / "a.keras")).read_bytes() == b"model"


@pytest.fixture(scope="module")
def s3():
    with served():
        yield path_of("s3://bucket")


def test_a_store_has_an_object_whole_or_not_at_all(s3):
    size = 120 * 2**20  # in three parts
    seen = set()
    done = threading.Event()

    def look():
        while not done.is_set():
            seen.add((s3 / "big").stat().length if (s3 / "big").exists() else None)

    reader = threading.Thread(target=look)
    reader.start()
    write_atomically(s3 / "big", bytes(size))
    done.set()
    reader.join()
    assert seen <= {None, size}
    assert None in seen
    assert (s3 / "big").stat().length == size


def test_a_store_lets_one_create(s3):
    (s3 / "lock").create(b"first")
    with pytest.raises(FileExistsError):
        (s3 / "lock").create(b"second")
    assert (s3 / "lock").read_bytes() == b"first"


def test_a_bucket_must_be_there(s3):
    assert is_place(s3 / "new" / "folder")
    assert not is_place(path_of("s3://nobodys/folder"))
    (s3 / "new" / "folder").mkdir(parents=True)
    assert not (s3 / "new").exists()


def test_what_another_process_writes_is_seen(s3):
    assert list((s3 / "a").glob("*")) == []
    fsspec.get_filesystem_class("s3")(skip_instance_cache=True).pipe_file("bucket/a/b", b"")
    assert [path.name for path in (s3 / "a").iterdir()] == ["b"]
