"""What every model promises: raw inputs, float32 logits, a file that loads without this package, sentences."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_tricks import models
from tf_tricks.errors import RequestError

IMAGE = (8, 8, 3)
SMALL = {
    "mlp": {"hidden": [16, 8], "batch_norm": True},
    "convnet": {"filters": [4, 8]},
    "resnet": {"depth": 8},
    "wide_resnet": {"depth": 10, "widen_factor": 1},
}
RUN = {"input_shape": IMAGE, "num_outputs": 5, "mean": [120.0, 110.0, 100.0], "variance": [4000.0, 3900.0, 3800.0]}
POLICIES = ["float32", "mixed_bfloat16", "mixed_float16"]


@pytest.fixture(params=sorted(SMALL))
def name(request):
    return request.param


@pytest.fixture
def dtype_policy():
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def build(name, **arguments):
    keras.utils.set_random_seed(0)
    return models.get({"name": name, **SMALL[name]}, **{**RUN, **arguments})


def raw_images(count=4, shape=IMAGE):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), "uint8")


@pytest.mark.parametrize("policy", POLICIES)
def test_outputs_are_finite_float32_logits_under_every_policy(name, policy, dtype_policy):
    dtype_policy(policy)
    outputs = build(name, input_dtype="uint8")(raw_images())
    assert outputs.shape == (4, 5)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    assert np.isfinite(outputs).all()


def test_float_and_uint8_inputs_give_the_same(name):
    x = raw_images()
    bytes_in, floats_in = build(name, input_dtype="uint8"), build(name, input_dtype="float32")
    floats_in.set_weights(bytes_in.get_weights())
    np.testing.assert_array_equal(bytes_in(x), floats_in(x.astype("float32")))


@pytest.mark.parametrize("input_dtype", ["uint8", "float32"])
def test_inputs_need_not_be_standardized(name, input_dtype):
    outputs = build(name, input_dtype=input_dtype, mean=None, variance=None)(raw_images().astype(input_dtype))
    assert np.isfinite(outputs).all()


def test_the_seed_decides_the_weights(name):
    for one, other in zip(build(name).get_weights(), build(name).get_weights()):
        np.testing.assert_array_equal(one, other)


def test_saved_models_load_with_keras_alone(tmp_path, dtype_policy):
    x = raw_images()
    expected = {}
    for policy, name in [("float32", name) for name in SMALL] + [(policy, "convnet") for policy in POLICIES[1:]]:
        dtype_policy(policy)
        model = build(name, input_dtype="uint8", dropout=0.5)
        # Moves the moving averages off their initial values, which a file without them would restore too.
        model(x, training=True)
        model.save(tmp_path / f"{policy}_{name}.keras")
        expected[f"{policy}_{name}"] = model(x).numpy()
    np.savez(tmp_path / "expected.npz", x=x, **expected)
    program = (
        "import pathlib, sys, keras, numpy as np\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "data = np.load(folder / 'expected.npz')\n"
        "for path in sorted(folder.glob('*.keras')):\n"
        "    outputs = keras.models.load_model(path)(data['x']).numpy()\n"
        "    np.testing.assert_array_equal(outputs, data[path.stem], err_msg=path.stem)\n"
        "    print(path.stem)\n"
        "assert not any(name.startswith('tf_tricks') for name in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == sorted(expected), done.stderr


def test_plain_fit_learns_and_plain_predict_agrees_with_the_call():
    x = raw_images(16)
    model = build("convnet", input_dtype="uint8", num_outputs=1)
    model.compile("adam", "mse", jit_compile=False)
    losses = model.fit(x, x.mean((1, 2, 3)) / 255, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), atol=1e-6)


def test_every_weight_gets_a_gradient(name):
    model, x = build(name), raw_images(16).astype("float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x, training=True) ** 2)
    gradients = tape.gradient(loss, model.trainable_weights)
    assert all(np.isfinite(gradient).all() and np.any(gradient) for gradient in gradients)


def test_every_batch_norm_is_synchronized(name):
    layers = [layer for layer in build(name).layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert layers
    for layer in layers:
        assert (layer.synchronized, layer.momentum, layer.epsilon) == (True, 0.9, 1e-5)


def test_convolutions_have_no_bias(name):
    layers = [layer for layer in build(name).layers if isinstance(layer, keras.layers.Conv2D)]
    assert not any(layer.use_bias for layer in layers)


def test_dropout_acts_in_training_only(name):
    model, x = build(name, dropout=0.5), raw_images().astype("float32")
    np.testing.assert_array_equal(model(x), model(x))
    # The moving averages do not enter a step in training: two of them differ by the dropout alone.
    assert not np.array_equal(model(x, training=True), model(x, training=True))


def test_get_returns_a_model_as_it_is():
    model = build("mlp")
    assert models.get(model, num_outputs=7) is model


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"num_outputs": 0}, "num_outputs must be an integer at least 1, not 0"),
        ({"dropout": 1.0}, "dropout must be a number at least 0 and below 1, not 1.0"),
        ({"dropout": -0.1}, "dropout must be a number at least 0 and below 1, not -0.1"),
        ({"input_dtype": "unit8"}, "there is no input dtype 'unit8'; did you mean 'uint8'?"),
        ({"input_shape": (8, 0, 3)}, "each of input_shape must be an integer at least 1, not 0"),
        ({"input_shape": 8}, r"input_shape must be a list of integers, such as \[28, 28, 1\], not 8"),
        ({"mean": None}, "mean and variance must be given together"),
        ({"mean": [1.0], "variance": [1.0]}, "one number for each of the 3 channels"),
        ({"variance": [1.0, -1.0, 1.0]}, "no variance negative"),
        ({"mean": [1.0, float("nan"), 1.0]}, "must be finite"),
    ],
)
def test_wrong_arguments_get_a_sentence(name, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        build(name, **arguments)


def test_unknown_models_get_the_nearest():
    with pytest.raises(RequestError, match="there is no model 'resnett'; did you mean 'resnet'"):
        models.get("resnett", **RUN)


@pytest.mark.parametrize("name", ["convnet", "resnet", "wide_resnet"])
def test_image_models_refuse_tables(name):
    with pytest.raises(RequestError, match=r"needs images of shape \(height, width, channels\), not inputs of \(13,\)"):
        models.get(name, input_shape=(13,), num_outputs=2)
