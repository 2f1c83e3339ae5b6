"""Optimizers around another one: where they start, what they hand on, and in which order."""

import keras
import numpy as np
import pytest

from tf_tricks import RequestError, optimizers
from tf_tricks.optimizers.traits import needs_two_gradients

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


def test_sam_returns_to_the_very_weights():
    sam = optimizers.SAM(keras.optimizers.SGD(0.0), rho=0.3)
    variable = keras.Variable(np.linspace(0.1, 1, 7))
    before = keras.ops.convert_to_numpy(variable).copy()
    sam.build([variable])
    sam.ascend([keras.ops.convert_to_tensor(np.full(7, 0.123, "float32"))], [variable])
    assert np.linalg.norm(keras.ops.convert_to_numpy(variable) - before) == pytest.approx(0.3, rel=1e-5)
    sam.apply([keras.ops.ones(7)], [variable])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), before)


def test_sam_without_a_gradient_stays():
    sam = optimizers.SAM(keras.optimizers.SGD(0.1))
    variable = keras.Variable([1.0])
    sam.build([variable])
    sam.ascend([keras.ops.zeros(1)], [variable])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), [1.0])


def test_sam_in_plain_fit_says_what_it_needs():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizers.SAM(keras.optimizers.SGD(0.1)), "mse")
    with pytest.raises(RequestError, match="SharpnessAwareModel"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)


def test_a_sharpness_aware_model_needs_sam():
    inputs = keras.Input((2,))
    model = optimizers.SharpnessAwareModel(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    with pytest.raises(RequestError, match="compiled with a SAM optimizer"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)


def test_a_sharpness_aware_model_in_float16_says_the_way_out():
    keras.config.set_dtype_policy("mixed_float16")
    inputs = keras.Input((2,))
    model = optimizers.SharpnessAwareModel(inputs, keras.layers.Dense(1)(inputs))
    model.compile(optimizers.SAM(keras.optimizers.SGD(0.1)), "mse")
    with pytest.raises(RequestError, match=r"wraps it for mixed_float16: use mixed_bfloat16, or tt.Trainer"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)


def test_lookahead_starts_where_the_first_step_starts():
    """Weights that are loaded after the optimizer was built count, and not those that it was built with."""
    variable = keras.Variable([0.0])
    optimizer = optimizers.Lookahead(keras.optimizers.SGD(1.0), k=1, alpha=0.5)
    optimizer.build([variable])
    variable.assign([10.0])
    optimizer.apply([keras.ops.ones(1)], [variable])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), [9.5])


def test_the_slow_weights_of_lookahead_start_before_the_first_decay():
    # φ₀ = 4; the decay makes 4(1 − 0.5 · 0.25) = 3.5 of it and the step 3; then φ goes half of the way from 4.
    variable = keras.Variable([4.0])
    optimizer = optimizers.Lookahead(keras.optimizers.SGD(0.5, weight_decay=0.25), k=1, alpha=0.5)
    optimizer.apply([keras.ops.ones(1)], [variable])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), [3.5])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: inner,
        optimizers.WeightDecayExclusions,
        lambda inner: optimizers.LayerWiseDecay(inner, decay=1.0),
        lambda inner: optimizers.LearningRateMultipliers(inner, {"kernel": 1.0}),
        lambda inner: optimizers.SAM(inner, rho=0.0),
    ],
    ids=["alone", "exclusions", "layers", "multipliers", "sam"],
)
@pytest.mark.parametrize(("decay", "expected"), [(None, 9.0), (0.5, 0.5 * (10 + (10 / 2 - 1) / 2 - 1))])
def test_lookahead_within_a_wrapper(wrap, decay, expected):
    """10 steps to 9 and 8, and goes back half of the way; with the decay halving before each step to 4 and 1."""
    kernel = keras.Variable([10.0], name="kernel")
    optimizer = wrap(optimizers.Lookahead(keras.optimizers.SGD(1.0, weight_decay=decay), k=2))
    optimizer.build([kernel])
    for _ in range(2):
        if needs_two_gradients(optimizer):
            optimizer.ascend([keras.ops.ones(1)], [kernel])
        optimizer.apply([keras.ops.ones(1)], [kernel])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), [expected], rtol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [(lambda: optimizers.Lookahead(keras.optimizers.SGD(1.0), k=2), 9.0), (optimizers.ScheduleFreeAdamW, 10.0)],
)
def test_a_variable_that_joins_later_starts_from_its_own_value(optimizer, expected):
    early, late = keras.Variable([1.0], name="early"), keras.Variable([10.0], name="late")
    optimizer = optimizer()
    optimizer.build([early, late])
    for variables in ([early], [early], [early, late], [early, late]):
        optimizer.apply([keras.ops.ones(1)] * len(variables), variables)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(late), [expected], rtol=1e-3)


def test_a_wrapper_has_the_settings_of_its_inner_optimizer():
    inner = keras.optimizers.AdamW(0.25, weight_decay=0.5, global_clipnorm=2.0, use_ema=True, ema_momentum=0.75)
    outer = optimizers.Lookahead(inner)
    found = (float(outer.learning_rate), outer.weight_decay, outer.global_clipnorm, outer.use_ema, outer.ema_momentum)
    assert found == (0.25, 0.5, 2.0, True, 0.75)


def test_a_wrapper_keeps_one_average_after_its_own_step():
    variable = keras.Variable([0.0])
    inner = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    outer = optimizers.Lookahead(inner, k=1, alpha=0.5)
    for _ in range(2):
        outer.apply([keras.ops.ones(1)], [variable])
    average = outer._model_variables_moving_average[0]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(average), [(-0.5 - 1.0) / 2])
    assert not hasattr(inner, "_model_variables_moving_average")


def factors(model, decay=0.75):
    optimizer = optimizers.LayerWiseDecay(keras.optimizers.Adam(), decay=decay)
    optimizer.build(model.trainable_variables)
    return dict(zip([v.path for v in model.trainable_variables], optimizer.find_factors(model.trainable_variables)))


def test_layer_wise_decay_counts_layers():
    layers = [keras.layers.Dense(2) for _ in range(3)]
    model = keras.Sequential([keras.Input((2,)), *layers])
    optimizer = optimizers.LayerWiseDecay(keras.optimizers.Adam(), decay=0.5)
    optimizer.build(model.trainable_variables)
    assert optimizer.find_factors(model.trainable_variables) == [0.25, 0.25, 0.5, 0.5, 1.0, 1.0]


def test_layer_wise_decay_counts_the_blocks_of_a_transformer():
    layers = keras.layers
    x = inputs = keras.Input((4, 6))
    x = layers.Dense(8, name="embed")(x)
    for i in range(12):
        y = layers.LayerNormalization(name=f"block_{i}_norm1")(x)
        x = x + layers.MultiHeadAttention(2, 4, name=f"block_{i}_attention")(y, y)
        x = x + layers.Dense(8, name=f"block_{i}_mlp")(layers.LayerNormalization(name=f"block_{i}_norm2")(x))
    found = factors(keras.Model(inputs, layers.Dense(3, name="head")(x)))
    # Bao et al.'s: decay^(blocks + 1 - i), the embedding being 0 and the head blocks + 1.
    assert found["embed/kernel"] == pytest.approx(0.75**13)
    assert {v for path, v in found.items() if path.startswith("block_3_")} == {0.75**9}
    assert found["head/bias"] == 1.0


def test_layer_wise_decay_takes_an_attention_and_a_normalization_for_no_layers_of_their_own():
    layers = keras.layers
    inputs = keras.Input((4, 6))
    x = layers.LayerNormalization(name="norm")(layers.Dense(6, name="embed")(inputs))
    x = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    found = factors(keras.Model(inputs, layers.Dense(3, name="head")(x)), decay=0.5)
    assert {path.partition("/")[0]: v for path, v in found.items()} == {
        "embed": 0.25,
        "norm": 0.25,
        "attention": 0.5,
        "head": 1.0,
    }
    assert sorted(set(found.values())) == [0.25, 0.5, 1.0]


def test_layer_wise_decay_puts_a_normalization_with_the_layer_before_it_which_has_no_bias():
    dense, norm = keras.layers.Dense, keras.layers.BatchNormalization
    stack = [dense(2, use_bias=False, name="one"), norm(name="one_bn")]
    stack += [dense(2, use_bias=False, name="two"), norm(name="two_bn"), dense(2, name="head")]
    found = factors(keras.Sequential([keras.Input((2,)), *stack]), decay=0.5)
    assert {path.split("/")[-2]: v for path, v in found.items()} == {
        "one": 0.25,
        "one_bn": 0.25,
        "two": 0.5,
        "two_bn": 0.5,
        "head": 1.0,
    }


def test_a_multiplier_around_schedule_free_is_that_rate():
    def trained(optimizer):
        variable = keras.Variable([1.0, -2.0], name="kernel")
        for _ in range(30):
            optimizer.apply([keras.ops.convert_to_tensor(variable)], [variable])
        return keras.ops.convert_to_numpy(variable)

    plain = trained(optimizers.ScheduleFreeAdamW(0.4))
    multiplied = trained(optimizers.LearningRateMultipliers(optimizers.ScheduleFreeAdamW(0.1), {"kernel": 4.0}))
    np.testing.assert_allclose(multiplied, plain, rtol=1e-5, atol=1e-6)


def test_sam_goes_back_once_to_where_it_ascended_from():
    variable = keras.Variable([3.0, 4.0])
    sam = optimizers.SAM(keras.optimizers.SGD(0.5))
    sam.build([variable])
    sam.ascend([keras.ops.ones(2)], [variable])
    sam.apply([keras.ops.ones(2)], [variable])
    with pytest.raises(RequestError, match="SAM needs two gradients of every batch"):
        sam.apply([keras.ops.ones(2)], [variable])
