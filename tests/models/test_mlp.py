import keras
import numpy as np
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.models import mlp

DENSE, BN, ACTIVATION, DROPOUT = "Dense", "BatchNormalization", "Activation", "Dropout"


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def kernels(model):
    return [layer.kernel.numpy() for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def test_batch_norm_stands_between_dense_and_activation():
    assert kinds(mlp((4,), 2, hidden=(8, 8), batch_norm=True)) == [
        "InputLayer",
        "Flatten",
        *2 * [DENSE, BN, ACTIVATION, DROPOUT],
        DENSE,
    ]


def test_no_batch_norm_unless_asked():
    assert BN not in kinds(mlp((4,), 2))


def test_bias_is_left_to_batch_norm():
    biases = [layer.use_bias for layer in mlp((4,), 2, hidden=(8,), batch_norm=True).layers if hasattr(layer, "kernel")]
    assert biases == [False, True]


def test_no_hidden_layer_is_a_linear_model():
    model = mlp((2, 3), 2, hidden=())
    x = np.random.default_rng(0).normal(size=(5, 2, 3)).astype("float32")
    np.testing.assert_allclose(model(x), x.reshape(5, 6) @ kernels(model)[0], atol=1e-6)


@pytest.mark.parametrize(("activation", "numerator"), [("relu", 2.0), ("gelu", 2.0), ("tanh", 1.0), ("sigmoid", 1.0)])
def test_kernels_have_the_variance_for_the_activation(activation, numerator):
    # He: 2 / inputs. Glorot: 2 / (inputs + outputs), which is 1 / inputs here.
    keras.utils.set_random_seed(0)
    kernel = kernels(mlp((256,), 2, hidden=(256,), activation=activation))[0]
    assert kernel.var() == pytest.approx(numerator / 256, rel=0.05)


def test_one_initializer_object_draws_anew_for_each_layer():
    first, second, _ = kernels(mlp((8,), 2, hidden=(8, 8), kernel_initializer=keras.initializers.HeNormal()))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("kernel_initializer", ["zeros", keras.initializers.Zeros()])
def test_the_initializer_can_be_chosen(kernel_initializer):
    assert not kernels(mlp((4,), 2, hidden=(8,), kernel_initializer=kernel_initializer))[0].any()


def test_unknown_activations_get_the_nearest():
    with pytest.raises(RequestError, match="there is no activation 'rely'; did you mean 'relu'"):
        mlp((4,), 2, activation="rely")


@pytest.mark.parametrize("hidden", [128, "128", [128, 0], [1.5]])
def test_hidden_must_be_whole_numbers(hidden):
    with pytest.raises(RequestError, match="hidden must be"):
        mlp((4,), 2, hidden=hidden)
