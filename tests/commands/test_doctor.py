"""`tf-tricks doctor` says what is wrong with a config, exits 0 with findings or none, and 2 for what it cannot read."""

import json

import numpy as np
import pytest
from support.sentences import DIGITS, MLP

from tf_tricks.doctor.finding import NAMES


@pytest.fixture
def findings(tf_tricks, tmp_path):
    """A function of flags that returns the findings of the JSON file."""

    def call(*flags):
        path = tmp_path / "report.json"
        outcome = tf_tricks("doctor", f"--output={path}", *flags)
        assert outcome.status == 0, outcome.err
        assert outcome.out.endswith(f"written: {path}\n")
        return json.loads(path.read_text())["findings"]

    return call


@pytest.fixture
def arrays(tmp_path):
    """A function that writes arrays and returns the flags that take them."""

    def write(x, y, **others):
        np.savez(tmp_path / "own.npz", x_train=x, y_train=y, **others)
        return (
            DIGITS,
            "--config.data.name=arrays",
            f"--config.data.file={tmp_path / 'own.npz'}",
            "--config.augment=None",
        )

    return write


X = np.random.default_rng(0).random((200, 8, 8, 1)).astype("float32")
Y = np.arange(200) % 10


def test_names(tf_tricks):
    outcome = tf_tricks("doctor", "--names")
    assert outcome.status == 0
    assert [line.split()[0] for line in outcome.out.splitlines()] == list(NAMES)


def test_nan_in_a_file(findings, arrays):
    x = X.copy()
    x[3, 2, 1] = np.nan
    (finding,) = findings(*arrays(x, Y))
    assert set(finding) == {"name", "measured", "why", "change", "confidence"}
    assert finding["name"] == "non_finite_inputs"


@pytest.mark.parametrize("others", [{}, {"x_test": X[:50], "y_test": Y[:50] + 1}], ids=["training", "test"])
def test_labels_that_are_no_classes(findings, arrays, others):
    (finding,) = findings(*arrays(X, Y if others else Y - 1, **others))
    assert finding["name"] == "labels_out_of_range"


@pytest.mark.slow
def test_a_config_that_is_fine(findings):
    assert findings(DIGITS) == []


@pytest.mark.slow
def test_tricks_of_a_config_in_conflict(findings):
    plateau = "[{'name':'reduce_lr_on_plateau','monitor':'val_loss'}]"
    found = findings(DIGITS, MLP, "--config.augment=None", f"--config.callbacks={plateau}")
    assert found[0]["name"] == "tricks_in_conflict"


def test_a_page(tf_tricks, tmp_path, arrays):
    outcome = tf_tricks("doctor", f"--html={tmp_path / 'page.html'}", *arrays(np.full_like(X, np.nan), Y))
    assert outcome.status == 0, outcome.err
    assert b"non_finite_inputs" in (tmp_path / "page.html").read_bytes()


REFUSED = {
    "no config": ([], "say what to examine"),
    "another suffix": ([DIGITS, "--output=report.txt"], "the file of the findings must be a .json file"),
    "no page": ([DIGITS, "--html=page.pdf"], "the page must be a .html file"),
    "no folder": ([DIGITS, "--output=nowhere/report.json"], "there is no folder 'nowhere'"),
    "no time": ([DIGITS, "--budget=0"], "budget must be a number above 0"),
    "no such model": ([DIGITS, "--config.model.name=convnit"], "did you mean 'convnet'"),
    "no such device": ([DIGITS, "--device=abacus"], "there is no device 'abacus'"),
}


@pytest.mark.parametrize(("flags", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_a_request_that_cannot_be_understood(refused, flags, sentence):
    refused(sentence, "doctor", *flags)
