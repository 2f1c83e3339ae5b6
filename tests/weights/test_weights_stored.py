"""Files of weights, as Keras writes them, and as it wrote them before."""

import h5py
import keras
import ml_dtypes
import numpy as np
import pytest
from keras.src.legacy.saving.legacy_h5_format import save_model_to_hdf5, save_weights_to_hdf5_group

from tf_tricks.errors import RequestError
from tf_tricks.weights import layers_of, read


def model():
    inner = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"), keras.layers.BatchNormalization()], name="body"
    )
    flat = keras.layers.Flatten()
    made = keras.Sequential([keras.Input((8, 8, 1)), inner, flat, keras.layers.Dense(3, name="logits")])
    for weight in made.weights:
        weight.assign(keras.random.uniform(weight.shape))
    return made


def assert_same(found, wanted):
    found, wanted = ({layer.name: layer for layer in layers if layer.weights} for layers in (found, wanted))
    assert found.keys() == wanted.keys()
    for name, layer in wanted.items():
        assert found[name].weights.keys() == layer.weights.keys()
        for key, value in layer.weights.items():
            np.testing.assert_array_equal(found[name].weights[key], value)


@pytest.mark.parametrize("name", ["it.keras", "it.weights.h5"])
def test_what_keras_writes(name, tmp_path):
    made = model()
    made.compile("adam", "mse")
    made.fit(np.ones((2, 8, 8, 1)), np.ones((2, 3)), verbose=0)  # so that there is an optimizer's state, too
    made.save(tmp_path / name) if name.endswith(".keras") else made.save_weights(tmp_path / name)
    found = read(tmp_path / name)
    assert_same(found, layers_of(made))
    assert {layer.path for layer in found} == {layer.path for layer in layers_of(made)}


@pytest.mark.parametrize("write", [save_model_to_hdf5, lambda model, file: save_weights_to_hdf5_group(file, model)])
def test_what_keras_2_wrote(write, tmp_path):
    made = model()
    with h5py.File(tmp_path / "it.h5", "w") as file:
        write(made, file)
    assert_same(read(tmp_path / "it.h5"), layers_of(made))


def test_names_with_slashes_and_without_a_layer_before_them(tmp_path):
    """As those of the first published networks, and of MobileNetV3."""
    with h5py.File(tmp_path / "it.h5", "w") as file:
        file.attrs["layer_names"] = [b"Conv/BatchNorm", b"conv1"]
        for layer, weight in (("Conv/BatchNorm", "Conv/BatchNorm/gamma:0"), ("conv1", "conv1_W_1:0")):
            group = file.create_group(layer)
            group.attrs["weight_names"] = [weight.encode()]
            group[weight] = np.ones(3)
    assert [(layer.name, list(layer.weights)) for layer in read(tmp_path / "it.h5")] == [
        ("Conv/BatchNorm", ["0"]),
        ("conv1", ["0"]),
    ]


def test_bfloat16(tmp_path):
    made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, dtype="bfloat16")])
    made.save_weights(tmp_path / "it.weights.h5")
    (layer,) = [layer for layer in read(tmp_path / "it.weights.h5") if layer.weights]
    assert layer.weights["0"].dtype == ml_dtypes.bfloat16


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("it.keras", None, "there are no weights to start from: .*it.keras does not exist"),
        ("it.txt", b"nothing", r"it.txt is no file of weights: these end in .keras, .weights.h5, .h5"),
        ("it.keras", b"nothing", "it.keras is damaged: it is no archive, or was cut short"),
        ("it.weights.h5", b"nothing", "it.weights.h5 is damaged, or holds no weights: "),
    ],
)
def test_what_cannot_be_read(name, content, sentence, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(RequestError, match=sentence):
        read(tmp_path / name)


def test_a_file_that_was_cut_short(tmp_path):
    model().save(tmp_path / "it.keras")
    content = (tmp_path / "it.keras").read_bytes()
    (tmp_path / "it.keras").write_bytes(content[: len(content) // 2])
    with pytest.raises(RequestError, match=r"it.keras is damaged"):
        read(tmp_path / "it.keras")
