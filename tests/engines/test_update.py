"""The update against the same in NumPy, float64: L2, then clipping, then the optimizer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.engines.update import Update
from tf_tricks.errors import RequestError

SHAPES = {"kernel": (3, 2), "bias": (2,)}


def variables(seed=0):
    rng = np.random.default_rng(seed)
    return [keras.Variable(rng.normal(size=shape), dtype="float32", name=name) for name, shape in SHAPES.items()]


def gradients(step, scale=1.0, seed=0):
    rng = np.random.default_rng([seed, step])
    return [scale * rng.normal(size=shape) for shape in SHAPES.values()]


def clipped(grads, clip_value=None, clip_norm=None, clip_global_norm=None):
    if clip_value is not None:
        grads = [np.clip(g, -clip_value, clip_value) for g in grads]
    if clip_norm is not None:
        grads = [g * min(1, clip_norm / np.linalg.norm(g)) for g in grads]
    if clip_global_norm is not None:
        norm = np.sqrt(sum(np.sum(g**2) for g in grads))
        grads = [g * min(1, clip_global_norm / norm) for g in grads]
    return grads


def reference(
    weights, steps, learning_rate, momentum, l2=0.0, weight_decay=0.0, excluded=(), scale=1.0, seed=0, **clip
):
    """SGD with momentum in float64."""
    weights = [w.astype("float64") for w in weights]
    velocity = [np.zeros_like(w) for w in weights]
    for step in range(steps):
        grads = gradients(step, scale, seed)
        grads = [g + (0 if n in excluded else 2 * l2 * w) for n, g, w in zip(SHAPES, grads, weights)]
        grads = clipped(grads, **clip)
        weights = [w * (1 - (0 if n in excluded else learning_rate * weight_decay)) for n, w in zip(SHAPES, weights)]
        velocity = [momentum * v - learning_rate * g for v, g in zip(velocity, grads)]
        weights = [w + v for w, v in zip(weights, velocity)]
    return weights


def run(steps=4, learning_rate=0.1, momentum=0.9, scale=1.0, seed=0, **arguments):
    thetas = variables()
    update = Update(keras.optimizers.SGD(learning_rate, momentum=momentum), thetas, **arguments)
    for step in range(steps):
        update([tf.constant(g, tf.float32) for g in gradients(step, scale, seed)], tf.constant(False))
    return [v.numpy() for v in thetas]


def check(excluded=(), **arguments):
    start = [v.numpy() for v in variables()]
    expected = reference(start, 4, 0.1, 0.9, excluded=excluded, **arguments)
    patterns = {"exclude_from_weight_decay": excluded} if excluded else {}
    for value, wanted in zip(run(**arguments, **patterns), expected):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


def test_plain_momentum():
    check()


def test_clip_value():
    check(clip_value=0.3)


def test_clip_norm():
    check(clip_norm=0.5)


def test_clip_global_norm():
    check(clip_global_norm=0.5)


def test_clips_leave_small_gradients_alone():
    check(scale=1e-3, clip_value=1.0, clip_norm=1.0, clip_global_norm=1.0)


def test_l2_comes_before_the_clipping():
    check(l2=0.3, clip_global_norm=0.5)


def test_decoupled_weight_decay_is_not_clipped():
    check(weight_decay=0.2, clip_global_norm=0.01)


def test_excluded_variables_have_no_l2():
    check(l2=0.3, excluded=("bias",))


def test_excluded_variables_have_no_weight_decay():
    check(weight_decay=0.3, excluded=("bias",))


bounds = st.one_of(st.none(), st.floats(0.01, 3.0))


@settings(max_examples=10)
@given(
    l2=st.sampled_from([0.0, 0.01, 0.5]),
    clip_value=bounds,
    clip_norm=bounds,
    clip_global_norm=bounds,
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    seed=st.integers(0, 9),
)
def test_any_combination(l2, clip_value, clip_norm, clip_global_norm, scale, seed):
    clip = dict(clip_value=clip_value, clip_norm=clip_norm, clip_global_norm=clip_global_norm)
    arguments = dict(scale=scale, seed=seed, l2=l2, **clip)
    expected = reference([v.numpy() for v in variables()], 4, 0.1, 0.9, **arguments)
    for value, wanted in zip(run(**arguments), expected):
        np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-5)


def test_penalty_is_l2_times_the_squares_of_the_decayed_variables():
    thetas = variables()
    update = Update(keras.optimizers.SGD(), thetas, l2=0.25, exclude_from_weight_decay=("bias",))
    assert float(update.penalty()) == pytest.approx(0.25 * np.sum(thetas[0].numpy() ** 2), rel=1e-6)


def test_no_l2_no_penalty():
    assert float(Update(keras.optimizers.SGD(), variables()).penalty()) == 0.0


def test_patterns_are_searched_in_the_path():
    with keras.name_scope("block"):
        thetas = variables()
    update = Update(keras.optimizers.SGD(), thetas, l2=1.0, exclude_from_weight_decay=("^block/k",))
    assert update.decayed == [False, True]


def norms(log_norms, **arguments):
    thetas = variables()
    update = Update(keras.optimizers.SGD(0.1), thetas, **arguments)
    before = [v.numpy() for v in thetas]
    return before, update([tf.constant(g, tf.float32) for g in gradients(0)], tf.constant(log_norms)).numpy()


def test_norm_of_the_gradient_is_with_l2_and_before_clipping():
    before, (gradient_norm, _) = norms(True, l2=0.5, clip_global_norm=1e-3)
    expected = np.sqrt(sum(np.sum((g + w) ** 2) for g, w in zip(gradients(0), before)))
    assert gradient_norm == pytest.approx(expected, rel=1e-5)


def test_norm_of_the_weights():
    before, (_, weight_norm) = norms(True)
    assert weight_norm == pytest.approx(np.sqrt(sum(np.sum(w**2) for w in before)), rel=1e-5)


def test_norms_only_when_asked_for():
    assert norms(False)[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("argument", "value"),
    [("l2", -1), ("weight_decay", -0.1), ("clip_value", 0), ("clip_norm", 0), ("clip_global_norm", float("nan"))],
)
def test_arguments_out_of_range(argument, value):
    with pytest.raises(RequestError, match=argument):
        Update(keras.optimizers.SGD(), variables(), **{argument: value})
