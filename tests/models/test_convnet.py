import keras
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.models import convnet


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_batch_norm_stands_between_convolution_and_relu_and_pooling_between_stages():
    layer = ["Conv2D", "BatchNormalization", "ReLU"]
    end = ["GlobalAveragePooling2D", "Dropout", "Dense"]
    model = convnet((8, 8, 1), 3, filters=(4, 8), convolutions=2)
    assert kinds(model) == ["InputLayer", *2 * layer, "MaxPooling2D", *2 * layer, *end]


def test_parameters():
    model = convnet((28, 28, 1), 10, filters=(32, 64), convolutions=2, kernel_size=3)
    convolutions = 9 * (1 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    batch_norms = 4 * (32 + 32 + 64 + 64)
    assert model.count_params() == convolutions + batch_norms + 64 * 10 + 10


@pytest.mark.parametrize(("stages", "height"), [(1, 1), (3, 4), (3, 7), (4, 8)])
def test_an_image_just_large_enough_is_halved_to_1_pixel(stages, height):
    model = convnet((height, 28, 1), 3, filters=stages * (2,))
    pooling = next(layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D))
    assert pooling.input.shape[1] == 1


def test_images_too_small_are_refused():
    sentence = "a convnet of 5 stages halves the image 4 times and needs at least 16 x 16 pixels, not 8 x 28"
    with pytest.raises(RequestError, match=sentence):
        convnet((8, 28, 1), 10, filters=(8, 8, 8, 8, 8))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"filters": ()}, r"filters must be a list of integers, such as \[32, 64, 128\], not \(\)"),
        ({"filters": 32}, "filters must be a list of integers"),
        ({"convolutions": 0}, "convolutions must be an integer at least 1, not 0"),
        ({"kernel_size": 2.5}, "kernel_size must be an integer at least 1, not 2.5"),
    ],
)
def test_wrong_arguments_get_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        convnet((28, 28, 1), 10, **arguments)


def test_each_stage_may_have_its_own_number_of_convolutions():
    model = convnet((8, 8, 1), 3, filters=(4, 8, 16), convolutions=(1, 2, 1))
    assert [kind for kind in kinds(model) if kind in ("Conv2D", "MaxPooling2D")] == [
        *["Conv2D", "MaxPooling2D"],
        *["Conv2D", "Conv2D", "MaxPooling2D"],
        "Conv2D",
    ]


def test_a_number_of_convolutions_for_each_stage_is_needed():
    with pytest.raises(RequestError, match="one number, or one for each of filters"):
        convnet((8, 8, 1), 3, filters=(4, 8), convolutions=(1, 2, 1))
