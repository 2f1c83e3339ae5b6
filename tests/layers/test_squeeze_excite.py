import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.layers.squeeze_excite import SqueezeExcite


@settings(max_examples=20)
@given(
    channels=st.integers(1, 12),
    ratio=st.sampled_from([1, 2, 4, 2.5, 16]),
    inner=st.sampled_from([(5,), (3, 4), (2, 3, 2)]),
    seed=st.integers(0, 10**6),
)
def test_it_is_the_formula(channels, ratio, inner, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, *inner, channels))
    layer = SqueezeExcite(ratio, dtype="float64")
    layer.build(x.shape)
    w1, b1, w2, b2 = weights = [rng.normal(size=v.shape) for v in layer.weights]
    layer.set_weights(weights)
    assert w1.shape[1] == max(1, int(channels // ratio))
    z = x.reshape(3, -1, channels).mean(1)
    gate = 1 / (1 + np.exp(-(np.maximum(z @ w1 + b1, 0) @ w2 + b2)))
    expected = x * gate.reshape(3, *(1 for _ in inner), channels)
    np.testing.assert_allclose(np.asarray(layer(x)), expected, atol=1e-6)


def test_the_activation_can_be_chosen():
    config = SqueezeExcite(4, activation="swish").get_config()
    assert keras.activations.get(config["activation"]) is keras.activations.silu


def test_examples_do_not_see_each_other():
    x = np.random.default_rng(0).normal(size=(4, 5, 5, 8)).astype("float32")
    layer = SqueezeExcite(2)
    whole = np.asarray(layer(x))
    np.testing.assert_allclose(whole[1:2], np.asarray(layer(x[1:2])), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_means_in_half_precision_do_not_overflow(policy):
    # The sum over 64 x 64 pixels is outside what float16 can hold, the mean is not.
    layer = SqueezeExcite(1, dtype=policy)
    y = layer(np.full((1, 64, 64, 2), 100.0, "float32"))
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    assert np.isfinite(np.asarray(y).astype("float32")).all()


def test_weights_are_saved(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype("float32")
    model = keras.Sequential([keras.Input((4, 4, 8)), SqueezeExcite(2, "tanh")])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("ratio", [0, 0.5, "4"])
def test_an_unusable_ratio_gets_a_sentence(ratio):
    with pytest.raises(RequestError, match="ratio must be a number at least 1"):
        SqueezeExcite(ratio)
