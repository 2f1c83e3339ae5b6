"""What every augmentation must do, whatever it is. A new one is covered by being listed in TRICKS."""

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import augmentations as cases
from support import backends

import tf_tricks as tt

every = pytest.mark.parametrize("name", cases.NAMES)
DTYPES = ["uint8", "float32"]


def close(dtype):
    """A gray level, where rounding falls to the other side; for floats a thousandth of one."""
    return {"rtol": 0, "atol": 1 if dtype == "uint8" else 0.02}


@every
def test_made_by_name_is_made_again_from_its_config(name):
    made = cases.make(name)
    again = type(made).from_config(made.get_config())
    assert again.get_config() == made.get_config()


@every
def test_its_config_holds_every_argument(name):
    made = cases.make(name)
    own = [p.name for p in inspect.signature(type(made)).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert {*own, "value_range", "seed", "name"} <= set(made.get_config())


@every
@pytest.mark.parametrize("dtype", DTYPES)
def test_something_happens_and_form_and_range_are_kept(name, dtype):
    before = cases.images(dtype)
    after, _ = cases.augmented(name, before, cases.labels())
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    assert 0 <= after.min()
    assert after.max() <= 255
    assert (after != before).any()


@every
def test_an_example_is_augmented_alike_in_any_batch(name):
    """As on any number of replicas, in micro-batches, and after a resume."""
    whole = cases.augmented(name, cases.images(), cases.labels())
    halves = [
        cases.augmented(name, cases.images()[part], cases.labels()[part], cases.POSITIONS[part])
        for part in (slice(0, 6), slice(6, 16))
    ]
    for found, wanted in zip(map(np.concatenate, zip(*halves)), whole):
        np.testing.assert_array_equal(found, wanted)


@every
@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_by_xla_it_gives_the_same(name, dtype):
    made, masks = cases.make(name), cases.masks() if name in cases.MASKS_TOO else None
    compiled = tf.function(lambda *batch: made(*batch[:2], cases.SEED, batch[2], masks), jit_compile=True)
    found = compiled(cases.images(dtype), cases.labels(), cases.words(cases.POSITIONS))
    wanted = cases.augmented(name, cases.images(dtype), cases.labels(), masks=masks)
    np.testing.assert_allclose(found[0].numpy().astype(float), wanted[0].astype(float), **close(dtype))
    np.testing.assert_allclose(found[1], wanted[1], atol=1e-5)
    if masks is not None:
        np.testing.assert_array_equal(found[2], wanted[2])


@every
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(name, dtype):
    images = tf.cast(cases.images("float32"), dtype)
    after, _ = cases.make(name)(images, cases.labels(), cases.SEED, cases.POSITIONS)
    assert after.dtype == dtype
    values = np.asarray(tf.cast(after, "float32"))
    assert np.isfinite(values).all()
    assert (values != cases.images("float32")).any()


@pytest.mark.parametrize("name", [name for name in cases.NAMES if not cases.make(name).mixes])
def test_a_model_with_it_augments_in_training_only_and_is_saved(name, tmp_path):
    made = cases.make(name)
    inputs = keras.Input((20, 18, 3), dtype="uint8")
    model = keras.Model(inputs, made(inputs))
    images = cases.images()
    np.testing.assert_array_equal(model(images, training=False), images)
    assert (np.asarray(model(images, training=True)) != images).any()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images, training=False), images)


@every
@pytest.mark.parametrize("size_is_known", [True, False])
def test_in_a_map_of_tf_data(name, size_is_known):
    made = cases.make(name)
    data = tf.data.Dataset.from_tensor_slices((cases.images(), cases.labels()))
    data = data.batch(8, drop_remainder=size_is_known).enumerate()
    data = data.map(lambda i, batch: made(*batch, seed=cases.SEED, positions=8 * i + tf.range(8, dtype=tf.int64)))
    found = np.concatenate([images for images, _ in data])
    wanted, _ = cases.augmented(name, cases.images(), cases.labels(), np.arange(16))
    np.testing.assert_allclose(found.astype(float), wanted.astype(float), **close("uint8"))


@pytest.mark.parametrize("name", cases.MASKS_TOO)
def test_masks_hold_classes_that_were_there(name):
    """And nothing else changes for them."""
    images, labels, masks = cases.augmented(name, cases.images(), cases.labels(), masks=cases.masks())
    assert masks.shape == cases.masks().shape
    assert set(np.unique(masks)) <= set(np.unique(cases.masks())) | {0}
    for found, wanted in zip((images, labels), cases.augmented(name, cases.images(), cases.labels()), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.fixture(scope="module")
def on_jax():
    """What every augmentation gives with Keras on JAX, in a process of its own."""
    return backends.run(Path(__file__).parent / "backends_program.py", "jax")


@pytest.mark.slow
@every
@pytest.mark.parametrize("dtype", DTYPES)
def test_jax_gives_what_tensorflow_gives(name, dtype, on_jax):
    assert f"{name}-error" not in on_jax, str(on_jax[f"{name}-error"])
    images, labels = cases.augmented(name, cases.images(dtype), cases.labels())
    np.testing.assert_allclose(on_jax[f"{name}-{dtype}-images"].astype(float), images.astype(float), **close(dtype))
    np.testing.assert_allclose(on_jax[f"{name}-{dtype}-labels"], labels, atol=1e-5)


@pytest.mark.parametrize("name", ["standard", "rand_augment", "mixup_or_cutmix"])
def test_in_the_trainer_micro_batches_change_nothing(name):
    weights = []
    for micro_batch in (None, 4):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((20, 18, 3)), keras.layers.Flatten(), keras.layers.Dense(5)])
        stream = tt.data.Stream((cases.images(), cases.labels()), seed=3, augment=cases.make(name))
        trainer = tt.Trainer(model, "momentum", 1e-5, 8, metrics=["accuracy"], micro_batch=micro_batch)
        trainer.fit(stream, 3, verbose=0)
        weights.append(model.get_weights()[0])
    np.testing.assert_allclose(weights[1], weights[0], rtol=1e-5, atol=1e-7)
