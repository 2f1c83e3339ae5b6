"""TensorFlow Lite: what is fixed, what cannot be, and 8-bit integers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import models_to_export

from tf_tricks import RequestError
from tf_tricks.export import signature, to_tflite
from tf_tricks.export.comparison import relative_error


def write(model, path, calibration=None):
    return to_tflite.write(model, signature.of(model), path, calibration)


def test_a_recurrent_model_takes_one_example_at_a_time(tmp_path):
    model = models_to_export.sequences()
    assert write(model, tmp_path / "model.tflite").batch_size == 1
    interpreter = tf.lite.Interpreter(str(tmp_path / "model.tflite"))
    assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [1, 6]


def test_a_file_has_operations_of_tensorflow_lite_only(tmp_path):
    write(models_to_export.images(), tmp_path / "model.tflite")
    operations = tf.lite.Interpreter(str(tmp_path / "model.tflite"))._get_ops_details()
    assert not [details["op_name"] for details in operations if details["op_name"].startswith("Flex")]


def test_an_operation_that_it_lacks_is_named_with_its_layer(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), models_to_export.Outwards(name="mine")])
    with pytest.raises(RequestError, match=r"has no operation for tf\.Erfinv, as the layer 'mine' has"):
        write(model, tmp_path / "model.tflite")
    assert not any(tmp_path.iterdir())


def calibration(model, number=50):
    arrays = signature.made_up(signature.of(model), number)
    return [{name: array[i : i + 1] for name, array in arrays.items()} for i in range(number)]


def test_integers_are_near_the_model_and_a_quarter_of_its_size(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10),
        ]
    )
    taken = signature.of(model)
    write(model, tmp_path / "float.tflite")
    to_tflite.write(model, taken, tmp_path / "int8.tflite", calibration(model))
    examples = signature.made_up(taken, 32)
    run = to_tflite.load(tmp_path / "int8.tflite", taken)
    assert relative_error(signature.function_of(model, taken)(examples), run(examples)) < 0.1
    sizes = [(tmp_path / name).stat().st_size for name in ("int8.tflite", "float.tflite")]
    assert sizes[0] < 0.35 * sizes[1]


def test_integers_keep_what_the_model_takes_and_gives(tmp_path):
    model = models_to_export.settled(models_to_export.images())
    write(model, tmp_path / "model.tflite", calibration(model))
    interpreter = tf.lite.Interpreter(str(tmp_path / "model.tflite"))
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (taken["dtype"], given["dtype"]) == (np.uint8, np.float32)
    computed = [d["dtype"] for d in interpreter.get_tensor_details() if "Conv2D" in d["name"] or "conv2d" in d["name"]]
    assert computed
    assert np.float32 not in computed


def texts():
    inputs = keras.Input((2,), dtype="string", name="text")
    return keras.Model(inputs, keras.layers.Embedding(3, 2)(keras.layers.StringLookup(vocabulary=["a", "b"])(inputs)))


@pytest.mark.parametrize(
    ("build", "pattern"),
    [
        (
            models_to_export.sequences,
            r"with a loop \(.* unroll=True\), as the layer 'lstm\w*' has; leave out --quantize",
        ),
        (texts, "with a lookup, as the layer 'string_lookup\\w*' has"),
    ],
)
def test_what_cannot_be_in_integers(tmp_path, build, pattern):
    model = build()
    with pytest.raises(RequestError, match=pattern):
        write(model, tmp_path / "model.tflite", calibration(model, 2))


def test_an_unrolled_recurrent_layer_can(tmp_path):
    layers = [keras.Input((4, 3), name="steps"), keras.layers.LSTM(3, unroll=True), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    taken = write(model, tmp_path / "model.tflite", calibration(model))
    examples = signature.made_up(taken, 32)
    run = to_tflite.load(tmp_path / "model.tflite", taken)
    assert relative_error(signature.function_of(model, taken)(examples), run(examples)) < 0.1
