"""The catalog and the files of the labs say the same."""

from pathlib import Path

import pytest

import tf_tricks.labs
from tf_tricks.labs import catalog
from tf_tricks.labs.bench.lab import Lab

FOLDER = Path(tf_tricks.labs.__file__).parent
TESTS = Path(__file__).parent


def test_each_file_is_a_lab_and_each_lab_a_file():
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "catalog"}
    assert sorted(catalog.names()) == sorted(files)


@pytest.mark.parametrize("name", catalog.names())
def test_a_lab_says_what_it_is_about(name):
    lab = catalog.get(name)
    assert isinstance(lab, Lab)
    assert lab.claim.endswith(".")
    assert catalog.claim_of(name).startswith("Whether ")
    assert lab.seeds.keys() == {"quick", "full"}
    assert catalog.takes_data(name) == (lab.dataset is not None)
    assert (TESTS / f"test_{name}.py").exists()
