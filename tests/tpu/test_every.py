"""Every layer, augmentation, optimizer, model and loss compiles for a TPU, in a train step.

Many of them stand in one program, since each program takes seconds: what fails is then compiled alone, to name it.
"""

import inspect

import keras
import pytest
import tensorflow as tf
from support import augmentations as cases
from support import examples

import tf_tricks as tt
from tf_tricks import augment, losses, models, optimizers

pytestmark = pytest.mark.tpu_compiler


def groups(names, size):
    return [names[i : i + size] for i in range(0, len(names), size)]


def check(model, topology="v5e:2x2", **arguments):
    """Raises an AssertionError that says what is wrong, if the step of the model does not compile."""
    (result,) = tt.tpu.check(model, batch_size=16, topology=topology, **arguments).results
    assert result.passes, result.problem


def all_or_each(names, together, alone):
    """Compiles all in one program, and where that fails each by itself."""
    try:
        together(names)
    except AssertionError:
        for name in names:
            try:
                alone(name)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error
        raise


# Layers


def in_model(names):
    """A classifier of images 8×8×3 with a branch for each layer."""
    inputs = keras.Input((8, 8, 3))
    branches = [keras.layers.Flatten()(inputs)]
    for name in names:
        branch = examples.model("layers", name)
        branch.name = f"branch_{name}"
        branches.append(branch(inputs))
    return keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Concatenate()(branches)))


@pytest.mark.parametrize("names", groups(examples.names("layers"), 6), ids="-".join)
def test_every_layer(names):
    all_or_each(names, lambda names: check(in_model(names)), lambda name: check(in_model([name])))


# Augmentations


class Several:
    """The same images through each of some augmentations: the mean of what comes out, so that none is left out."""

    def __init__(self, names):
        self.parts = [cases.make(name) for name in names]

    def __call__(self, images, labels, seed, positions):
        pairs = [part(images, labels, seed=seed, positions=positions) for part in self.parts]
        soft = [tf.one_hot(y, 5) if len(y.shape) == 1 else tf.cast(y, tf.float32) for _, y in pairs]
        images = [tf.cast(x, tf.float32) for x, _ in pairs]
        return tf.cast(tf.add_n(images) / len(images), tf.uint8), tf.add_n(soft) / len(soft)


def with_augmentations(names):
    model = keras.Sequential([keras.Input((20, 18, 3), dtype="uint8"), keras.layers.Rescaling(1 / 255)])
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(5))
    check(model, augment=Several(names))


@pytest.mark.parametrize("names", groups(list(augment.TRICKS), 8), ids="-".join)
def test_every_augmentation(names):
    all_or_each(names, with_augmentations, lambda name: with_augmentations([name]))


# Optimizers


def makes_itself(make):
    """Whether it needs no arguments."""
    parameters = inspect.signature(make).parameters.values()
    return all(p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters)


OPTIMIZERS = examples.names("optimizers") + [
    name
    for name, entry in optimizers._REGISTRY.entries.items()
    if name not in optimizers.TRICKS and name != "optimizer" and makes_itself(entry.make)
]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name):
    body = [keras.layers.Conv2D(4, 3, name="conv"), keras.layers.Flatten(), keras.layers.Dense(5, name="logits")]
    model = keras.Sequential([keras.Input((8, 8, 3)), *body])
    # What an optimizer gets is summed over the chips already: it is the same on one.
    check(model, topology="v5e:1x1", optimizer=examples.make("optimizers", name))


# Models and losses


def test_every_model():
    """The wide residual network; the others are those of the configs that `tf-tricks tpu-check` compiles in tests."""
    wide = {"name": "wide_resnet", "depth": 10, "widen_factor": 1}
    check(models.get(wide, input_shape=(8, 8, 3), num_outputs=5, mean=[0.0] * 3, variance=[1.0] * 3))


def test_every_loss():
    """Those that compare two arrays of the same shape; those of classes stand in the next test."""
    of_classes = {*OF_CLASSES, "sparse_categorical_crossentropy", "ctc"}  # ctc compares sequences
    names = [name for name in losses.REGISTRY.entries if name not in of_classes]
    all_or_each(names, with_losses, lambda name: with_losses([name]))


def with_losses(names):
    class Sum(keras.losses.Loss):
        def call(self, labels, outputs):
            parts = [losses.get(name).call(labels, tf.nn.softmax(outputs)) for name in names]
            return tf.add_n([tf.reduce_mean(part) for part in parts]) + tf.zeros(tf.shape(outputs)[:1])

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Dense(5)])
    check(model, loss=Sum())


OF_CLASSES = ("categorical_generalized_cross_entropy", "circle")


@pytest.mark.parametrize("name", OF_CLASSES)
def test_a_loss_of_classes(name):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5)])
    check(model, loss=name, label_spec=tf.TensorSpec([], tf.int32))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_cross_entropy_of_classes(label_smoothing):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5)])
    loss = {"name": "sparse_categorical_crossentropy", "from_logits": True, "label_smoothing": label_smoothing}
    check(model, loss=loss, metrics=["accuracy"])


def test_a_failure_names_the_one_that_fails():
    def check_of(names):
        assert "bad" not in names, "no"

    with pytest.raises(AssertionError, match=r"^bad: no"):
        all_or_each(["good", "bad"], check_of, lambda name: check_of([name]))
