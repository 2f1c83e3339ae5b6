"""The trainer gives what `keras.Model.fit` gives on the same order of data: weights, losses, metrics, history."""

import keras
import numpy as np
import pytest
from support.contract import BATCH, CASES, CLASSES, TOKENS, InOrder, made, sparse

import tf_tricks as tt
from tf_tricks.data import ArraySource

MASKED = ("tagger", "tagger, weights")
"""Cases whose outputs have a mask, and metrics that heed it."""


def both(name):
    """What Keras and the trainer make of a case: (model, history, evaluation) of each."""
    build, data, loss, arguments = CASES[name]
    arguments = dict(arguments)
    rate, callbacks = arguments.pop("rate", 0.1), arguments.pop("callbacks", list)
    class_weight = arguments.pop("class_weight", None)
    optimizer = arguments.pop("optimizer", lambda: keras.optimizers.SGD(rate, momentum=0.9))
    models = [build(), build()]
    models[1].set_weights(models[0].get_weights())
    compiled = [{k: made(v) for k, v in (arguments | {"loss": loss}).items()} for _ in models]
    # Of a smaller batch at the end, Keras gives each output's loss the weight of a whole one: see docs/keras.md.
    number = 32 if len(getattr(models[0], "outputs", [0])) > 1 else 20
    rows = keras.tree.map_structure(lambda a: a[:number], data)
    fit = dict(epochs=2, callbacks=None, verbose=0, class_weight=class_weight)

    models[0].compile(optimizer=optimizer(), run_eagerly=True, **compiled[0])
    x, y, w = data if len(data) == 3 else (*data, None)
    fitted = models[0].fit(
        x, y, sample_weight=w, batch_size=BATCH, shuffle=False, validation_data=rows, **fit | {"callbacks": callbacks()}
    )
    x, y, w = rows if len(rows) == 3 else (*rows, None)
    evaluated = models[0].evaluate(x, y, sample_weight=w, batch_size=BATCH, verbose=0, return_dict=True)

    trainer = tt.Trainer(models[1], optimizer(), batch_size=BATCH, **compiled[1])
    trained = trainer.fit(
        InOrder(ArraySource(*data)), validation=ArraySource(*rows), **fit | {"callbacks": callbacks()}
    )
    return (models[0], fitted.history, evaluated), (models[1], trained.history, trainer.evaluate(ArraySource(*rows)))


def test_a_token_that_is_there_twice_counts_in_adam_as_one_gradient():
    """As in `fit` of the same network on one-hot rows, and with Keras on JAX; see docs/keras.md for `fit` on tokens."""
    tokens, table = keras.layers.Embedding(30, 4), keras.layers.Dense(4, use_bias=False)
    embedded, dense_rows = (
        keras.Sequential([keras.Input(shape), first, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(3)])
        for shape, first in (((10,), tokens), ((10, 30), table))
    )
    dense_rows.set_weights(embedded.get_weights())
    dense_rows.compile(keras.optimizers.Adam(0.01, epsilon=1e-3), sparse(), jit_compile=False)
    one_hot = np.eye(30, dtype="float32")[TOKENS]
    dense_rows.fit(one_hot, CLASSES, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    trainer = tt.Trainer(embedded, keras.optimizers.Adam(0.01, epsilon=1e-3), batch_size=BATCH, loss=sparse())
    trainer.fit(InOrder(ArraySource(TOKENS, CLASSES)), 2, verbose=0)
    for found, wanted in zip(embedded.get_weights(), dense_rows.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.engines
@pytest.mark.parametrize("name", CASES)
def test_the_trainer_gives_what_keras_gives(name):
    (model, history, evaluated), (ours, our_history, our_evaluation) = both(name)
    our_history.pop("learning_rate", None)
    history.pop("learning_rate", None)
    assert sorted(our_history) == sorted(history)
    for key, values in history.items():
        if key == "accuracy" and name in MASKED and keras.config.backend() == "jax":
            continue  # there, Keras's fit leaves the mask out of it
        np.testing.assert_allclose(our_history[key], values, rtol=1e-5, atol=1e-5, err_msg=key)
    assert sorted(our_evaluation) == sorted(evaluated)
    for key, value in evaluated.items():
        np.testing.assert_allclose(our_evaluation[key], value, rtol=1e-5, atol=1e-5, err_msg=key)
    for weight, wanted in zip(ours.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-5, atol=1e-5)
