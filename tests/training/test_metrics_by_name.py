"""Metrics that are asked for by name give what scikit-learn does, whatever form outputs and labels have."""

import keras
import numpy as np
import pytest
from keras import layers, losses
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score, top_k_accuracy_score

import tf_tricks as tt
from tf_tricks.data import ArraySource
from tf_tricks.errors import RequestError
from tf_tricks.training.examples import check_examples
from tf_tricks.training.metrics_by_name import for_outputs, read
from tf_tricks.training.outputs import describe, outputs_of

RNG = np.random.default_rng(0)
X = 2 * RNG.normal(size=(60, 6)).astype("float32")
CLASSES = np.append(np.arange(4), RNG.integers(0, 4, 56))
MULTI_HOT = np.concatenate([np.ones((1, 4)), RNG.integers(0, 2, (59, 4))])
WEIGHTS = RNG.random(60).astype("float32")


def evaluated(text, last, labels, loss, weights=None, argument="metrics"):
    """Results by name, and what Keras predicts."""
    model = keras.Sequential([keras.Input((6,)), *last])
    source = ArraySource(X, labels, weights)
    check_examples(tt.Trainer(model, loss=loss), source, "the data")
    metrics = for_outputs(read(text), outputs_of(model, source))
    trainer = tt.Trainer(model, loss=loss, **{"metrics": [], argument: metrics}, evaluation_batch_size=16)
    return trainer.evaluate(source), model.predict(X, verbose=0)


ONE_OF_FOUR = losses.SparseCategoricalCrossentropy(from_logits=True)
FORMS = {
    "integers": (CLASSES, ONE_OF_FOUR, None),
    "a column": (CLASSES[:, None], ONE_OF_FOUR, None),
    "one-hot": (np.eye(4)[CLASSES], losses.CategoricalCrossentropy(from_logits=True), None),
    "probabilities": (CLASSES, "sparse_categorical_crossentropy", "softmax"),
}


@pytest.mark.parametrize("form", FORMS)
def test_one_of_several_classes(form):
    labels, loss, activation = FORMS[form]
    text = "accuracy,f1_score,{'name':'top_k_categorical_accuracy','k':2},sparse_top_k_categorical_accuracy,precision"
    found, outputs = evaluated(text, [layers.Dense(4, activation)], labels, loss)
    predicted, probabilities = outputs.argmax(axis=1), outputs if activation else keras.ops.softmax(outputs)
    assert found["accuracy"] == pytest.approx(accuracy_score(CLASSES, predicted))
    np.testing.assert_allclose(found["f1_score"], f1_score(CLASSES, predicted, average=None), rtol=1e-5)
    assert found["top_k_categorical_accuracy"] == pytest.approx(top_k_accuracy_score(CLASSES, outputs, k=2))
    assert found["sparse_top_k_categorical_accuracy"] == 1  # of five among four
    above = np.asarray(probabilities) > 0.5
    assert found["precision"] == pytest.approx(precision_score(np.eye(4)[CLASSES][above], above[above]))


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_two_classes(activation):
    labels, loss = CLASSES % 2, losses.BinaryCrossentropy(from_logits=activation is None)
    text = "accuracy,binary_accuracy,f1_score,precision,recall,{'name':'auc','num_thresholds':2000}"
    found, outputs = evaluated(text, [layers.Dense(1, activation)], labels, loss)
    predicted = outputs[:, 0] > (0.5 if activation else 0)
    assert found["accuracy"] == found["binary_accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert found["f1_score"] == pytest.approx([f1_score(labels, predicted)], rel=1e-5)
    assert found["precision"] == pytest.approx(precision_score(labels, predicted))
    assert found["recall"] == pytest.approx(recall_score(labels, predicted))
    assert found["auc"] == pytest.approx(roc_auc_score(labels, outputs[:, 0]), abs=2e-3)


@pytest.mark.parametrize("low", [0, -1])
def test_scores_of_a_hinge_loss(low):
    labels = np.where(CLASSES % 2, 1, low)
    found, outputs = evaluated("accuracy,f1_score,hinge", [layers.Dense(1)], labels, "hinge")
    assert found["accuracy"] == pytest.approx(accuracy_score(CLASSES % 2, outputs[:, 0] > 0))
    assert found["f1_score"] == pytest.approx([f1_score(CLASSES % 2, outputs[:, 0] > 0)], rel=1e-5)
    assert found["hinge"] == pytest.approx(found["loss"], rel=1e-5)


def test_several_classes_at_once():
    loss = losses.BinaryCrossentropy(from_logits=True)
    found, outputs = evaluated("f1_score,binary_accuracy", [layers.Dense(4)], MULTI_HOT, loss)
    np.testing.assert_allclose(found["f1_score"], f1_score(MULTI_HOT, outputs > 0, average=None), rtol=1e-5)
    assert found["binary_accuracy"] == pytest.approx(np.mean((outputs > 0) == MULTI_HOT))


def test_weighted_metrics_see_the_weights():
    text = "accuracy,{'name':'f1_score','average':'macro'}"
    found, outputs = evaluated(text, [layers.Dense(4)], CLASSES, ONE_OF_FOUR, WEIGHTS, "weighted_metrics")
    predicted = outputs.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(accuracy_score(CLASSES, predicted, sample_weight=WEIGHTS), rel=1e-5)
    expected = f1_score(CLASSES, predicted, average="macro", sample_weight=WEIGHTS)
    assert found["f1_score"] == pytest.approx(expected, rel=1e-5)


def test_numbers_are_left_as_they_are():
    found, outputs = evaluated("mae,root_mean_squared_error", [layers.Dense(1)], X[:, :1], "mse")
    assert found["mae"] == pytest.approx(np.abs(outputs - X[:, :1]).mean(), rel=1e-5)
    assert found["root_mean_squared_error"] == pytest.approx(np.sqrt(np.mean((outputs - X[:, :1]) ** 2)), rel=1e-5)


def test_a_cross_entropy_is_that_of_the_loss():
    found, _ = evaluated("crossentropy,sparse_categorical_crossentropy", [layers.Dense(4)], CLASSES, ONE_OF_FOUR)
    assert found["crossentropy"] == pytest.approx(found["loss"], rel=1e-5)
    assert found["sparse_categorical_crossentropy"] == pytest.approx(found["loss"], rel=1e-5)


def test_one_of_ones_own_sees_what_it_would_in_training(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import keras\n\n\nclass Largest(keras.metrics.Mean):\n"
        "    def update_state(self, y_true, y_pred, sample_weight=None):\n"
        "        return super().update_state(keras.ops.max(y_pred, axis=-1))\n"
    )
    monkeypatch.chdir(tmp_path)
    found, outputs = evaluated("mine:Largest", [layers.Dense(4)], CLASSES, ONE_OF_FOUR)
    assert found["mean"] == pytest.approx(outputs.max(axis=1).mean(), rel=1e-5)


@pytest.mark.parametrize("in_a_dict", [True, False])
def test_several_outputs(in_a_dict):
    inputs = keras.Input((6,))
    made = {"kind": layers.Dense(4, name="kind")(inputs), "size": layers.Dense(1, name="size")(inputs)}
    model = keras.Model(inputs, made if in_a_dict else list(made.values()))
    source = ArraySource(X, {"kind": CLASSES, "size": X[:, :1]})
    loss = {"kind": ONE_OF_FOUR, "size": "mse"}
    check_examples(tt.Trainer(model, loss=loss), source, "the data")
    outputs = outputs_of(model, source)
    metrics = for_outputs(read("{'kind': ['accuracy', 'f1_score'], 'size': 'mae'}"), outputs)
    found = tt.Trainer(model, loss=loss, metrics=metrics).evaluate(source)
    predicted = model.predict(X, verbose=0)
    kind, size = predicted.values() if in_a_dict else predicted
    assert found["kind_accuracy"] == pytest.approx(np.mean(kind.argmax(axis=1) == CLASSES))
    assert found["size_mae"] == pytest.approx(np.abs(size - X[:, :1]).mean(), rel=1e-5)


@pytest.mark.parametrize("name", ["accuracy", "binary_accuracy", "f1_score", "auc", "precision"])
def test_metrics_of_classes_are_refused_for_numbers(name):
    numbers = [describe("size", (None, 2), losses.MeanSquaredError())]
    with pytest.raises(RequestError, match=f"'{name}' is of classes, and the output 'size' is numbers"):
        for_outputs(read(name), numbers)


OUTPUTS = [describe("", (None, 4), ONE_OF_FOUR)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("f1_scor", "no metric 'f1_scor'; did you mean 'f1_score'"),
        ("{'name':'f1_score','averag':'macro'}", "called 'averag'; did you mean 'average'"),
        ("{'name':'auc','from_logits':True}", "see probabilities: leave from_logits out"),
        ("{'name':'binary_accuracy','threshold':0.0}", r"threshold must lie between 0 and 1, not 0\.0"),
        ("{'name':'precision','thresholds':[0.5,2]}", "thresholds must lie between 0 and 1, not 2"),
        ("{'kind':'accuracy'}", "there is no output 'kind'"),
        ("{'name':'auc'", "cannot be read: say a metric as"),
        (" , ", "no metric is named by"),
    ],
)
def test_what_cannot_be_meant(text, sentence):
    with pytest.raises(RequestError, match=sentence):
        for_outputs(read(text), OUTPUTS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("accuracy,f1_score", ["accuracy", "f1_score"]),
        (" accuracy , 'f1_score' ,", ["accuracy", "f1_score"]),
        ("['accuracy', {'name': 'auc'}]", ["accuracy", {"name": "auc"}]),
        ("{'name':'auc','curve':'PR'},mine:Metric", [{"name": "auc", "curve": "PR"}, "mine:Metric"]),
        ("{'u': 'mae', 'v': ['accuracy']}", {"u": "mae", "v": ["accuracy"]}),
    ],
)
def test_how_they_are_named(text, found):
    assert read(text) == found
