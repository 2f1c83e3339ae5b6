"""The frozen part of a model, run once for each example: the numbers are those of running it in each step."""

import gc

import keras
import numpy as np
import pytest
from support import forked
from support.crash import Crash
from support.runs import assert_same, data, trainer, values

import tf_tricks as tt
from tf_tricks.data import Stream
from tf_tricks.errors import RequestError

KEPT = "is computed once for each example"

REPLICAS = """
import keras
import numpy as np
import tensorflow as tf
import tf_tricks as tt

two = tt.strategy("cpu", replicas=2)
random = np.random.default_rng(0)
x, y = random.normal(size=(36, 4)).astype("float32"), random.normal(size=(36, 1)).astype("float32")

def fitted(strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        layers = [keras.layers.Dense(6, "tanh", name="body"), keras.layers.BatchNormalization(name="norm")]
        model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1, name="head")])
        for layer in layers:
            layer.trainable = False
    trainer = tt.Trainer(model, "momentum", 0.05, 8, loss="mean_squared_error", metrics=["mae"], strategy=strategy)
    return trainer.fit((x, y), 3, validation=(x[:7], y[:7]), frozen_features="memory", verbose=0).history

ones, others = fitted(two), fitted(tf.distribute.get_strategy())
for name in others:
    np.testing.assert_allclose(ones[name], others[name], rtol=1e-5)
assert two.num_replicas_in_sync == 2
"""


def network(dropout=0.0, nested=True, noise=False, activity=None):
    """A frozen body with batch norm and a skip connection, and a head with a dropout of its own."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    x = keras.layers.GaussianNoise(0.1, seed=2)(inputs) if noise else inputs
    hidden = keras.layers.Dense(6, "tanh", name="hidden", activity_regularizer=activity)(x)
    normal = keras.layers.BatchNormalization(name="norm")(keras.layers.Dropout(dropout, seed=1)(hidden))
    other = keras.layers.Dense(6, name="other")(normal)
    body = keras.Model(inputs, keras.layers.Add()([hidden, other]), name="body")
    body.trainable = False
    body.get_layer("norm").moving_mean.assign(np.linspace(-1, 1, 6))
    inputs = keras.Input((4,)) if nested else inputs
    features = body(inputs) if nested else body.output
    return keras.Model(inputs, keras.layers.Dense(1, name="head")(keras.layers.Dropout(0.3)(features)))


def fit(model, kind, epochs=3, callbacks=(), augment=None, workdir=None, x=None, verbose=0, **settings):
    made = trainer(model, **settings)
    inputs, labels = data()
    stream = Stream((inputs if x is None else x, labels), seed=1, augment=augment)
    history = made.fit(
        stream, epochs, (inputs[:10], labels[:10]), callbacks, workdir, verbose=verbose, frozen_features=kind
    )
    return made, history.history


def assert_close(ones, others, tolerance=1e-6):
    for name in ones:
        np.testing.assert_allclose(ones[name], others[name], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_without_dropout_in_the_body_it_is_what_keras_does(kind, nested, tmp_path):
    kept, found = fit(network(nested=nested), kind, workdir=tmp_path / "run", l2=1e-3)
    plain, expected = fit(network(nested=nested), None, l2=1e-3)
    assert_close(found, expected)
    for one, other in zip(values(kept.model), values(plain.model), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert not (tmp_path / "run" / "features").exists()
    saved = keras.models.load_model(tmp_path / "run" / "model.keras")
    inputs, _ = data()
    np.testing.assert_array_equal(saved(inputs), kept.model(inputs))


def test_the_frozen_part_has_no_dropout():
    _, found = fit(network(dropout=0.5), "memory")
    _, expected = fit(network(dropout=0.0), None)
    assert_close(found, expected)


def test_a_dropout_of_the_head_stays():
    _, found = fit(network(), "memory")
    model = network()
    model.layers[-2].rate = 0.0
    _, without = fit(model, "memory")
    assert abs(found["loss"][0] - without["loss"][0]) > 1e-3


def test_the_body_runs_once_for_each_example():
    class Counted(keras.layers.Dense):
        def call(self, inputs):
            import tensorflow as tf

            tf.py_function(lambda x: seen.append(len(x)), [inputs], [])
            return super().call(inputs)

    seen = []
    inputs = keras.Input((4,))
    hidden = Counted(3, trainable=False)(inputs)
    fit(keras.Model(inputs, keras.layers.Dense(1)(hidden)), "memory", epochs=5)
    assert sum(seen) <= 64 + 10 + 36  # training, validation, and a few that are tried first; five epochs have 370


def reason(capsys, *arguments, **keywords):
    _, history = fit(*arguments, verbose=1, **keywords)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "frozen part of the model is computed" in line]
    return line.split(": ")[1], history


def test_augmented_examples_are_computed_in_each_step(capsys):
    def augment(inputs, labels, seed, positions):
        return inputs * 2, labels

    why, found = reason(capsys, network(dropout=0.5), "memory", augment=augment)
    assert why == "the examples are augmented"
    _, expected = fit(network(), None, augment=augment)
    assert_close(found, expected)


def test_noise_before_the_first_weights_is_an_augmentation(capsys):
    why, found = reason(capsys, network(noise=True, dropout=0.5), "memory")
    assert why.startswith("the model's layer 'gaussian_noise")
    assert why.endswith("changes them at random")
    _, expected = fit(network(noise=True), None)  # the noise is there, and the dropout is not
    assert_close(found, expected)


def test_a_layer_with_a_loss_of_its_own_is_computed_in_each_step(capsys):
    why, found = reason(capsys, network(activity="l2"), "memory")
    assert why == "its layer 'hidden' has a loss of its own"
    _, expected = fit(network(activity="l2"), None)
    assert_close(found, expected)


def test_monte_carlo_dropout_draws_in_each_step(capsys):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(6, trainable=False)(inputs)
    drawn = tt.layers.MonteCarloDropout(0.5)(hidden)
    features = keras.layers.Dense(6, trainable=False)(drawn)
    why, _ = reason(capsys, keras.Model(inputs, keras.layers.Dense(1)(features)), "memory")
    assert why == "the frozen part draws random numbers at inference, too"


def test_a_mask_is_handed_on_in_each_step(capsys):
    def masked():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4,))
        tokens = keras.layers.Embedding(5, 3, mask_zero=True, trainable=False)(inputs)
        return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(tokens)))

    x = np.random.default_rng(0).integers(0, 5, (64, 4))

    def fitted(kind, verbose):
        made = trainer(masked())
        history = made.fit((x, data()[1]), 2, (x[:9], data()[1][:9]), frozen_features=kind, verbose=verbose)
        return history.history

    # Here the pooling consumes the mask, and so the features have none: they are kept, and are those of Keras.
    assert_close(fitted("memory", 1), fitted(None, 0))
    assert KEPT in capsys.readouterr().out


def test_a_recurrent_head_gets_the_mask(capsys):
    def model():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4,))
        tokens = keras.layers.Embedding(5, 3, mask_zero=True, trainable=False)(inputs)
        return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.LSTM(3)(tokens)))

    x = np.random.default_rng(0).integers(0, 5, (64, 4))
    histories = []
    for kind in ("memory", None):
        history = trainer(model()).fit((x, data()[1]), 2, (x[:9], data()[1][:9]), frozen_features=kind, verbose=1)
        histories.append(history.history)
    assert "the frozen part hands on a mask" in capsys.readouterr().out
    assert_close(*histories)


def test_a_subclass_is_computed_as_it_is(capsys):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.body = keras.layers.Dense(3, trainable=False)
            self.head = keras.layers.Dense(1)

        def call(self, inputs):
            return self.head(self.body(inputs))

    model = Own()
    model(data()[0])
    why, _ = reason(capsys, model, "memory")
    assert why == "it is not made by the functional API alone"


def test_several_inputs_and_outputs_in_dicts():
    def model():
        keras.utils.set_random_seed(0)
        a, b = keras.Input((4,), name="b"), keras.Input((4,), name="a")
        hidden = keras.layers.Dense(3, trainable=False)(a)
        both = keras.layers.Concatenate()([hidden, b])
        outputs = {"y": keras.layers.Dense(1, name="y")(both), "z": keras.layers.Dense(2, name="z")(hidden)}
        return keras.Model({"b": a, "a": b}, outputs)

    x, y = data()
    inputs, labels = {"b": x, "a": 2 * x}, {"y": y, "z": np.concatenate([y, -y], axis=1)}
    histories = []
    for kind in ("memory", None):
        made = trainer(model(), loss={"y": "mean_squared_error", "z": "mean_squared_error"})
        histories.append(made.fit((inputs, labels), 2, frozen_features=kind, verbose=0).history)
    assert_close(*histories)


def test_a_layer_that_is_shared_is_run_at_each_of_its_places():
    def model():
        keras.utils.set_random_seed(0)
        shared = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, trainable=False)])
        inputs = keras.Input((4,))
        parts = [shared(inputs[:, :2]), shared(inputs[:, 2:])]
        return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(parts)))

    assert_close(fit(model(), "memory")[1], fit(model(), None)[1])


def test_when_blocks_join_the_features_are_those_of_the_part_that_is_left():
    def unfreezing():
        return tt.callbacks.GradualUnfreezing({0: ["head"], 1: ["other"], 2: ["hidden"]})

    def model():
        made = network()
        made.trainable = True
        for layer in made._flatten_layers():
            layer.trainable = "norm" not in layer.name
        return made

    found, expected = (fit(model(), kind, epochs=4, callbacks=[unfreezing()])[1] for kind in ("memory", None))
    assert_close(found, expected, 1e-5)


def test_a_run_that_is_broken_off_goes_on_bit_for_bit(tmp_path):
    whole, expected = fit(network(), "disk", workdir=tmp_path / "whole")
    with pytest.raises(ZeroDivisionError):
        fit(network(), "disk", callbacks=[Crash(epoch=1)], workdir=tmp_path / "broken")
    resumed, found = fit(network(), "disk", workdir=tmp_path / "broken")
    assert_same(values(resumed.model), values(whole.model))
    assert found["val_loss"][-1] == expected["val_loss"][-1]


def test_files_go_with_a_run_that_breaks_off(tmp_path):
    with pytest.raises(ZeroDivisionError):
        fit(network(), "disk", callbacks=[Crash(epoch=1)], workdir=tmp_path / "run")
    gc.collect()
    assert not (tmp_path / "run" / "features").exists()


def test_a_second_fit_has_features_of_its_own_data():
    made = trainer(network())
    inputs, labels = data()
    made.fit((inputs, labels), 1, frozen_features="memory", verbose=0)
    made.fit((-inputs, labels), 1, frozen_features="memory", verbose=0)
    other = trainer(network())
    other.fit((inputs, labels), 1, verbose=0)
    other.fit((-inputs, labels), 1, verbose=0)
    for one, two in zip(values(made.model), values(other.model), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [("memry", "did you mean 'memory'"), (True, "frozen_features must be 'memory', 'disk' or None, not True")],
)
def test_a_wrong_word_is_refused(given, sentence, tmp_path):
    with pytest.raises(RequestError, match=sentence):
        fit(network(), given, workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_replicas_give_what_one_device_gives():
    forked.run(REPLICAS)
