"""Sequence: the same as its augmentations one after the other, by hand; in configs and saved models."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import Sequence, Standard
from tf_tricks.augment.augmentation import Augmentation, Batch
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

POSITIONS = np.arange(100, 132, dtype="int64")
IMAGES = np.random.default_rng(0).integers(0, 256, (32, 8, 6, 3)).astype("uint8")
LABELS = np.arange(32, dtype="int32")


@keras.saving.register_keras_serializable("tests")
class Mixes(Augmentation):
    """Mean of each image and the next one, as mixup would do."""

    mixes = True

    def transform(self, batch, draws):
        return batch._replace(images=batch.images // 2 + batch.images[::-1] // 2)


@keras.saving.register_keras_serializable("tests")
class Plus(Augmentation):
    """Adds a random integer from 0 to 9 to the images, and to the labels."""

    uses_value_range = True

    def transform(self, batch, draws):
        number = draws.integers(0, 10)
        labels = None if batch.labels is None else batch.labels + number
        images = tf.cast(batch.images, "int32") + number[:, None, None, None]
        return batch._replace(images=tf.cast(images, batch.images.dtype), labels=labels)


def augmented(policy, part=slice(None), **keywords):
    return policy(IMAGES[part], LABELS[part], seed=3, positions=POSITIONS[part], **keywords)


def policy():
    return Sequence([Standard(pad=2), Plus(), Standard(flip=False, pad=1, cutout=2)])


def test_each_takes_what_the_one_before_gives_and_draws_on():
    masks = IMAGES[..., 0].astype("int32")
    batch, draws = Batch(IMAGES, LABELS, masks), Draws(3, POSITIONS)
    for one in policy().augmentations:
        batch = one.transform(batch, draws)
    for found, wanted in zip(augmented(policy(), masks=masks), batch):
        np.testing.assert_array_equal(found, wanted)
    assert draws.used == 3 + 1 + 5


def test_two_of_the_same_draw_different_numbers():
    twice = np.asarray(augmented(Sequence([Plus(), Plus()]))[1]) - LABELS
    once = np.asarray(augmented(Plus())[1]) - LABELS
    assert (twice != 2 * once).any()
    assert (twice >= once).all()


@given(start=st.integers(0, 30), size=st.integers(1, 32))
@settings(max_examples=20, deadline=None)
def test_an_example_is_augmented_alike_in_any_batch(start, size):
    part = slice(start, start + size)
    np.testing.assert_array_equal(augmented(policy(), part)[0], augmented(policy())[0][part])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_results_are_the_eager_ones(jit_compile):
    made = policy()
    compiled = tf.function(lambda x, y, p: made(x, y, seed=3, positions=p), jit_compile=jit_compile)
    for found, wanted in zip(compiled(IMAGES, LABELS, POSITIONS), augmented(made)):
        np.testing.assert_array_equal(found, wanted)


def test_a_config_may_hold_names_and_dicts_and_composites():
    inner = {"name": "one_of", "augmentations": ["standard", {"name": "standard", "pad": 1}]}
    made = augment.get({"name": "sequence", "augmentations": ["standard", {"name": "standard", "cutout": 3}, inner]})
    assert [type(one).__name__ for one in made.augmentations] == ["Standard", "Standard", "OneOf"]
    assert made.augmentations[1].cutout == 3
    assert [one.pad for one in made.augmentations[2].augmentations] == [4, 1]


def test_in_a_config_the_value_range_goes_on_to_those_that_name_none():
    inner = ["standard", {"name": "standard", "value_range": (0, 2)}, Standard()]
    made = augment.get({"name": "sequence", "augmentations": inner, "value_range": (0, 1)})
    assert [one.value_range for one in made.augmentations] == [(0, 1), (0, 2), (0, 255)]


def test_its_config_makes_it_again():
    made = Sequence([Standard(pad=2, name="first"), Sequence([Plus(name="second")], name="in")], seed=5, name="mine")
    again = Sequence.from_config(made.get_config())
    assert again.get_config() == made.get_config()
    np.testing.assert_array_equal(augmented(again)[0], augmented(made)[0])


def test_a_saved_model_has_it(tmp_path):
    inputs = keras.Input((8, 6, 3), dtype="uint8")
    model = keras.Model(inputs, policy()(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IMAGES, training=False), IMAGES)
    assert (np.asarray(loaded(IMAGES, training=True)) != IMAGES).any()
    assert [type(one).__name__ for one in loaded.layers[1].augmentations] == ["Standard", "Plus", "Standard"]


def test_what_mixes_examples_may_be_in_it_and_shows():
    made = Sequence([Standard(), Mixes()])
    assert made.mixes
    assert not policy().mixes
    assert augmented(made)[0].shape == IMAGES.shape


def test_its_augmentations_check_the_images():
    images = IMAGES.astype("float32")
    with pytest.raises(RequestError, match=r"Plus takes floats from 0 to 1 \(value_range\), not 0 to 255"):
        Sequence([Standard(), Plus(value_range=(0, 1))])(images, seed=3, positions=POSITIONS)


@pytest.mark.parametrize(
    ("augmentations", "sentence"),
    [
        ([], r"Sequence takes a list of one or more augmentations, not \[\]"),
        ("standard", "Sequence takes a list of one or more augmentations, not 'standard'"),
        ([Standard, 3], "Sequence takes augmentations such as tt.augment.Standard.., not <class"),
    ],
)
def test_unusable_lists_get_a_sentence(augmentations, sentence):
    with pytest.raises(RequestError, match=sentence):
        Sequence(augmentations)


def test_a_misspelt_name_inside_gets_a_sentence():
    with pytest.raises(RequestError, match="there is no augmentation 'standrad'; did you mean 'standard'"):
        augment.get({"name": "sequence", "augmentations": ["standrad"]})
