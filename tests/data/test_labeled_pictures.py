"""Pictures in folders of a run's classes come as its model takes them."""

import keras
import numpy as np
import pytest
from etils import epath
from keras import layers
from PIL import Image
from support.batches import everything

from tf_tricks.data.input_spec import InputSpec
from tf_tricks.data.labeled_pictures import read_labeled
from tf_tricks.data.picture_form import form_of
from tf_tricks.errors import RequestError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 3), "uint8")


@pytest.fixture
def folder(tmp_path):
    for name, image in zip(("dog/1.png", "cat/2.png", "dog/3.png", "cat/more/4.png"), IMAGES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / name)
    return epath.Path(tmp_path)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TF_TRICKS_CACHE", str(tmp_path_factory.mktemp("cache")))


def model(inputs):
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(*inputs.values())))


@pytest.mark.parametrize(
    ("spec", "factor"), [(InputSpec([6, 8, 3], "uint8", [0, 255]), 1), (InputSpec([6, 8, 3], "float32", [0, 1]), 255)]
)
def test_inputs_have_the_name_and_the_values_that_the_model_takes(folder, spec, factor):
    form = form_of(None, model({"image": keras.Input((6, 8, 3), name="image")}), spec)
    source = read_labeled(folder, form, ["dog", "cow", "cat"])
    inputs, labels = everything(source)
    assert inputs["image"].dtype == source.input_dtype["image"] == spec.dtype
    assert (source.input_shape, source.num_classes) == ({"image": (6, 8, 3)}, 3)
    np.testing.assert_allclose(inputs["image"], IMAGES[[1, 3, 0, 2]] / factor, rtol=1e-6)
    assert labels.tolist() == [2, 2, 0, 0]


def test_a_model_that_takes_no_pictures(folder):
    with pytest.raises(RequestError, match=r"takes no pictures of a known size, its inputs are x \[3\]"):
        form_of(None, model({"x": keras.Input((3,), name="x")}), None)
