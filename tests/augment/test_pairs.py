"""What mixup and cutmix share: partners, λ, labels, the end of mixing, and what cannot be mixed."""

import re

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tf_tricks import augment
from tf_tricks.augment import CutMix, Mixup, MixupOrCutMix
from tf_tricks.augment.functional.pairs import partners
from tf_tricks.augment.mixing.pair_mixing import Beta
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

SEED = 7
EVERY = pytest.mark.parametrize("mixing", [Mixup, CutMix, MixupOrCutMix])


def pictures(number=8, dtype="uint8"):
    return np.random.RandomState(0).randint(0, 256, (number, 6, 5, 3)).astype(dtype)


def mixed(layer, number=8, start=100, labels=None, **keywords):
    """Images and labels after mixing."""
    labels = np.arange(number) % 3 if labels is None else labels
    results = layer(pictures(number), labels, seed=SEED, positions=np.arange(start, start + number), **keywords)
    return [np.asarray(part) for part in results]


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("shape", [(6,), (6, 2), (6, 4, 3, 1), (0, 4, 3, 1)])
@pytest.mark.parametrize("static", [False, True])
def test_partners_are_the_neighbours(jit_compile, shape, static):
    values = np.random.RandomState(0).rand(*shape).astype("float32")
    spec = tf.TensorSpec([len(values) if static else None, *shape[1:]])
    exchanged = tf.function(partners, jit_compile=jit_compile, input_signature=[spec])(values)
    np.testing.assert_array_equal(exchanged, values[np.arange(len(values)) ^ 1])


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_lambda_has_the_beta_distribution(alpha):
    numbers = np.asarray(Beta(alpha)(Draws(SEED, np.arange(5000))))
    assert scipy.stats.kstest(numbers, "beta", (alpha, alpha)).pvalue > 0.01
    assert abs(numbers.mean() - 0.5) < 4 * numbers.std() / 5000**0.5
    assert numbers.var() == pytest.approx(0.25 / (2 * alpha + 1), rel=0.05)


@EVERY
def test_labels_are_distributions_over_the_two_classes(mixing):
    _, labels = mixed(mixing(num_classes=4))
    assert (labels.shape, labels.dtype) == ((8, 4), np.float32)
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    own = np.eye(4)[np.arange(8) % 3]
    assert (labels[own + own[np.arange(8) ^ 1] == 0] == 0).all()


@EVERY
@pytest.mark.parametrize("dtype", ["int64", "uint8", "int32"])
def test_whole_numbers_columns_and_one_hot_labels_are_the_same(mixing, dtype):
    whole = (np.arange(8) % 3).astype(dtype)
    wanted = mixed(mixing(num_classes=3), labels=whole)[1]
    for labels in (whole[:, None], np.eye(3, dtype="float32")[whole], np.eye(3, dtype=dtype)[whole]):
        np.testing.assert_array_equal(mixed(mixing(num_classes=3), labels=labels)[1], wanted)


@EVERY
def test_regression_mixes_numbers(mixing):
    numbers = np.random.RandomState(1).normal(size=(8, 2)).astype("float32")
    _, weights = mixed(mixing(num_classes=8), labels=np.arange(8))
    _, labels = mixed(mixing(regression=True), labels=numbers)
    np.testing.assert_allclose(labels, weights @ numbers, rtol=1e-5, atol=1e-6)


@EVERY
@pytest.mark.parametrize(("probability", "least", "most"), [(0, 0, 0), (0.3, 0.25, 0.35), (1, 0.95, 1)])
def test_its_probability(mixing, probability, least, most):
    _, labels = mixed(mixing(num_classes=3, probability=probability), number=2000, labels=np.tile([0, 1], 1000))
    assert least <= (labels[:, :2].min(axis=1) > 1e-6).mean() <= most + 1e-9 or probability == 1


@EVERY
def test_probability_of_zero_changes_no_image(mixing):
    images, labels = mixed(mixing(num_classes=3, probability=0))
    np.testing.assert_array_equal(images, pictures())
    np.testing.assert_array_equal(labels, np.eye(3)[np.arange(8) % 3])


@EVERY
@pytest.mark.parametrize("num_examples", [10, 2**33 + 2])
@pytest.mark.parametrize("words", [False, True])
def test_mixing_ends_before_the_run_does(mixing, num_examples, words):
    settings = dict(num_classes=3, total_epochs=4, num_examples=num_examples)
    end = 3 * num_examples
    positions = np.arange(end - 4, end + 4)
    if words:
        positions = (positions & 0xFFFFFFFF).astype("uint32"), (positions >> 32).astype("uint32")
    on, off = (
        mixing(off_epochs=off, **settings)(pictures(), np.arange(8) % 3, seed=SEED, positions=positions)
        for off in (0, 1)
    )
    np.testing.assert_array_equal(off[0][:4], on[0][:4])
    np.testing.assert_array_equal(off[0][4:], pictures()[4:])
    np.testing.assert_array_equal(off[1][4:], np.eye(3)[np.arange(4, 8) % 3])


@EVERY
def test_an_example_is_mixed_alike_in_any_even_batch(mixing):
    whole = mixed(mixing(num_classes=3))
    halves = [
        mixing(num_classes=3)(pictures()[rows], np.arange(8)[rows] % 3, seed=SEED, positions=np.arange(100, 108)[rows])
        for rows in (slice(0, 2), slice(2, 8))
    ]
    for parts, wanted in zip(zip(*halves), whole):
        np.testing.assert_array_equal(np.concatenate(parts), wanted)


@EVERY
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_compiled_by_xla_it_gives_the_same(mixing, dtype):
    layer, batch = mixing(num_classes=3), (pictures(dtype=dtype), np.arange(8) % 3)
    compiled = tf.function(lambda x, y, k: layer(x, y, seed=SEED, positions=k), jit_compile=True)
    images, labels = compiled(*batch, np.arange(8))
    wanted, wanted_labels = layer(*batch, seed=SEED, positions=np.arange(8))
    assert images.dtype == dtype
    np.testing.assert_allclose(images.numpy().astype(float), np.asarray(wanted).astype(float), atol=1e-4)
    np.testing.assert_allclose(labels, wanted_labels, atol=1e-6)


@EVERY
def test_an_unknown_batch_size_is_possible(mixing):
    layer = mixing(num_classes=3)
    spec = [tf.TensorSpec([None, 6, 5, 3], tf.uint8), *[tf.TensorSpec([None], tf.int64)] * 2]
    graph = tf.function(lambda x, y, k: layer(x, y, seed=SEED, positions=k), input_signature=spec)
    for found, wanted in zip(graph(pictures(), np.arange(8) % 3, np.arange(100, 108)), mixed(layer)):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


@EVERY
def test_its_config_makes_it_again(mixing):
    made = mixing(num_classes=3, probability=0.5, off_epochs=2, total_epochs=5, num_examples=10, seed=3)
    assert mixing.from_config(made.get_config()).get_config() == made.get_config()


def test_the_run_tells_what_it_knows():
    known = dict(num_classes=3, total_epochs=5, num_examples=10)
    made = augment.get({"name": "mixup", "off_epochs": 1, "num_classes": 4}, **known)
    assert (made.num_classes, made.total_epochs, made.num_examples) == (4, 5, 10)


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("mixup", {"alpha": 0}, "alpha must be a number above 0, not 0"),
        ("cutmix", {"alpha": -1}, "alpha must be a number above 0, not -1"),
        ("mixup_or_cutmix", {"mixup_alpha": 0}, "mixup_alpha must be a number above 0, not 0"),
        ("mixup_or_cutmix", {"cutmix_alpha": 0}, "cutmix_alpha must be a number above 0, not 0"),
        (
            "mixup_or_cutmix",
            {"switch_probability": 2},
            "switch_probability must be a number at least 0 and at most 1, not 2",
        ),
        ("mixup", {"probability": 1.5}, "probability must be a number at least 0 and at most 1, not 1.5"),
        ("mixup", {"regression": 1}, "regression must be True or False, not 1"),
        ("mixup", {"num_classes": 0}, "num_classes must be an integer at least 2, not 0"),
        ("mixup", {"off_epochs": -1}, "off_epochs must be a number at least 0, not -1"),
        (
            "mixup",
            {"off_epochs": 1},
            "off_epochs needs total_epochs and num_examples, so that the end of the run is known",
        ),
    ],
)
def test_an_unusable_argument_gets_a_sentence(name, arguments, sentence):
    with pytest.raises(RequestError) as caught:
        augment.get({"name": name, **arguments})
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("arguments", "call", "sentence"),
    [
        ({"num_classes": 3}, {"number": 33}, "mixup needs an even batch on each device, not 33"),
        (
            {"num_classes": 3},
            {"start": 5},
            "mixup needs batches that start at an even position, so that pairs stay together",
        ),
        ({}, {}, "mixup needs num_classes to mix labels that are integers"),
        (
            {"num_classes": 3},
            {"labels": np.zeros((8, 6, 5), int)},
            "mixup takes integers [batch] as labels, not [8, 6, 5]",
        ),
        (
            {"num_classes": 3},
            {"labels": np.zeros((8, 2))},
            "mixup takes floats as labels if they are distributions [batch, num_classes], or with regression=True, not "
            "[8, 2] with num_classes=3",
        ),
        (
            {"num_classes": 3},
            {"masks": np.zeros((8, 6, 5), int)},
            "mixup cannot mix masks, whose values are numbers of classes; cutmix can",
        ),
    ],
)
def test_what_cannot_be_mixed_gets_a_sentence(arguments, call, sentence):
    with pytest.raises(RequestError, match=re.escape(sentence)):
        mixed(Mixup(**arguments), **call)


def test_images_without_labels_get_a_sentence():
    with pytest.raises(RequestError, match="mixup mixes labels too: call it with images and labels"):
        Mixup(num_classes=3)(pictures(), seed=SEED, positions=np.arange(8))


@pytest.mark.parametrize("name", ["mixup", "cutmix", "mixup_or_cutmix"])
def test_labels_beyond_the_classes_get_a_sentence(name):
    images = np.zeros((4, 6, 6, 3), "float32")
    with pytest.raises(RequestError, match="takes labels from 0 to 1 with num_classes=2, not 0 to 2"):
        augment.get({"name": name, "num_classes": 2})(images, np.array([0, 2, 1, 1]))


def test_one_class_cannot_be_mixed():
    with pytest.raises(RequestError, match="num_classes must be an integer at least 2, not 1"):
        augment.get({"name": "mixup", "num_classes": 1})
