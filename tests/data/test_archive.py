"""NumPy's files: any names, large arrays left in the file, damage told."""

import re

import numpy as np
import pytest

from tf_tricks.data.archive import Archive
from tf_tricks.errors import RequestError

IMAGES = np.random.RandomState(0).randint(0, 256, (20, 5, 4)).astype("uint8")
FLOATS = np.asfortranarray(np.random.RandomState(1).rand(20, 3))


@pytest.fixture(params=["npz", "compressed", "folder"])
def file(request, tmp_path):
    if request.param == "folder":
        (tmp_path / "x").mkdir()
        np.save(tmp_path / "x" / "images.npy", IMAGES)
        np.save(tmp_path / "x" / "floats.npy", FLOATS)
        return tmp_path / "x"
    save = np.savez if request.param == "npz" else np.savez_compressed
    save(tmp_path / "x.npz", images=IMAGES, floats=FLOATS)
    return tmp_path / "x.npz"


@pytest.mark.parametrize("budget", [None, 1.0])
def test_arrays_are_those_that_were_saved(file, budget):
    archive = Archive(file, budget)
    assert sorted(archive) == ["floats", "images"]
    np.testing.assert_array_equal(archive["images"], IMAGES)
    np.testing.assert_array_equal(archive["floats"], FLOATS)


def test_only_what_is_larger_than_the_budget_stays_in_its_file(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, few=IMAGES[:2])
    archive = Archive(tmp_path / "x.npz", memory_budget=200)
    assert [isinstance(archive[name], np.memmap) for name in ("images", "few")] == [True, False]


def test_a_single_array(tmp_path):
    np.save(tmp_path / "mine.npy", IMAGES)
    np.testing.assert_array_equal(Archive(tmp_path / "mine.npy")["mine"], IMAGES)


def test_a_structure_of_names(file):
    found = Archive(file).structure({"a": "images", "b": ["floats", "images"]})
    np.testing.assert_array_equal(found["a"], IMAGES)
    np.testing.assert_array_equal(found["b"][0], FLOATS)


def test_a_name_that_is_not_there(file):
    with pytest.raises(RequestError, match="called 'image'; did you mean 'images'"):
        Archive(file).structure({"a": "image"})


def test_a_changed_byte_is_noticed(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES)
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(RequestError, match=r"x\.npz' cannot be read as a NumPy archive of numbers: Bad CRC"):
        Archive(tmp_path / "x.npz")["images"]


@pytest.mark.parametrize("length", [0, 30, 150])
def test_an_array_that_was_cut_short(length, tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:length])
    with pytest.raises(RequestError, match=re.escape("x.npy' cannot be read as a NumPy archive of numbers: ")):
        Archive(tmp_path / "x.npy")["x"]


def test_objects_are_not_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}, {}]))
    with pytest.raises(RequestError, match="it holds Python objects"):
        Archive(tmp_path / "x.npy")["x"]
