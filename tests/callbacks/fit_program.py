"""Trains with each callback in plain fit on the backend of the environment and writes the results.

Run by test_callbacks_on_both_backends.py.
"""

import sys

import keras
import numpy as np
from support.runs import data

from tf_tricks.callbacks.adaptive_batch_size import AdaptiveBatchSize
from tf_tricks.callbacks.exponential_moving_average import ExponentialMovingAverage
from tf_tricks.callbacks.gradual_unfreezing import GradualUnfreezing
from tf_tricks.callbacks.noise_scale import NoiseScale
from tf_tricks.callbacks.stochastic_weight_averaging import StochasticWeightAveraging
from tf_tricks.data import Stream

STAGES = {0: ["head"], 2: [".*"]}
BATCHES = dict(batches=3, batch_size=16, data=data())
CASES = {
    "noise_scale": lambda: [NoiseScale(4, 8, data=data())],
    "swa": lambda: [StochasticWeightAveraging(1, **BATCHES)],
    "ema": lambda: [ExponentialMovingAverage(0.9, **BATCHES)],
    "unfreezing": lambda: [GradualUnfreezing(STAGES)],
    "unfreezing_ema": lambda: [ExponentialMovingAverage(0.9, **BATCHES), GradualUnfreezing(STAGES)],
    "unfreezing_use_ema": lambda: [GradualUnfreezing(STAGES)],
    "unfreezing_loss_scale": lambda: [GradualUnfreezing(STAGES)],
}


class Epochs(keras.callbacks.Callback):
    """Copies of the weights at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(flat(self.model))


def flat(model):
    return np.concatenate([np.array(w, "float64").ravel() for w in model.weights])


def network():
    """With weights that no backend has drawn."""
    layers = [keras.layers.Dense(6, name="body"), keras.layers.BatchNormalization(momentum=0.8, name="norm")]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1, name="head")])
    rng = np.random.default_rng(2)
    for layer in (model.get_layer("body"), model.get_layer("head")):
        layer.kernel.assign(0.5 * rng.normal(size=layer.kernel.shape))
    return model


def adaptive_batch_sizes():
    """The batch sizes of three epochs; a large factor asks for the largest."""
    stream, sizes = Stream(data(), batch_size=4, seed=3), []
    model = network()
    model.compile(keras.optimizers.SGD(0.01), "mean_squared_error")
    note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: sizes.append(stream.batch_size))
    adaptive = AdaptiveBatchSize(4, 16, factor=1e6, stream=stream)
    model.fit(stream, epochs=3, shuffle=False, verbose=0, callbacks=[adaptive, note])
    return sizes


def main(output):
    results = {}
    for case, make in CASES.items():
        keras.config.set_dtype_policy("mixed_float16" if "loss_scale" in case else "float32")
        model, epochs = network(), Epochs()
        optimizer = keras.optimizers.SGD(0.01, momentum=0.9, use_ema="use_ema" in case, ema_momentum=0.9)
        model.compile(optimizer, "mean_squared_error")
        start = flat(model)
        arguments = dict(batch_size=16, epochs=4, shuffle=False, validation_data=data(10), verbose=0)
        history = model.fit(*data(), callbacks=[epochs, *make()], **arguments).history
        if "unfreezing" in case:
            frozen = slice(0, 4 * 6 + 6)
            for weights in epochs.weights[:2]:
                np.testing.assert_array_equal(weights[frozen], start[frozen])
            assert (epochs.weights[2][frozen] != start[frozen]).any()
        results |= {f"{case}/{name}": values for name, values in history.items()}
        results |= {f"{case}/epochs": epochs.weights, f"{case}/end": flat(model)}
        results[f"{case}/evaluated"] = model.evaluate(*data(10), verbose=0)
    results["adaptive_batch_size"] = adaptive_batch_sizes()
    np.savez(output, backend=keras.config.backend(), **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
