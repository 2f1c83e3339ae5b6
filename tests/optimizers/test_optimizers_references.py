"""Each optimizer against its paper: 50 steps, 20 tensors of different shapes and scales, rates that change."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import optimizer_references as r

from tf_tricks import optimizers

STEPS, CASES = 50, 20
with_ = functools.partial
SGD = {"name": "sgd", "momentum": 0.9}
BETAS = {"beta_1": 0.875, "beta_2": 1 - 2.0**-9}  # Keras rounds these two to float32; such as these stay what they are
WRAPPED = {
    "lookahead": ({"optimizer": SGD}, r.lookahead),
    "lookahead k=3": ({"optimizer": SGD, "k": 3, "alpha": 0.8}, with_(r.lookahead, k=3, alpha=0.8)),
    "l2_sp": ({"optimizer": SGD, "alpha": 0.5}, r.l2_sp),
    "l2_sp new": ({"optimizer": SGD, "alpha": 7.0, "beta": 0.5, "new": ["w"]}, r.l2_of_new),
    "adaptive_gradient_clipping": ({"optimizer": SGD, "clip_factor": 0.05, "exclude": []}, r.clipped),
    "weight_decay_exclusions": (
        {"optimizer": {"name": "adam_w", "weight_decay": 0.1} | BETAS, "exclude": []},
        with_(r.adam, decay=0.1, **BETAS),
    ),
    "sgd": (SGD, with_(r.sgd, mu=0.9)),
}
REFERENCES = WRAPPED | {
    "momentum": ({}, r.momentum),
    "momentum nesterov": ({"nesterov": True, "momentum": 0.8}, with_(r.momentum, mu=0.8, nesterov=True)),
    "lars": ({}, r.lars),
    "lars decay": ({"weight_decay": 0.1, "trust_coefficient": 0.1}, with_(r.lars, decay=0.1, trust=0.1)),
    "lars nesterov": ({"nesterov": True, "momentum": 0.5}, with_(r.lars, mu=0.5, nesterov=True)),
    "lars plain": ({"exclude_from_adaptation": ["."]}, with_(r.lars, adapt=False)),
    "lamb": ({}, r.lamb),
    "lamb decay": ({"weight_decay": 0.1, "beta_2": 0.99}, with_(r.lamb, decay=0.1, beta_2=0.99)),
    "lamb plain": ({"exclude_from_adaptation": ["."]}, with_(r.lamb, adapt=False)),
    "radam": ({}, r.radam),
    "radam short": ({"beta_2": 0.9, "beta_1": 0.5}, with_(r.radam, beta_2=0.9, beta_1=0.5)),
    "schedule_free_adam_w": ({}, r.schedule_free_adam_w),
    "schedule_free_adam_w decay": ({"weight_decay": 0.1}, with_(r.schedule_free_adam_w, decay=0.1)),
    "adagrad": ({}, r.adagrad),
    "rmsprop": ({}, r.rmsprop),
    "adam": (BETAS, with_(r.adam, **BETAS)),
    "amsgrad": (BETAS, with_(r.adam, amsgrad=True, **BETAS)),
    "adam_w": (BETAS | {"weight_decay": 0.1}, with_(r.adam, decay=0.1, **BETAS)),
    "lion": ({}, r.lion),
}


def problem():
    """20 tensors of one to four axes and of scales from 1e-2 to 1e2, their gradients, and rates that rise and fall."""
    rng = np.random.default_rng(7)
    shapes = [tuple(rng.integers(1, 5, size=rng.integers(1, 5))) for _ in range(CASES)]
    scales = 10.0 ** rng.uniform(-2, 2, size=CASES)
    weights = [scale * rng.normal(size=shape) for scale, shape in zip(scales, shapes)]
    gradients = [[rng.normal(size=shape) * 10.0 ** rng.uniform(-2, 1) for shape in shapes] for _ in range(STEPS)]
    # float32, since that is what a Keras optimizer keeps the rate in.
    rates = np.float32(0.02 * np.sin(np.linspace(0.1, 3, STEPS)))
    return weights, gradients, rates


def run(optimizer, weights, gradients, rates):
    variables = [keras.Variable(w, dtype="float64", name=f"w{i}") for i, w in enumerate(weights)]
    optimizer.build(variables)

    @tf.function(autograph=False)
    def apply(rate, gradients):
        optimizer.learning_rate.assign(rate)
        optimizer.apply(gradients, variables)

    for step, rate in zip(gradients, rates):
        apply(tf.constant(rate), [tf.constant(g) for g in step])
    return [keras.ops.convert_to_numpy(v) for v in variables]


def assert_equal(found, wanted, start):
    for value, reference, before in zip(found, wanted, start):
        scale = np.abs(reference - before).max() + 1e-12
        np.testing.assert_allclose(value / scale, reference / scale, rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", REFERENCES)
def test_the_paper(case):
    arguments, reference = REFERENCES[case]
    weights, gradients, rates = problem()
    wanted, states = [w.copy() for w in weights], [{} for _ in weights]
    for t, (step, rate) in enumerate(zip(gradients, rates.astype("float64")), start=1):
        wanted = [reference(w, g, rate, t, s) for w, g, s in zip(wanted, step, states)]
    optimizer = optimizers.get({"name": case.split()[0]} | arguments)
    assert_equal(run(optimizer, weights, gradients, rates), wanted, weights)


def test_the_paper_of_sam():
    """On f(w) = Σ hw²/2, whose gradient is hw: 20 starting points, all with norms of their own, one after the other."""
    rng = np.random.default_rng(3)
    shapes = [(3, 2), (4,)]
    h = [rng.uniform(0.1, 1, shape) for shape in shapes]
    variables = [keras.Variable(np.zeros(shape), dtype="float64") for shape in shapes]
    rho, rate = 0.25, 0.125
    sam = optimizers.SAM(keras.optimizers.SGD(rate), rho=rho)
    sam.build(variables)

    @tf.function(autograph=False)
    def step():
        for apply in (sam.ascend, sam.apply):
            apply([tf.multiply(a, tf.convert_to_tensor(v)) for a, v in zip(h, variables)], variables)

    for _ in range(CASES):
        w = [10.0 ** rng.uniform(-1, 1) * rng.normal(size=shape) for shape in shapes]
        for variable, value in zip(variables, w):
            variable.assign(value)
        for _ in range(STEPS):
            step()
            g = [a * x for a, x in zip(h, w)]
            norm = np.sqrt(sum(np.sum(x**2) for x in g))
            w = [x - rate * a * (x + rho * y / norm) for x, a, y in zip(w, h, g)]
        for variable, value in zip(variables, w):
            np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), value, rtol=1e-5, atol=1e-6)


def test_learning_rate_multipliers_scale_rate_and_decay():
    weights, gradients, rates = problem()
    wanted, states = [w.copy() for w in weights], [{} for _ in weights]
    factors = [0.5 if i < 10 else 2.0 for i in range(CASES)]
    for t, (step, rate) in enumerate(zip(gradients, rates.astype("float64")), start=1):
        wanted = [
            r.adam(w, g, rate * factor, t, s, decay=0.1, **BETAS)
            for w, g, s, factor in zip(wanted, step, states, factors)
        ]
    inner = {"name": "adam_w", "weight_decay": 0.1} | BETAS
    multipliers = {"w[0-9]$": 0.5, "w1[0-9]": 2.0}
    optimizer = optimizers.get({"name": "learning_rate_multipliers", "optimizer": inner, "multipliers": multipliers})
    assert_equal(run(optimizer, weights, gradients, rates), wanted, weights)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_that_of_keras_while_the_rate_is_constant(nesterov):
    weights, gradients, _ = problem()
    rates = np.full(STEPS, 0.01, "float32")
    ours = run(optimizers.Momentum(momentum=0.9, nesterov=nesterov), weights, gradients, rates)
    keras_own = run(keras.optimizers.SGD(momentum=0.9, nesterov=nesterov), weights, gradients, rates)
    assert_equal(ours, keras_own, weights)


@pytest.mark.parametrize("name", ["adam", "nadam", "lion", "adamax", "sgd"])
def test_a_wrapper_that_changes_nothing_is_its_inner_optimizer(name):
    weights, gradients, rates = problem()
    wrapped = optimizers.get({"name": "layer_wise_decay", "optimizer": name, "decay": 1.0})
    assert_equal(run(wrapped, weights, gradients, rates), run(optimizers.get(name), weights, gradients, rates), weights)
