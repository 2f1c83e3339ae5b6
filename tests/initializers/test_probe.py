"""The measurements against NumPy, the gains against the lecture, and the model as it was."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.initializers import fixup, get, lsuv, signal_propagation


def mlp(widths, activation, initializer, inputs=None, outputs=None):
    layers = [
        keras.layers.Dense(width, activation, kernel_initializer=get({"name": initializer, "seed": i}))
        for i, width in enumerate(widths)
    ]
    tail = [] if outputs is None else [keras.layers.Dense(outputs, name="logits")]
    return keras.Sequential([keras.Input((inputs or widths[0],)), *layers, *tail])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def numpy_signals(model, x, labels):
    """Outputs of each layer and the gradients of each example's ½ Σ (y − label)², in float64, for tanh layers."""
    weights = [[np.asarray(w, np.float64) for w in layer.get_weights()] for layer in model.layers]
    outputs = []
    for kernel, bias in weights:
        x = np.tanh(x @ kernel + bias)
        outputs.append(x)
    gradients = [outputs[-1] - labels]
    for (kernel, _), output in zip(weights[:0:-1], outputs[::-1]):
        gradients.insert(0, (gradients[0] * (1 - output**2)) @ kernel.T)
    return outputs, gradients


def half_squared_error(labels, outputs):
    return keras.ops.sum((outputs - labels) ** 2, axis=-1) / 2


@settings(max_examples=20)
@given(widths=st.lists(st.integers(2, 12), min_size=1, max_size=4), examples=st.integers(1, 9), seed=st.integers(0, 99))
def test_moments_and_gradients_against_numpy(widths, examples, seed):
    model = mlp(widths, "tanh", "glorot_normal", inputs=5)
    x, labels = normal(examples, 5, seed=seed), normal(examples, widths[-1], seed=seed + 1)
    report = signal_propagation(model, x, labels, half_squared_error)
    for signal, output, gradient in zip(report.layers, *numpy_signals(model, x, labels), strict=True):
        assert signal.mean == pytest.approx(output.mean(), rel=1e-5, abs=1e-6)
        assert signal.variance == pytest.approx(output.var(), rel=1e-4, abs=1e-8)
        assert signal.gradient_variance == pytest.approx(gradient.var(), rel=1e-4, abs=1e-8)
        assert signal.dead == 0


@pytest.mark.parametrize(("activation", "halves"), [("tanh", 1), ("relu", 2)])
@pytest.mark.parametrize("separate", [False, True])
def test_the_gains_of_small_weights(activation, halves, separate):
    width, expected = 300, 0.01 * (300 / halves) ** 0.5
    layers = []
    for seed in range(8):
        kernel_initializer = get({"name": "small_normal", "seed": seed})
        dense = keras.layers.Dense(width, None if separate else activation, kernel_initializer=kernel_initializer)
        layers += [dense, keras.layers.Activation(activation)] if separate else [dense]
    report = signal_propagation(keras.Sequential([keras.Input((width,)), *layers]), normal(64, width))
    assert report.forward_gain == pytest.approx(expected, rel=0.1)
    assert report.backward_gain == pytest.approx(expected, rel=0.1)
    ratio = f"{1 / report.backward_gain:.3g}x per layer"
    assert ratio in report.diagnosis
    assert report.diagnosis.endswith("use he_normal" if activation == "relu" else "use glorot_normal")


def test_the_backward_gain_of_the_logistic_sigmoid():
    report = signal_propagation(mlp([300] * 7, "sigmoid", "small_normal"), normal(64, 300))
    assert report.backward_gain == pytest.approx(0.01 * 300**0.5 / 4, rel=0.1)


@pytest.mark.parametrize(
    ("activation", "initializer", "start"),
    [
        ("relu", "he_normal", "the signal is fine"),
        ("relu", "glorot_normal", "the activations shrink 1.4"),
        ("tanh", "fan_in_normal", "the signal is fine"),
    ],
)
def test_diagnoses_of_deep_nets(activation, initializer, start):
    report = signal_propagation(mlp([200] * 16, activation, initializer, outputs=10), normal(64, 200))
    assert report.diagnosis.startswith(start)


def test_weights_that_are_far_too_large():
    model = keras.Sequential([keras.Input((64,))])
    for _ in range(30):
        model.add(keras.layers.Dense(64, "relu", kernel_initializer=keras.initializers.RandomNormal(stddev=50.0)))
    assert "not finite" in signal_propagation(model, normal(8, 64)).diagnosis


def test_weights_that_follow_the_advice_already_get_another():
    model = mlp([64] * 20, "relu", "he_normal")
    for layer in model.layers:
        layer.bias.assign(keras.ops.full((64,), 1.0))
    report = signal_propagation(model, normal(16, 64))
    assert report.advice == "use lsuv, or normalize"


def test_zero_weights():
    names = ("first", "second", "third")
    layers = [keras.layers.Dense(16, "tanh", kernel_initializer="zeros", name=name) for name in names]
    report = signal_propagation(keras.Sequential([keras.Input((16,)), *layers]), normal(8, 16))
    assert report.diagnosis == (
        "every unit of 'first' gives the same on every example: use glorot_normal for the weights that are all 0"
    )


def test_a_head_of_zeros_passes_no_gradient():
    model = mlp([16, 16], "tanh", "glorot_normal", outputs=3)
    model.layers[-1].kernel.assign(keras.ops.zeros((16, 3)))
    expected = f"the gradient is 0 from {model.layers[1].name!r} back: use glorot_normal for the weights that are all 0"
    assert signal_propagation(model, normal(8, 16)).diagnosis == expected


def normalized(depth):
    model = keras.Sequential([keras.Input((64,))])
    for _ in range(depth):
        for layer in (keras.layers.Dense(64), keras.layers.BatchNormalization(), keras.layers.ReLU()):
            model.add(layer)
    model.add(keras.layers.Dense(10))
    return model


def test_a_network_with_batch_normalization_is_not_told_to_scale_its_weights():
    # Yang et al. 2019, arXiv:1902.08129: in a wide network of ReLU the gradient grows by √(π / (π − 1)) = 1.21.
    report = signal_propagation(normalized(30), normal(128, 64))
    assert report.backward_gain == pytest.approx((np.pi / (np.pi - 1)) ** 0.5, rel=0.03)
    assert report.advice == "add skip connections, as normalization alone lets the gradient grow with depth"
    assert signal_propagation(normalized(3), normal(128, 64)).diagnosis.startswith("the signal is fine")


def test_a_residual_network_that_normalizes_lets_its_branches_begin_at_0():
    x = inputs = keras.Input((8,))
    x = keras.layers.Add()([x, keras.layers.BatchNormalization()(keras.layers.Dense(8)(x))])
    advice = signal_propagation(keras.Model(inputs, x), normal(16, 8)).advice
    assert advice == "let each branch begin at 0, by gamma_initializer='zeros' in its last normalization"


def test_sigmoid_is_advised_against_whatever_the_weights():
    model = mlp([64] * 12, "sigmoid", "glorot_normal", outputs=10)
    expected = "use tanh or relu in place of sigmoid, whose slope is at most 1/4"
    assert signal_propagation(model, normal(64, 64)).diagnosis.endswith(expected)
    lsuv(model, normal(64, 64), seed=0)
    assert signal_propagation(model, normal(64, 64)).advice == expected


def test_who_has_taken_lsuv_is_not_sent_back():
    model = mlp([64] * 12, "tanh", "small_normal", outputs=10)
    assert signal_propagation(model, normal(64, 64)).advice == "use glorot_normal"
    lsuv(model, normal(64, 64), seed=0)
    assert signal_propagation(model, normal(64, 64)).advice == "normalize, or add skip connections"


@pytest.mark.parametrize("separate", [False, True])
def test_a_layer_that_is_all_dead(separate):
    dense = keras.layers.Dense(32, None if separate else "relu", bias_initializer=keras.initializers.Constant(-100.0))
    rest = [keras.layers.Dense(32, "relu"), keras.layers.Dense(10)]
    layers = [dense, keras.layers.ReLU(name="dead"), *rest] if separate else [dense, *rest]
    dead = "dead" if separate else dense.name
    report = signal_propagation(keras.Sequential([keras.Input((8,)), *layers]), normal(16, 8))
    assert report.diagnosis.startswith(f"all units of {dead!r} are dead (0 on the whole batch): use a smaller learning")


def test_inputs_that_are_not_finite():
    x = normal(16, 8)
    x[3, 4] = np.nan
    report = signal_propagation(mlp([8, 8, 8], "tanh", "glorot_normal"), x)
    assert report.diagnosis == "the inputs are not finite: remove the examples with NaN or infinity, or repair them"


def test_units_that_are_alike():
    constant = keras.initializers.Constant(0.1)
    layers = [keras.layers.Dense(16, "tanh", kernel_initializer=constant) for _ in range(3)]
    report = signal_propagation(keras.Sequential([keras.Input((16,)), *layers]), normal(8, 16))
    assert report.diagnosis == (
        f"the units of {layers[0].name!r} are all alike and learn the same: "
        "draw the weights at random, as glorot_uniform does"
    )
    assert [signal.alike for signal in report.layers] == [True, True, False]  # the outputs have gradients of their own


def test_what_recurrent_layers_do_to_the_signal_is_not_told_by_their_outputs():
    layers = [keras.layers.LSTM(32, return_sequences=i < 3) for i in range(4)]
    model = keras.Sequential([keras.Input((12, 8)), *layers, keras.layers.Dense(5)])
    report = signal_propagation(model, normal(64, 12, 8))
    assert report.diagnosis == "the signal is finite and moves; there are too few layers to tell a gain"


def test_dead_units_are_counted():
    model = mlp([10], "relu", "he_normal", inputs=4, outputs=2)
    kernel, bias = model.layers[0].get_weights()
    bias[:3] = -1e6
    kernel[:, 3:], bias[3:] = 0.1, 1e6
    model.layers[0].set_weights([kernel, bias])
    assert [signal.dead for signal in signal_propagation(model, normal(16, 4)).layers] == [0.3, 0.0]


def test_a_dead_channel_of_an_image_is_0_everywhere():
    conv = keras.layers.Conv2D(4, 3, activation="relu")
    model = keras.Sequential([keras.Input((6, 6, 2)), conv])
    conv.bias.assign([-1e6, 0.0, 0.0, 1e6])
    assert signal_propagation(model, normal(16, 6, 6, 2)).layers[0].dead == 0.25


def test_which_layers_are_measured_and_in_which_order():
    shared = keras.layers.Dense(4, name="shared")
    inputs = keras.Input((4,))
    x = keras.layers.Activation("tanh", name="activation")(shared(keras.layers.Dropout(0.1)(inputs)))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(name="norm")], name="inner")
    x = keras.layers.ReLU(name="relu")(shared(inner(x)))
    model = keras.Model(inputs, keras.layers.Flatten()(x))
    names = [signal.name for signal in signal_propagation(model, normal(8, 4)).layers]
    assert names == ["shared", "activation", "inner/norm", "shared (2)", "relu"]


def test_integers_go_through():
    layers = [keras.layers.Embedding(10, 8), keras.layers.LSTM(6), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((5,), dtype="int32"), *layers])
    report = signal_propagation(model, np.arange(20, dtype="int32").reshape(4, 5) % 10)
    assert len(report.layers) == 3
    assert all(signal.gradient_variance > 0 for signal in report.layers)


def test_the_gradient_of_the_outputs_without_labels_is_of_unit_variance():
    report = signal_propagation(mlp([30, 300], "tanh", "glorot_normal"), normal(64, 30))
    assert report.layers[-1].gradient_variance == pytest.approx(1.0, rel=0.05)


def test_several_inputs_and_outputs():
    first, second = keras.Input((3,)), keras.Input((4,))
    x = keras.layers.Concatenate()([first, second])
    model = keras.Model([first, second], {"a": keras.layers.Dense(2)(x), "b": keras.layers.Dense(5)(x)})
    assert len(signal_propagation(model, [normal(8, 3), normal(8, 4)]).layers) == 2


def test_the_size_of_the_batch_does_not_change_the_gradients():
    model = mlp([8, 8], "tanh", "glorot_normal")
    x, labels = normal(4, 8), normal(4, 8, seed=1)
    once = signal_propagation(model, x, labels, half_squared_error)
    thrice = signal_propagation(model, np.tile(x, (3, 1)), np.tile(labels, (3, 1)), half_squared_error)
    assert thrice.layers[0].gradient_variance == pytest.approx(once.layers[0].gradient_variance, rel=1e-5)


def test_the_model_is_left_as_it_was():
    x = inputs = keras.Input((6,))
    for layer in (keras.layers.Dense(8), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5, seed=1)):
        x = layer(x)
    model = keras.Model(inputs, keras.layers.Dense(3, kernel_regularizer="l2")(x))
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    before = [keras.ops.convert_to_numpy(v.value) for v in variables]
    labels = np.arange(16) % 3
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    first, second = (signal_propagation(model, 3 + normal(16, 6), labels, loss) for _ in range(2))
    for variable, old in zip(variables, before):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable.value), old)
    assert not any("call" in vars(layer) for layer in model.layers)
    assert first.layers[0].gradient_variance == pytest.approx(second.layers[0].gradient_variance, rel=1e-5)


def test_a_model_that_is_not_yet_built():
    model = keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])
    assert len(signal_propagation(model, normal(8, 3)).layers) == 2


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(policy):
    keras.config.set_dtype_policy(policy)
    report = signal_propagation(mlp([64] * 5, "relu", "he_normal"), normal(32, 64))
    assert report.diagnosis.startswith("the signal is fine")


def test_a_fixup_net_is_well():
    x = inputs = keras.Input((16,))
    for _ in range(6):
        y = keras.layers.Dense(16)(keras.layers.Activation("relu")(keras.layers.Dense(16)(x)))
        x = keras.layers.Add()([x, y])
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    fixup(model, seed=0)
    model.layers[-1].kernel.assign(normal(16, 3))
    assert signal_propagation(model, normal(32, 16)).diagnosis.startswith("the signal is fine")


@pytest.mark.parametrize("given", [{"labels": np.zeros(4)}, {"loss": half_squared_error}])
def test_labels_and_loss_belong_together(given):
    with pytest.raises(RequestError, match="labels and loss belong together"):
        signal_propagation(mlp([4], "tanh", "glorot_normal"), normal(4, 4), **given)


def test_nothing_to_measure():
    with pytest.raises(RequestError, match="no layer with weights or an activation"):
        signal_propagation(keras.Sequential([keras.Input((4,)), keras.layers.Flatten()]), normal(4, 4))
