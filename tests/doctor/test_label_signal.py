"""Whether labels can be predicted is told from labels in another order; what is hard to learn is not called random."""

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr
from support import examined

from tf_tricks.doctor import label_signal
from tf_tricks.doctor.features import features
from tf_tricks.doctor.label_signal import targets_of
from tf_tricks.doctor.probes import deviations, probe

NAME = "labels_carry_no_signal"
RANDOM = np.random.default_rng(0)
N = 800
TOKENS = RANDOM.integers(0, 12, (N, 10))
BITS = RANDOM.integers(0, 2, (N, 8))
ROWS = RANDOM.normal(size=(N, 8)).astype("float32")
WAVES = np.sin(np.arange(40) * RANDOM.choice([0.6, 0.7], (N, 1)) + RANDOM.random((N, 1)) * 6)
HARD = {
    "exclusive or": (ROWS, (ROWS[:, 0] > 0) ^ (ROWS[:, 1] > 0)),
    "inside a circle": (ROWS, (ROWS[:, :2] ** 2).sum(axis=1) > 1.4),
    "a wave of two columns": (ROWS, np.sin(3 * ROWS[:, 0] + 2 * ROWS[:, 1])),
    "parity of three bits": (BITS, BITS[:, :3].sum(axis=1) % 2),
    "the sum modulo 12": (TOKENS[:, :2], TOKENS[:, :2].sum(axis=1) % 12),
    "the first token equals the last": (TOKENS, TOKENS[:, 0] == TOKENS[:, -1]),
    "where the largest is": (TOKENS, TOKENS.argmax(axis=1)),
    "which of two frequencies": (
        (WAVES + RANDOM.normal(size=WAVES.shape))[..., None].astype("float32"),
        np.abs(np.fft.rfft(WAVES))[:, 4] > np.median(np.abs(np.fft.rfft(WAVES))[:, 4]),
    ),
}


def silent(line):
    del line


def targets(labels):
    return targets_of(labels.astype("float32") if labels.dtype.kind == "f" else labels.astype("int32"), None)


@pytest.mark.parametrize(("inputs", "labels"), HARD.values(), ids=list(HARD))
def test_what_is_hard_is_found_by_a_simple_learner(inputs, labels):
    assert probe(features(inputs), targets(labels), silent).deviations > label_signal._CHANCE


@pytest.mark.parametrize(("inputs", "labels"), HARD.values(), ids=list(HARD))
def test_in_another_order_there_is_nothing_to_be_found(inputs, labels):
    others = targets(RANDOM.permutation(labels))
    assert probe(features(inputs), others, silent).deviations < label_signal._CHANCE


def test_deviations_are_those_of_all_orders():
    scores, labels = RANDOM.random((40, 3)), np.eye(3)[RANDOM.integers(0, 3, 40)]
    drawn = np.array([(scores * RANDOM.permutation(labels)).sum() for _ in range(4000)])
    expected = ((scores * labels).sum() - drawn.mean()) / drawn.std()
    assert deviations(scores, labels) == pytest.approx(expected, abs=0.1)


def test_deviations_of_numbers_are_a_correlation():
    x, y = RANDOM.permutation(50.0 * np.arange(30)), RANDOM.permutation(np.arange(30.0))
    assert deviations(x[:, None], y[:, None]) == pytest.approx(spearmanr(x, y)[0] * np.sqrt(29))


def test_labels_of_pictures():
    x, y = examined.digits()
    assert not examined.found(label_signal, examined.convnet(), (x, y))


def test_labels_in_another_order_than_the_pictures():
    x, y = (part[:500] for part in examined.digits())
    finding = examined.found(label_signal, examined.convnet(), (x, RANDOM.permutation(y)))[NAME]
    assert finding.confidence > 0.9
    assert "random trees, the model itself" in finding.measured
    assert "with 500 examples" in finding.measured


def test_the_model_is_asked_where_the_simple_ones_find_nothing(monkeypatch):
    """What it has learned counts; and it is left as it was."""
    monkeypatch.setattr(label_signal, "probe", lambda *_: label_signal.Probe("nobody", 0.0))
    x, y = examined.table()
    model = examined.mlp()
    before = [np.copy(weight) for weight in model.get_weights()]
    assert not examined.found(label_signal, model, (x, y), learning_rate=0.1)
    for now, then in zip(model.get_weights(), before):
        np.testing.assert_array_equal(now, then)


def test_a_model_that_needs_another_rate_is_asked_at_others_too(monkeypatch):
    monkeypatch.setattr(label_signal, "probe", lambda *_: label_signal.Probe("nobody", 0.0))
    optimizer = keras.optimizers.SGD(1e-2)
    assert not examined.found(label_signal, examined.mlp(), examined.table(), optimizer=optimizer)


def test_of_few_examples_nothing_is_said():
    x, _ = examined.table(rows=40)
    assert not examined.found(label_signal, examined.mlp(), (x, np.arange(40) % 2))


def test_of_some_it_is_less_sure():
    x, y = examined.table(rows=200)
    assert examined.found(label_signal, examined.mlp(), (x, RANDOM.permutation(y)))[NAME].confidence < 0.7


@pytest.mark.parametrize(
    ("labels", "shape"),
    [
        (np.arange(6), (6, 6)),
        (np.arange(6.0), (6, 1)),
        (np.eye(3, dtype="float32"), (3, 3)),
        (np.zeros((5, 2, 4), "float32"), (5, 8)),
        (np.zeros((5, 20, 10), "float32"), (5, 64)),
    ],
)
def test_targets(labels, shape):
    assert targets_of(labels, None).shape == shape


def test_labels_of_places_are_no_targets():
    assert targets_of(np.zeros((5, 7), "int32"), None) is None
    assert targets_of(None, None) is None
