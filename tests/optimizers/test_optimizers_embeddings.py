"""An embedding's gradient has a row for each token of the batch, of which one may be there twice: as a dense one."""

import keras
import numpy as np
import pytest

from tf_tricks import optimizers

BASES = ["lamb", "lars", "momentum", "radam", "schedule_free_adam_w"]
WRAPPERS = ["adaptive_gradient_clipping", "l2_sp", "lookahead", "sam"]


def trained(name, one_hot):
    """The table after three updates of a model that looks tokens up, by rows or as a product with one-hot vectors."""
    keras.utils.set_random_seed(0)
    inner = {} if name in BASES else {"optimizer": {"name": "momentum"}}
    optimizer = optimizers.get({"name": name, **inner})
    optimizer.learning_rate = 0.5
    tokens = np.array([[1, 1, 2], [1, 3, 3], [0, 1, 1], [4, 4, 4]])
    inputs = keras.Input((3, 6) if one_hot else (3,))
    if one_hot:
        table = keras.layers.Dense(4, use_bias=False)
    else:
        table = keras.layers.Embedding(6, 4)
    outputs = keras.layers.Dense(1)(keras.layers.Flatten()(table(inputs)))
    model = optimizers.SharpnessAwareModel(inputs, outputs) if name == "sam" else keras.Model(inputs, outputs)
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    model.compile(optimizer, "mse", jit_compile=False)
    x = np.eye(6, dtype="float32")[tokens] if one_hot else tokens
    model.fit(x, np.ones((4, 1)), epochs=3, batch_size=4, shuffle=False, verbose=0)
    return np.asarray(table.weights[0])


@pytest.mark.parametrize("name", BASES + WRAPPERS)
def test_a_row_that_is_looked_up_twice_counts_as_its_sum(name):
    np.testing.assert_allclose(trained(name, one_hot=False), trained(name, one_hot=True), rtol=2e-4, atol=1e-5)
