"""Data of any structure, against `keras.Model.fit` on the same: no labels, dicts, tokens, pixels."""

import keras
import numpy as np
import pytest

import tf_tricks as tt

X = np.random.RandomState(0).rand(48, 6).astype("float32")
TOKENS = np.random.RandomState(1).randint(0, 9, (48, 5))
PIXELS = np.random.RandomState(2).randint(0, 3, (48, 4, 4))
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Reconstruction(keras.layers.Layer):
    def call(self, inputs, outputs):
        self.add_loss(keras.ops.mean((inputs - outputs) ** 2))
        return outputs


def autoencoder():
    inputs = keras.Input((6,))
    return keras.Model(inputs, Reconstruction()(inputs, keras.layers.Dense(6)(inputs))), None


def of_tokens():
    inputs = keras.Input((5,), dtype="int64")
    return keras.Model(inputs, keras.layers.Dense(9)(keras.layers.Embedding(9, 4)(inputs))), LOGITS


def of_pixels():
    inputs = keras.Input((4, 4, 1))
    return keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same")(inputs)), LOGITS


def of_dicts():
    inputs = {"a": keras.Input((6,), name="a"), "b": keras.Input((5,), name="b")}
    outputs = {"u": keras.layers.Dense(6, name="u")(inputs["a"]), "v": keras.layers.Dense(9, name="v")(inputs["b"])}
    return keras.Model(inputs, outputs), {"u": "mse", "v": LOGITS}


CASES = {
    "no labels": (autoencoder, (X,)),
    "tokens": (of_tokens, (TOKENS, np.roll(TOKENS, 1, axis=1))),
    "pixels": (of_pixels, (PIXELS[..., None] / 3.0, PIXELS)),
    "dicts": (of_dicts, ({"a": X, "b": TOKENS / 9.0}, {"u": X, "v": TOKENS[:, 0]})),
}


@pytest.mark.parametrize("case", CASES)
def test_training_is_that_of_keras(case):
    build, arrays = CASES[case]
    weights = []
    for fit in (_fit, _fit_of_keras):
        keras.utils.set_random_seed(0)
        model, loss = build()
        model.compile(keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
        history = fit(model, arrays)
        weights.append([history.history["loss"], history.history["val_loss"], *model.get_weights()])
    for ours, theirs in zip(*weights):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def _fit(model, arrays):
    return tt.Trainer(model, batch_size=48).fit(arrays, epochs=2, validation=arrays, verbose=0)


def _fit_of_keras(model, arrays):
    x, *y = arrays
    return model.fit(x, *y, batch_size=48, epochs=2, validation_data=arrays, verbose=0)
