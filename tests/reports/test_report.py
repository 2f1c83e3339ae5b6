"""The report is scikit-learn's on what `keras.Model.predict` gives, for each kind of output."""

import json

import keras
import numpy as np
import pytest
from keras import layers, losses
from sklearn import metrics
from support import forked

import tf_tricks as tt
from tf_tricks.data import ArraySource
from tf_tricks.errors import RequestError, RunError
from tf_tricks.reports.report import report_on

RNG = np.random.default_rng(0)
X = 2 * RNG.normal(size=(61, 6)).astype("float32")
CLASSES = np.append(np.arange(4), RNG.integers(0, 4, 57))
WEIGHTS = (RNG.random(61) * (RNG.random(61) > 0.2)).astype("float32")
MULTI_HOT = np.concatenate([np.ones((1, 4)), RNG.integers(0, 2, (60, 4))])
ONE_OF_FOUR = losses.SparseCategoricalCrossentropy(from_logits=True)


def sequential(*last):
    return keras.Sequential([keras.Input((6,)), *last])


def reported(model, loss, source, size=16):
    """The report, and what is in its report.json."""
    trainer = tt.Trainer(model, loss=loss, evaluation_batch_size=size)
    report = report_on(trainer, source, "test", trainer.evaluate(source))
    return report, json.loads(report.files["report.json"])


@pytest.fixture(scope="module", params=[None, "weighted"])
def classes(request):
    """A report on one of four classes, the predictions, and the weights."""
    keras.utils.set_random_seed(0)
    model, weights = sequential(layers.Dense(4)), None if request.param is None else WEIGHTS
    source = ArraySource(X, CLASSES, weights, label_names=["cat", "dog", "cow", "a|b, c"])
    return *reported(model, ONE_OF_FOUR, source), model.predict(X, verbose=0), weights


def test_scores_of_classes(classes):
    _, found, outputs, weights = classes
    expected = metrics.classification_report(
        CLASSES, outputs.argmax(axis=1), output_dict=True, sample_weight=weights, zero_division=0
    )
    for k, row in enumerate(found["classes"].values()):
        assert list(row.values()) == pytest.approx(list(expected[str(k)].values()), rel=1e-5)
    assert list(found["classes"]) == ["cat", "dog", "cow", "a|b, c"]
    assert list(found["macro_average"].values()) == pytest.approx(list(expected["macro avg"].values()), rel=1e-5)
    assert list(found["weighted_average"].values()) == pytest.approx(list(expected["weighted avg"].values()), rel=1e-5)
    assert found["accuracy"] == pytest.approx(expected["accuracy"], rel=1e-5)


def test_the_confusion(classes):
    report, found, outputs, weights = classes
    expected = metrics.confusion_matrix(CLASSES, outputs.argmax(axis=1), sample_weight=weights)
    np.testing.assert_allclose(found["confusion"], expected, rtol=1e-5)
    header, first, *_ = report.files["confusion.csv"].decode().splitlines()
    assert header == r'true \ predicted,cat,dog,cow,"a|b, c"'
    assert [float(cell) for cell in first.split(",")[1:]] == pytest.approx(expected[0].tolist(), rel=1e-5)


def test_the_calibration(classes):
    _, found, outputs, weights = classes
    probabilities = np.asarray(keras.ops.softmax(outputs.astype("float64")))
    confidences, right = probabilities.max(axis=1), outputs.argmax(axis=1) == CLASSES
    weights = np.ones(61) if weights is None else weights
    bins, error = np.ceil(confidences * 15), 0
    for each in np.unique(bins):
        own = weights * (bins == each)
        error += abs(own @ right - own @ confidences) / weights.sum()
    assert found["calibration"]["expected_calibration_error"] == pytest.approx(error, rel=1e-5)


def test_the_most_wrong(classes):
    report, found, outputs, weights = classes
    each = keras.losses.sparse_categorical_crossentropy(CLASSES, outputs, from_logits=True).numpy()
    counted = np.arange(61) if weights is None else np.flatnonzero(weights)
    order = sorted(counted, key=lambda i: -each[i])[:25]
    rows = found["most_wrong"]
    assert [row["example"] for row in rows] == order
    assert [row["loss"] for row in rows] == pytest.approx(each[order].tolist(), rel=1e-4)
    probabilities = np.asarray(keras.ops.softmax(outputs))
    names = ["cat", "dog", "cow", "a|b, c"]
    for row in rows:
        i, predicted = row["example"], outputs[row["example"]].argmax()
        assert (row["true"], row["predicted"]) == (names[CLASSES[i]], names[predicted])
        assert row["probability_of_true"] == pytest.approx(probabilities[i, CLASSES[i]], rel=1e-4)
        assert row["probability_of_predicted"] == pytest.approx(probabilities[i, predicted], rel=1e-4)
    assert len(report.files["most_wrong.csv"].decode().splitlines()) == 26


def test_what_is_left(classes):
    report, found, _, weights = classes
    tables = {"classes.csv", "confusion.csv", "most_wrong.csv", "report.json"}
    assert set(report.files) == tables | {"confusion.png", "reliability.png"}
    assert list(report.files)[-1] == "report.json"
    assert set(report.pictures) == {"report/confusion", "report/reliability"}
    assert all(content.startswith(b"\x89PNG") for content in report.pictures.values())
    assert (found["data"], found["examples"], found["weighted"]) == ("test", 61, weights is not None)
    assert set(found["results"]) == {"loss"}


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_two_classes(activation):
    model, labels = sequential(layers.Dense(1, activation)), CLASSES % 2
    _, found = reported(model, losses.BinaryCrossentropy(from_logits=activation is None), ArraySource(X, labels))
    outputs = model.predict(X, verbose=0)[:, 0]
    predicted = outputs > (0.5 if activation else 0)
    np.testing.assert_array_equal(found["confusion"], metrics.confusion_matrix(labels, predicted))
    expected = metrics.log_loss(labels, outputs if activation else 1 / (1 + np.exp(-outputs.astype("float64"))))
    assert found["results"]["loss"] == pytest.approx(expected, rel=1e-4)
    worst = found["most_wrong"][0]
    assert worst["probability_of_true"] == pytest.approx(np.exp(-worst["loss"]))


def test_several_classes_at_once():
    model = sequential(layers.Dense(4))
    source = ArraySource(X, MULTI_HOT, WEIGHTS)
    report, found = reported(model, losses.BinaryCrossentropy(from_logits=True), source)
    predicted = model.predict(X, verbose=0) > 0
    expected = metrics.classification_report(
        MULTI_HOT, predicted, output_dict=True, sample_weight=WEIGHTS, zero_division=0
    )
    for k, row in enumerate(found["classes"].values()):
        assert list(row.values()) == pytest.approx(list(expected[str(k)].values()), rel=1e-5)
    for average in ("micro", "macro", "weighted"):
        values = list(found[f"{average}_average"].values())
        assert values == pytest.approx(list(expected[f"{average} avg"].values()), rel=1e-5)
    assert found["hamming_loss"] == pytest.approx(
        metrics.hamming_loss(MULTI_HOT, predicted, sample_weight=WEIGHTS), rel=1e-5
    )
    assert found["exact_match"] == pytest.approx(
        metrics.accuracy_score(MULTI_HOT, predicted, sample_weight=WEIGHTS), rel=1e-5
    )
    counts = metrics.multilabel_confusion_matrix(MULTI_HOT, predicted, sample_weight=WEIGHTS)
    for (tn, fp), (fn, tp), row in zip(counts[:, 0], counts[:, 1], found["confusion"].values()):
        assert list(row.values()) == pytest.approx([tp, fn, fp, tn], rel=1e-5)
    assert {"confusion.png", "reliability.png", "classes.csv"} <= set(report.files)


@pytest.mark.parametrize("number", [1, 3])
def test_numbers(number):
    labels = X[:, :number] * 2 + 1
    model = sequential(layers.Dense(number))
    report, found = reported(model, "mse", ArraySource(X, labels, WEIGHTS))
    values = model.predict(X, verbose=0)
    given = dict(sample_weight=WEIGHTS)
    assert found["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(labels, values, **given), rel=1e-5)
    assert found["root_mean_squared_error"] ** 2 == pytest.approx(
        metrics.mean_squared_error(labels, values, **given), rel=1e-5
    )
    assert found["r2"] == pytest.approx(metrics.r2_score(labels, values, **given), rel=1e-4)
    errors = np.sqrt(np.mean((labels - values) ** 2, axis=1)) * (WEIGHTS > 0)
    assert [row["example"] for row in found["most_wrong"]] == np.argsort(-errors)[:25].tolist()
    assert np.ravel(found["most_wrong"][0]["true"]) == pytest.approx(labels[np.argmax(errors)])
    assert {"scatter.png", "numbers.csv", "most_wrong.csv"} <= set(report.files)


def test_images_have_a_sheet_of_the_most_wrong():
    images = RNG.integers(0, 256, (40, 4, 4, 3), "uint8")
    model = keras.Sequential([keras.Input((4, 4, 3), dtype="uint8"), layers.Flatten(), layers.Dense(4)])
    report, _ = reported(model, ONE_OF_FOUR, ArraySource(images, CLASSES[:40]))
    assert report.files["most_wrong.png"].startswith(b"\x89PNG")
    assert "report/most_wrong" in report.pictures


def test_tokens_count_by_mask_ignored_class_and_weights():
    tokens = RNG.integers(0, 5, (30, 7))
    labels = np.where(RNG.random((30, 7)) < 0.2, -1, tokens % 4)
    inputs = keras.Input((7,), dtype="int32")
    hidden = layers.GRU(4, return_sequences=True)(layers.Embedding(5, 3, mask_zero=True)(inputs))
    model = keras.Model(inputs, layers.Dense(4)(hidden))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    weights = RNG.random((30, 1)).astype("float32")
    _, found = reported(model, loss, ArraySource(tokens, labels, weights))
    outputs = model.predict(tokens, verbose=0)
    counted = (tokens > 0) & (labels >= 0)
    expected = metrics.confusion_matrix(
        labels[counted],
        outputs.argmax(axis=-1)[counted],
        labels=range(4),
        sample_weight=np.broadcast_to(weights, (30, 7))[counted],
    )
    np.testing.assert_allclose(found["confusion"], expected, rtol=1e-5)
    each = keras.losses.sparse_categorical_crossentropy(np.maximum(labels, 0), outputs, from_logits=True).numpy()
    means = np.array([loss[own].mean() if own.any() else 0 for loss, own in zip(each, counted)])
    assert found["most_wrong"][0]["example"] == means.argmax()
    assert found["most_wrong"][0]["loss"] == pytest.approx(means.max(), rel=1e-4)


def test_pixels_of_large_images_are_looked_at_some_at_a_time(monkeypatch):
    from tf_tricks.reports import report as module

    images, labels = RNG.random((9, 8, 8, 1)), RNG.integers(0, 3, (9, 8, 8))
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 1)])
    _, whole = reported(model, ONE_OF_FOUR, ArraySource(images, labels))
    monkeypatch.setattr(module, "_AT_ONCE", 200)
    _, parts = reported(model, ONE_OF_FOUR, ArraySource(images, labels))
    assert parts["confusion"] == whole["confusion"]
    assert [row["example"] for row in parts["most_wrong"]] == [row["example"] for row in whole["most_wrong"]]
    expected = metrics.confusion_matrix(labels.ravel(), model.predict(images, verbose=0).argmax(axis=-1).ravel())
    np.testing.assert_array_equal(whole["confusion"], expected)


def test_each_output_has_a_folder():
    inputs = keras.Input((6,))
    model = keras.Model(inputs, {"kind": layers.Dense(4)(inputs), "size": layers.Dense(1)(inputs)})
    source = ArraySource(X, {"kind": CLASSES, "size": X[:, :1]}, {"kind": WEIGHTS, "size": np.ones(61)})
    report, found = reported(model, {"kind": ONE_OF_FOUR, "size": "mse"}, source)
    assert {name.split("/")[0] for name in report.files} == {"kind", "size", "report.json"}
    outputs = model.predict(X, verbose=0)
    assert found["outputs"]["size"]["mean_absolute_error"] == pytest.approx(
        metrics.mean_absolute_error(X[:, :1], outputs["size"]), rel=1e-5
    )
    expected = metrics.confusion_matrix(CLASSES, outputs["kind"].argmax(axis=1), sample_weight=WEIGHTS)
    np.testing.assert_allclose(found["outputs"]["kind"]["confusion"], expected, rtol=1e-5)
    assert json.loads(report.files["kind/report.json"]) == found["outputs"]["kind"]
    assert "report/kind/confusion" in report.pictures


def on_replicas(replicas):
    strategy = tt.strategy("cpu", replicas=replicas)
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = sequential(layers.Dense(4))
    trainer = tt.Trainer(model, loss=ONE_OF_FOUR, evaluation_batch_size=16, strategy=strategy)
    source = ArraySource(X, CLASSES)
    return json.loads(report_on(trainer, source, "test", trainer.evaluate(source)).files["report.json"])


@pytest.mark.slow
def test_replicas_report_on_each_example_once():
    one, two = (forked.call(on_replicas, replicas) for replicas in (1, 2))
    assert one["confusion"] == two["confusion"]
    assert np.sum(two["confusion"]) == 61
    assert [row["example"] for row in one["most_wrong"]] == [row["example"] for row in two["most_wrong"]]


def test_what_is_not_finite_is_told():
    model = sequential(layers.Dense(4))
    model.layers[-1].kernel.assign(np.full((6, 4), np.nan))
    source, trainer = ArraySource(X, CLASSES), tt.Trainer(model, loss=ONE_OF_FOUR)
    with pytest.raises(RunError, match="numbers that are not finite for the example 0"):
        report_on(trainer, source, "test", trainer.evaluate(source))


def test_nothing_to_compare_with():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return {"a": self.dense(inputs)}

        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            return keras.ops.mean(y_pred["a"] ** 2)

    model = Own()
    model(X)
    trainer, source = tt.Trainer(model), ArraySource(X, {"b": CLASSES})
    with pytest.raises(RequestError, match="there are labels for none of the outputs"):
        report_on(trainer, source, "test", {})
