"""Training on labels that are distributions, as mixup and cutmix make them."""

import keras
import numpy as np
import pytest
from support import problems

import tf_tricks as tt
from tf_tricks.training.checks import check_pairs

MIXUP = {"name": "mixup", "alpha": 1.0, "num_classes": 5}


def trained(augment=MIXUP, epochs=3, **settings):
    """The model and history of a small run."""
    keras.utils.set_random_seed(0)
    images, labels = problems.image_data(num_examples=64)
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(5)]
    trainer = tt.Trainer(keras.Sequential(layers), **{"batch_size": 16, "metrics": ["accuracy"]} | settings)
    stream = tt.data.Stream((images, labels), seed=3, augment=tt.augment.get(augment))
    history = trainer.fit(stream, epochs, validation=(images, labels), verbose=0)
    return trainer.model, history.history


@pytest.mark.parametrize("name", ["mixup", "cutmix", "mixup_or_cutmix"])
def test_a_run_that_mixes_learns(name):
    _, history = trained({"name": name, "num_classes": 5}, epochs=10, learning_rate=0.01)
    assert history["val_loss"][-1] < history["val_loss"][0]
    assert history["val_accuracy"][-1] > 0.4
    assert all(0 <= value <= 1 for value in history["accuracy"])


def test_micro_batches_change_nothing():
    whole, halves = (trained(micro_batch=size)[0].get_weights() for size in (None, 8))
    for one, other in zip(whole, halves):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": {"name": "sparse_categorical_crossentropy", "from_logits": True, "label_smoothing": 0.1}},
        {"optimizer": {"name": "sam", "optimizer": {"name": "sgd"}}},
        {"jit_compile": True},
    ],
)
def test_a_run_that_mixes_goes_with(settings):
    _, history = trained(epochs=1, **settings)
    assert np.isfinite(history["loss"][0])


def test_the_loss_of_mixed_labels_is_not_below_their_entropy():
    """Distributions that are far from one class cannot be met with a loss of 0."""
    _, history = trained({"name": "mixup", "alpha": 50.0, "num_classes": 5}, epochs=30, learning_rate=0.01)
    assert history["loss"][-1] > 0.5


def test_keras_loss_of_whole_numbers_alone_gets_a_sentence():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with pytest.raises(
        tt.RequestError, match=r"the loss cannot compare the labels of the training data, float32 \[2, 5\]"
    ):
        trained(loss=loss)


@pytest.mark.parametrize(
    ("batch_size", "micro_batch", "end"),
    [
        (15, None, "but a batch of 15 puts 15 on the device"),
        (30, 15, "but a batch of 30 with micro_batch=15 puts 15 on the device"),
    ],
)
def test_an_odd_batch_gets_a_sentence(batch_size, micro_batch, end):
    with pytest.raises(tt.RequestError) as caught:
        trained(batch_size=batch_size, micro_batch=micro_batch)
    assert str(caught.value) == f"mixup needs an even batch on each device, {end}"


def test_an_odd_share_of_a_device_gets_a_sentence():
    with pytest.raises(tt.RequestError, match="but a batch of 6 puts 3 on each of 2 devices"):
        check_pairs(tt.augment.get(MIXUP), 6, 2, None)


def test_an_odd_batch_is_no_matter_to_what_mixes_nothing():
    check_pairs(tt.augment.get("cutout"), 15, 1, None)
