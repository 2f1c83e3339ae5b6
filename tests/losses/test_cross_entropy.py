import keras
import numpy as np
import pytest

from tf_tricks import losses
from tf_tricks.errors import RequestError


def reference(labels, logits, smoothing):
    """The definition, in float64: Σₖ −target_k log softmax_k."""
    targets = np.eye(logits.shape[-1])[labels] * (1 - smoothing) + smoothing / logits.shape[-1]
    log_softmax = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -(targets * log_softmax).sum(-1)


@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_definition(smoothing, seed):
    rng = np.random.default_rng(seed)
    labels, logits = rng.integers(0, 7, 16), 3 * rng.normal(size=(16, 7))
    loss = losses.SparseCategoricalCrossentropy(label_smoothing=smoothing)
    np.testing.assert_allclose(loss.call(labels, logits.astype("float32")), reference(labels, logits, smoothing), 1e-5)


def test_it_is_keras_own_with_one_hot_labels():
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 4, 8), rng.normal(size=(8, 4)).astype("float32")
    ours = losses.SparseCategoricalCrossentropy(label_smoothing=0.1)(labels, logits)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)(np.eye(4)[labels], logits)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-6)


def test_labels_may_be_a_column():
    logits = np.eye(3, dtype="float32")
    loss = losses.SparseCategoricalCrossentropy(label_smoothing=0.1)
    np.testing.assert_array_equal(loss.call(np.array([[0], [1], [2]]), logits), loss.call(np.arange(3), logits))


def test_without_smoothing_whole_numbers_have_keras_own_loss_to_the_bit():
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 4, 8), (30 * rng.normal(size=(8, 4))).astype("float32")
    ours = losses.get({"name": "sparse_categorical_crossentropy", "from_logits": True})
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for shaped in (labels, labels[:, None]):
        np.testing.assert_array_equal(ours(shaped, logits), theirs(labels, logits))


def test_keras_own_loss_can_take_its_place_without_smoothing():
    assert losses.SparseCategoricalCrossentropy(label_smoothing=0.1).keras_own() is None
    own = losses.SparseCategoricalCrossentropy(name="mine", reduction="sum").keras_own()
    assert type(own) is keras.losses.SparseCategoricalCrossentropy
    assert (own.name, own.reduction) == ("mine", "sum")


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_distributions_have_the_cross_entropy_of_their_mean_label(smoothing):
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 7, (2, 16)), 3 * rng.normal(size=(16, 7))
    distributions = 0.3 * np.eye(7)[labels[0]] + 0.7 * np.eye(7)[labels[1]]
    loss = losses.SparseCategoricalCrossentropy(label_smoothing=smoothing)
    wanted = 0.3 * reference(labels[0], logits, smoothing) + 0.7 * reference(labels[1], logits, smoothing)
    found = loss.call(distributions.astype("float32"), logits.astype("float32"))
    np.testing.assert_allclose(found, wanted, 1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_one_hot_labels_have_the_loss_of_whole_numbers(smoothing):
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 7, (4, 5)), rng.normal(size=(4, 5, 7)).astype("float32")
    loss = losses.SparseCategoricalCrossentropy(label_smoothing=smoothing)
    np.testing.assert_allclose(loss.call(np.eye(7)[labels], logits), loss.call(labels, logits), 1e-5)


@pytest.mark.parametrize("arguments", [{"from_logits": False}, {"from_logits": True, "ignore_class": 0}])
def test_what_only_keras_own_can_do_is_keras_own(arguments):
    loss = losses.get({"name": "sparse_categorical_crossentropy"} | arguments)
    assert type(loss) is keras.losses.SparseCategoricalCrossentropy


def test_config_round_trip():
    loss = losses.get({"name": "sparse_categorical_crossentropy", "from_logits": True, "label_smoothing": 0.2})
    again = type(loss).from_config(loss.get_config())
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("arguments", [{"label_smoothing": 1.5}, {"label_smoothing": 0.1, "from_logits": False}])
def test_what_it_cannot_do_is_a_sentence(arguments):
    with pytest.raises(RequestError):
        losses.get({"name": "sparse_categorical_crossentropy", "from_logits": True} | arguments)


def test_smoothing_leaves_the_ignored_class_out():
    logits, labels = np.array([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0], [1.0, 1.0, 0.0]]), np.array([1, 2, 0])
    loss = losses.get(
        {"name": "sparse_categorical_crossentropy", "from_logits": True, "label_smoothing": 0.3, "ignore_class": 2}
    )
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = [-(0.7 * row[label] + 0.1 * row.sum()) for row, label in zip(logs, labels) if label != 2]
    np.testing.assert_allclose(float(loss(labels, logits)), np.mean(expected), rtol=1e-6)
