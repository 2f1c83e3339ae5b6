"""The compiled updates on JAX: one by one or in a loop, from the device's memory or read ahead, they are the same."""

import itertools

import keras
import numpy as np
import pytest
from support.contract import InOrder

from tf_tricks import augment
from tf_tricks.data import ArraySource, Stream
from tf_tricks.engines.jax import input as jax_input
from tf_tricks.engines.jax import loop as jax_loop
from tf_tricks.engines.jax.devices import current_strategy
from tf_tricks.engines.jax.loop import Loop
from tf_tricks.engines.jax.step import has_convolutions
from tf_tricks.engines.loss_scale import LossScale
from tf_tricks.engines.objective import Objective
from tf_tricks.engines.update import Update
from tf_tricks.errors import RunError
from tf_tricks.training.compiled import compile_model

pytestmark = pytest.mark.engines
MSE = keras.losses.MeanSquaredError()
RATES = [0.05, 0.04, 0.03, 0.02, 0.01]


def data(number=40):
    rng = np.random.default_rng(0)
    return rng.normal(size=(number, 6, 6, 2)).astype("float32"), rng.normal(size=(number, 1)).astype("float32")


def stream(**arguments):
    return Stream(ArraySource(*data()), seed=2, **arguments)


def loop(of, micro_batch=None, batch_size=16):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6, 6, 2)), keras.layers.Flatten(), keras.layers.Dense(5), keras.layers.BatchNormalization()]
    model = keras.Sequential([*layers, keras.layers.Dropout(0.2), keras.layers.Dense(1)])
    shares = compile_model(model, None, MSE)
    update = Update(keras.optimizers.Adam(), model.trainable_variables, l2=0.01, clip_global_norm=1.0)
    made = Loop(current_strategy(), Objective(model, shares, of.step_augment, of.seed), update, micro_batch)
    made.start(of, batch_size, 0)
    return made


def outcome(made, groups=(5,)):
    """The losses and all variables after the updates, in so many calls."""
    rates, losses = list(RATES), []
    for size in groups:
        losses.append(made.run(rates[:size])[0])
        rates = rates[size:]
    return [np.concatenate(losses), *(np.array(v) for v in made.variables.variables)]


def assert_same(ones, others, tolerance=0.0):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_grouping_into_calls_changes_no_bit():
    assert_same(outcome(loop(stream()), (1, 3, 1)), outcome(loop(stream())))


def test_one_by_one_is_as_in_a_loop():
    made = loop(stream())
    made.step._loops = False
    assert_same(outcome(made), outcome(loop(stream())), 1e-6)


def test_read_ahead_is_as_from_the_devices_memory(monkeypatch):
    resident = outcome(loop(stream()))
    monkeypatch.setattr(jax_input, "_SHARE_OF_MEMORY", 0.0)
    read = loop(stream())
    assert read._resident is None
    assert_same(outcome(read), resident, 1e-6)


def test_some_rows_of_a_source():
    rows = [3, 7, 1, 30, 12, 9, 22, 39] * 3
    some = ArraySource(*data()).subset(np.array(rows))
    copied = ArraySource(*(part[rows] for part in data()))
    assert_same(outcome(loop(Stream(some, seed=2))), outcome(loop(Stream(copied, seed=2))))


def test_more_updates_than_a_compiled_loop_has_room_for(monkeypatch):
    whole = outcome(loop(stream()))
    monkeypatch.setattr(jax_loop, "MOST_UPDATES", 2)
    assert_same(outcome(loop(stream())), whole)


def test_augmented_on_the_host_is_as_in_the_step():
    both = [outcome(loop(stream(augment=augment.get("flip"), augment_on=place))) for place in ("step", "host")]
    assert_same(*both, 1e-6)


def test_a_function_of_ones_own_gets_one_array_of_places():
    seen = []

    def note(images, labels, seed, positions):
        seen.append((positions.shape, str(positions.dtype)))
        return images, labels

    outcome(loop(stream(augment=note)))
    assert set(seen) == {((16,), "uint32")}


def test_micro_batches_have_the_mean_gradient():
    def linear(micro_batch):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Flatten(), keras.layers.Dense(1)])
        shares = compile_model(model, None, MSE)
        update = Update(keras.optimizers.SGD(momentum=0.9), model.trainable_variables)
        made = Loop(current_strategy(), Objective(model, shares), update, micro_batch)
        made.start(stream(), 16, 0)
        return outcome(made)

    assert_same(linear(4), linear(None), 1e-6)


def test_every_batch_size_is_compiled_once():
    made = loop(stream())
    for size in (16, 8, 16):
        made.start(made._stream, size, 0)
        made.run(RATES[:2])
    assert {key: function._cache_size() for key, function in made._compiled.items()} == {
        ("loop", 16): 1,
        ("loop", 8): 1,
    }


def test_an_overflow_in_float16_skips_the_update_and_halves_the_scale():
    keras.config.set_dtype_policy("mixed_float16")
    inputs = np.ones((12, 3), "float32")
    inputs[5] = 3e4  # in the second batch
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.layers[-1].kernel.assign(np.full((3, 1), 0.1))
    shares, scale = compile_model(model, None, MSE), LossScale(initial=2.0**10, growth_steps=2)
    update = Update(keras.optimizers.SGD(), model.trainable_variables)
    made = Loop(current_strategy(), Objective(model, shares), update, loss_scale=scale)
    made.start(InOrder((inputs, np.zeros((12, 1), "float32"))), 4, 0)
    history = [(float(scale.scale.value), np.array(model.layers[-1].kernel))]
    for _ in range(3):
        losses, _ = made.run([0.01])
        history.append((float(scale.scale.value), np.array(model.layers[-1].kernel)))
    assert [scale for scale, _ in history] == [2.0**10, 2.0**10, 2.0**9, 2.0**9]
    moved = [not np.array_equal(one[1], other[1]) for one, other in itertools.pairwise(history)]
    assert moved == [True, False, True]
    assert np.isfinite(losses).all()


def test_bfloat16_follows_float32():
    found = []
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        found.append(outcome(loop(stream()))[0])
    np.testing.assert_allclose(found[1], found[0], rtol=0.05)
    assert not np.array_equal(*found)


def test_integers_beyond_32_bits_are_refused():
    with pytest.raises(RunError, match="JAX has integers of 32 bits, and the data go from 0 to 4294967296"):
        jax_input.narrowed(np.array([0, 2**32]))


def test_convolutions_are_found_in_models_within_models():
    inner = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Conv2D(2, 3)])
    assert has_convolutions(keras.Sequential([keras.Input((6, 6, 2)), inner]))
    assert not has_convolutions(keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)]))
