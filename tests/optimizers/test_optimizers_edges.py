"""Edge cases of the field, and what the optimizers refuse."""

import keras
import numpy as np
import pytest

from tf_tricks import RequestError, optimizers

ALL = sorted(set(optimizers.TRICKS) - {"sam"})
NEEDED = {
    "l2_sp": {"optimizer": "adam"},
    "lookahead": {"optimizer": "adam", "k": 2},
    "adaptive_gradient_clipping": {"optimizer": "adam"},
    "learning_rate_multipliers": {"optimizer": "adam", "multipliers": {}},
    "layer_wise_decay": {"optimizer": "adam"},
    "weight_decay_exclusions": {"optimizer": "adam_w"},
    "sam": {"optimizer": "adam"},
}


def make(name, **arguments):
    return optimizers.get({"name": name} | NEEDED.get(name, {}) | arguments)


def steps(optimizer, value, gradient, number=3, dtype="float32", name="kernel"):
    variable = keras.Variable(np.asarray(value), dtype=dtype, name=name)
    for _ in range(number):
        optimizer.apply([keras.ops.cast(keras.ops.convert_to_tensor(gradient), dtype)], [variable])
    return keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32"))


@pytest.mark.parametrize("name", ALL)
def test_a_constant_pixel_whose_gradient_is_always_0(name):
    result = steps(make(name), [[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]])
    assert np.isfinite(result).all()
    assert (result[1] < 1).all()


@pytest.mark.parametrize("name", ALL)
def test_a_tensor_without_any_gradient_stays(name):
    optimizer = make(name)
    if optimizer.weight_decay:
        optimizer.weight_decay = None
    np.testing.assert_array_equal(steps(optimizer, [[1.0, 2.0]], [[0.0, 0.0]]), [[1.0, 2.0]])


@pytest.mark.parametrize("name", ALL)
def test_built_again_it_has_the_same_state(name):
    optimizer, variables = make(name), [keras.Variable([[1.0]], name="kernel")]
    optimizer.build(variables)
    state = [id(v) for v in optimizer.variables]
    optimizer.build(variables)
    assert [id(v) for v in optimizer.variables] == state


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ALL)
def test_half_precision(name, dtype):
    result = steps(make(name), [[1.0, -1.0], [2.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]], number=3, dtype=dtype)
    assert np.isfinite(result).all()


@pytest.mark.parametrize(("name", "first_step"), [("lars", 0.01), ("lamb", 0.01)])
def test_zero_weights_have_trust_ratio_1(name, first_step):
    optimizer = make(name)
    optimizer.learning_rate = 0.01
    np.testing.assert_allclose(steps(optimizer, [0.0, 0.0], [1.0, 1.0], number=1), -first_step, rtol=1e-4)


@pytest.mark.parametrize("name", ["lars", "lamb"])
@pytest.mark.parametrize("path", ["bias", "gamma", "beta"])
def test_vectors_are_neither_adapted_nor_decayed(name, path):
    optimizer = make(name, weight_decay=100.0)
    optimizer.learning_rate = 0.01
    np.testing.assert_allclose(steps(optimizer, [5.0], [1.0], number=1, name=path), 4.99, rtol=1e-5)


def test_the_trainer_s_list_of_what_decays_counts():
    optimizer = make("lars", weight_decay=1.0, exclude_from_adaptation=["."])
    variable = keras.Variable([1.0], name="kernel")
    optimizer.exclude_from_weight_decay(var_list=[variable])
    optimizer.build([variable])
    assert optimizer.decay_of(variable) == 0.0


def test_a_list_of_what_does_not_decay_takes_the_place_of_the_patterns():
    kernel, bias = keras.Variable([1.0], name="kernel"), keras.Variable([1.0], name="bias")
    optimizer = make("weight_decay_exclusions", optimizer={"name": "adam_w", "weight_decay": 0.5}, exclude=["bias$"])
    optimizer.learning_rate = 0.1
    optimizer.exclude_from_weight_decay(var_list=[kernel])
    optimizer.apply([keras.ops.zeros(1), keras.ops.zeros(1)], [kernel, bias])
    np.testing.assert_allclose([kernel.numpy(), bias.numpy()], [[1.0], [1.0 - 0.1 * 0.5]])


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ({"name": "momentum", "momentum": 1.5}, "momentum must be a number at least 0 and at most 1, not 1.5"),
        ({"name": "lamb", "beta_2": 1.0}, "beta_2 must be a number at least 0 and below 1, not 1.0"),
        ({"name": "lars", "trust_coefficient": 0}, "trust_coefficient must be a number above 0, not 0"),
        ({"name": "radam", "beta_2": 0.5}, "beta_2 must be a number above 0.6, not 0.5"),
        ({"name": "sam", "optimizer": "adam", "rho": -1}, "rho must be a number at least 0, not -1"),
        ({"name": "lookahead", "optimizer": "adam", "k": 0}, "k must be an integer at least 1, not 0"),
        ({"name": "lookahead", "optimizer": "adm"}, "there is no optimizer 'adm'; did you mean 'adam'"),
        ({"name": "lookahead"}, "the optimizer 'lookahead' needs optimizer"),
        ({"name": "lookahead", "optimizer": 3}, "an optimizer must be a name, a dict with 'name'"),
        ({"name": "lookahead", "optimizer": {"name": "sam", "optimizer": "sgd"}}, r"SAM\(Lookahead\(...\)\)"),
        ({"name": "lookahead", "optimizer": {"name": "adam", "learning_rate": 1.0}}, "takes no learning_rate"),
        ({"name": "lars", "exclude_from_adaptation": "bias"}, "exclude_from_adaptation must be a list of regular"),
        ({"name": "adam", "weight_decays": 0.1}, "there is no argument of the optimizer 'adam' called 'weight_decays'"),
        (
            {"name": "learning_rate_multipliers", "optimizer": "adam", "multipliers": {"(": 1.0}},
            "is not a regular expression",
        ),
    ],
)
def test_what_is_refused(identifier, message):
    with pytest.raises(RequestError, match=message):
        optimizers.get(identifier)


def test_a_pattern_that_is_found_nowhere():
    optimizer = make("learning_rate_multipliers", multipliers={"headd": 2.0})
    with pytest.raises(RequestError, match="no variable's path contains 'headd'; the first are: kernel"):
        optimizer.build([keras.Variable([1.0], name="kernel")])


def test_an_inner_optimizer_in_use():
    inner = keras.optimizers.SGD()
    inner.build([keras.Variable([1.0])])
    with pytest.raises(RequestError, match="in use already: make a new one"):
        optimizers.Lookahead(inner)


def test_base_arguments_reach_keras():
    assert optimizers.get({"name": "adam", "use_ema": True}).use_ema
