"""L2-SP beside its penalty written as a loss, and where its start is."""

import keras
import numpy as np
import pytest

from tf_tricks import RequestError, callbacks, optimizers
from tf_tricks.optimizers.traits import needs_two_gradients

ALPHA, BETA = 0.3, 0.7


def network():
    """A body that is there already, with batch normalization, and a head."""
    inputs = keras.Input((6,))
    x = keras.layers.Dense(5, use_bias=False, name="body")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
    rng = np.random.default_rng(0)
    model.set_weights([np.abs(rng.normal(size=w.shape)).astype("float32") for w in model.get_weights()])
    return model


def fit(model, optimizer, **arguments):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(24, 6)).astype("float32"), rng.integers(0, 3, 24)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    model.fit(x, y, batch_size=8, verbose=0, shuffle=False, **({"epochs": 4} | arguments))
    return model.get_weights()


class Pull(keras.regularizers.Regularizer):
    def __init__(self, factor, start):
        self.factor, self.start = factor, start

    def __call__(self, x):
        return self.factor / 2 * keras.ops.sum(keras.ops.square(x - self.start))


@pytest.mark.parametrize(
    "inner", [lambda: keras.optimizers.SGD(0.1, momentum=0.9), lambda: keras.optimizers.Adam(0.01)]
)
def test_it_is_the_penalty_in_the_loss_of_fit(inner):
    found = fit(network(), optimizers.L2SP(inner(), ALPHA, BETA))
    model = network()
    for variable in model.trainable_variables:
        start = np.asarray(variable)
        variable.regularizer = Pull(BETA, 0 * start) if "logits" in variable.path else Pull(ALPHA, start)
    wanted = fit(model, inner())
    for value, reference, before in zip(found, wanted, network().get_weights(), strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-6, atol=1e-6)
        assert np.abs(value - before).max() > 0.01


def test_without_a_gradient_of_the_loss_the_start_is_where_it_ends():
    """θ − θ₀ is multiplied by 1 − ηα in each step, whatever θ is: here after a step of 1 away from it."""
    variable = keras.Variable([2.0], name="kernel")
    optimizer = optimizers.L2SP(keras.optimizers.SGD(0.5), alpha=0.5)
    optimizer.apply([keras.ops.convert_to_tensor([2.0])], [variable])
    for _ in range(7):
        optimizer.apply([keras.ops.zeros(1)], [variable])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), [2.0 - 0.75**7], rtol=1e-6)


def test_weights_that_are_loaded_after_it_was_built_are_the_start():
    variable = keras.Variable([0.0], name="kernel")
    optimizer = optimizers.L2SP(keras.optimizers.SGD(1.0), alpha=0.5)
    optimizer.build([variable])
    variable.assign([10.0])
    for _ in range(2):
        optimizer.apply([keras.ops.ones(1)], [variable])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), [10.0 - 1 - 1 + 0.5])


def test_the_start_is_before_the_first_decay():
    # The decay halves 4 to 2; of 4 - 2 the pull gives back the half.
    variable = keras.Variable([4.0], name="kernel")
    optimizer = optimizers.L2SP(keras.optimizers.SGD(1.0, weight_decay=0.5), alpha=0.5)
    optimizer.apply([keras.ops.zeros(1)], [variable])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), [3.0])


def test_a_variable_that_joins_later_starts_from_its_own_value():
    early, late = keras.Variable([1.0], name="early"), keras.Variable([10.0], name="late")
    optimizer = optimizers.L2SP(keras.optimizers.SGD(1.0), alpha=0.5)
    optimizer.build([early, late])
    late.assign([20.0])
    for variables in ([early], [early, late], [early, late]):
        optimizer.apply([keras.ops.ones(1)] * len(variables), variables)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(late), [20.0 - 1 - 1 + 0.5])


def test_within_gradual_unfreezing_what_joins_later_starts_from_what_was_frozen():
    unfreezing = callbacks.GradualUnfreezing({0: ["logits"], 2: [".*"]})
    model = network()
    start = model.get_layer("body").get_weights()
    fit(model, optimizers.L2SP(keras.optimizers.SGD(0.1), 2.0, BETA), callbacks=[unfreezing], epochs=4)
    kept = {v.path.rpartition("/")[2]: np.asarray(v) for v in model.optimizer.variables if "start" in v.path}
    assert sorted(kept) == ["body_kernel_start", "norm_beta_start", "norm_gamma_start"]
    np.testing.assert_array_equal(kept["body_kernel_start"], start[0])
    assert np.abs(model.get_layer("body").get_weights()[0] - start[0]).max() > 1e-3


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: optimizers.LayerWiseDecay(inner, decay=1.0),
        lambda inner: optimizers.LearningRateMultipliers(inner, {"kernel": 1.0}),
        lambda inner: optimizers.SAM(inner, rho=0.0),
        lambda inner: optimizers.Lookahead(inner, k=9),
        optimizers.L2SP,  # twice: the outer one pulls with α = 0.1
    ],
    ids=["layers", "multipliers", "sam", "lookahead", "twice"],
)
def test_within_a_wrapper(wrap):
    """10 steps to 9, and from there by 1 − α: the pull is that of 1."""
    kernel = keras.Variable([10.0], name="kernel")
    optimizer = wrap(optimizers.L2SP(keras.optimizers.SGD(1.0), alpha=0.5))
    optimizer.build([kernel])
    for _ in range(2):
        if needs_two_gradients(optimizer):
            optimizer.ascend([keras.ops.ones(1)], [kernel])
        optimizer.apply([keras.ops.ones(1)], [kernel])
    alpha = 0.6 if isinstance(optimizer, optimizers.L2SP) else 0.5
    np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), [9 - 1 + alpha], rtol=1e-6)


def test_where_no_layer_is_called_logits_none_is_new():
    variable = keras.Variable([1.0], name="kernel")
    optimizer = optimizers.L2SP(keras.optimizers.SGD(1.0), alpha=0.5, beta=0.5)
    optimizer.apply([keras.ops.zeros(1)], [variable])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), [1.0])


def test_where_all_is_new_nothing_is_kept():
    optimizer = optimizers.L2SP(keras.optimizers.SGD(1.0), new=["."])
    optimizer.build([keras.Variable([1.0], name="kernel")])
    assert not [v for v in optimizer.variables if "start" in v.path]


def test_a_pattern_of_ones_own_that_is_found_nowhere():
    optimizer = optimizers.L2SP(keras.optimizers.SGD(1.0), new=["headd"])
    with pytest.raises(RequestError, match="no variable's path contains 'headd'; the first are: kernel"):
        optimizer.build([keras.Variable([1.0], name="kernel")])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": -1}, "alpha must be a number at least 0, not -1"),
        ({"beta": "x"}, "beta must be a number at least 0, not 'x'"),
        ({"new": "logits"}, "new must be a list of regular expressions, not 'logits'"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(RequestError, match=message):
        optimizers.get({"name": "l2_sp", "optimizer": "adam"} | arguments)
