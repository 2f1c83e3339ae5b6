"""What every trick must do, whatever it is. A new trick is covered by being listed in its package's TRICKS."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import examples

every_trick = pytest.mark.parametrize(("package", "name"), examples.CASES, ids=examples.IDS)
STATELESS = [case for case in examples.CASES if case[0] != "callbacks"]
every_object_of_keras = pytest.mark.parametrize(("package", "name"), STATELESS, ids=["-".join(c) for c in STATELESS])


def weights(model):
    return [keras.ops.convert_to_numpy(v) for v in model.weights]


def loss_of(model, package, name):
    images, labels = examples.data()
    return float(examples.loss(package, name)(labels, model(images)))


@every_trick
def test_made_by_name_or_by_dict(package, name):
    arguments = examples.arguments(package, name)
    made = examples.make(package, name)
    again = examples.PACKAGES[package].get({"name": name} | arguments)
    assert type(made) is type(again)
    if not arguments and package != "layers":
        assert type(examples.PACKAGES[package].get(name)) is type(made)


@every_object_of_keras
def test_config_round_trip(package, name):
    made = examples.make(package, name)
    config = made.get_config()
    again = type(made).from_config(made.get_config())
    assert again.get_config() == config


@every_object_of_keras
def test_its_config_holds_every_argument(package, name):
    made = examples.make(package, name)
    own = [p.name for p in inspect.signature(type(made)).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert set(own) <= set(made.get_config())


@every_object_of_keras
def test_saved_and_loaded(package, name, tmp_path):
    model = examples.model(package, name)
    model.compile(examples.optimizer(package, name), examples.loss(package, name), run_eagerly=True)
    model.train_on_batch(*(part[: examples.BATCH] for part in examples.data()))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for found, wanted in zip(weights(loaded), weights(model), strict=True):
        np.testing.assert_array_equal(found, wanted)
    for found, wanted in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
    images = examples.data()[0][: examples.BATCH]
    if name != "monte_carlo_dropout":  # draws at prediction
        np.testing.assert_allclose(loaded(images), model(images), rtol=1e-6, atol=1e-6)


@pytest.mark.engines
@every_trick
def test_trains_in_plain_fit(package, name, tmp_path):
    model = examples.model(package, name)
    before = loss_of(model, package, name)
    examples.fit(package, name, tmp_path, built=model)
    after = loss_of(model, package, name)
    if name == "learning_rate_finder":
        assert after == before  # it puts everything back
    else:
        assert after < before


@pytest.mark.parametrize(("package", "name"), [case for case in STATELESS if case[1] != "sam"], ids=lambda value: value)
def test_compiles_under_xla_with_static_shapes(package, name):
    """Two whole steps, compiled, are two steps run line by line; masks, which XLA draws otherwise, are left out."""
    outcomes = []
    for jit_compile in (False, True):
        model, loss = examples.model(package, name), examples.loss(package, name)
        optimizer = examples.optimizer(package, name)
        optimizer.build(model.trainable_variables)
        training = not examples.is_random(model)

        def step(images, labels, model=model, loss=loss, optimizer=optimizer, training=training):
            with tf.GradientTape() as tape:
                value = loss(labels, model(images, training=training))
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            return value

        step = tf.function(step, autograph=False, jit_compile=True) if jit_compile else step
        images, labels = (tf.constant(part[: examples.BATCH]) for part in examples.data())
        values = [float(step(images, labels)) for _ in range(2)]
        if jit_compile and not training:  # the mask itself must compile as well
            masked = tf.function(lambda x, model=model: model(x, training=True), jit_compile=True)(images)
            assert np.isfinite(masked).all()
        outcomes.append(values)
    if name == "monte_carlo_dropout":  # draws without training, too
        assert np.isfinite(outcomes).all()
    else:
        np.testing.assert_allclose(outcomes[1], outcomes[0], rtol=2e-5, atol=1e-6)
