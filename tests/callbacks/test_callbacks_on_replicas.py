"""Callbacks do on two replicas what they do on one device. Each number of replicas is a process of its own."""

import keras
import numpy as np
import pytest
from support import forked
from support.runs import data, run

import tf_tricks as tt
from tf_tricks.callbacks.adaptive_batch_size import AdaptiveBatchSize
from tf_tricks.callbacks.exponential_moving_average import ExponentialMovingAverage
from tf_tricks.callbacks.gradual_unfreezing import GradualUnfreezing
from tf_tricks.callbacks.noise_scale import NoiseScale
from tf_tricks.callbacks.stochastic_weight_averaging import StochasticWeightAveraging

STAGES = {0: ["head"], 1: [".*"]}
BATCHES = dict(batches=3, batch_size=16)
CASES = {
    "noise_scale": lambda: [NoiseScale(4, 8)],
    "adaptive_batch_size": lambda: [AdaptiveBatchSize(4, 16, factor=1e6)],
    "swa": lambda: [StochasticWeightAveraging(0, **BATCHES)],
    "ema": lambda: [ExponentialMovingAverage(0.9, **BATCHES)],
    "unfreezing": lambda: [GradualUnfreezing(STAGES)],
    "unfreezing_use_ema": lambda: [GradualUnfreezing(STAGES)],
}


def network():
    layers = [keras.layers.Dense(6, name="body"), keras.layers.BatchNormalization(synchronized=True, momentum=0.8)]
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1, name="head")])


def train(replicas):
    """Returns an array for each "case/name"."""
    strategy = tt.strategy("cpu", replicas=replicas)
    results = {}
    for case, make in CASES.items():
        keras.utils.set_random_seed(1)
        with strategy.scope():
            model = network()
        trainer = tt.Trainer(
            model,
            {"name": "momentum", "use_ema": "use_ema" in case, "ema_momentum": 0.9},
            learning_rate=0.01,
            batch_size=16,
            loss="mean_squared_error",
            strategy=strategy,
        )
        history = run(trainer, make(), epochs=2, validation=data(10))
        results |= {f"{case}/{name}": values for name, values in history.items()}
        results |= {f"{case}/weight{i}": np.asarray(v) for i, v in enumerate(model.weights)}
        results[f"{case}/steps"] = trainer.run.progress.step
    return {name: np.asarray(value) for name, value in results.items()}


@pytest.mark.slow
def test_two_replicas_give_what_one_device_gives():
    one, two = forked.call(train, 1), forked.call(train, 2)
    assert one.keys() == two.keys()
    for name, value in one.items():
        tolerance = 1e-4 if "measured" in name else 1e-5  # a ratio of differences
        np.testing.assert_allclose(two[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
