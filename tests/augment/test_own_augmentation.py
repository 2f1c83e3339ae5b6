"""An augmentation of one's own, made of what the package exports, trains like those that come with it."""

import numpy as np
import pytest
from keras import ops

import tf_tricks as tt
from tf_tricks import augment


class Shifted(augment.Augmentation):
    """Adds to each image a number of its own."""

    def transform(self, batch, draws):
        shifts = draws.integers(1, 10)
        return batch._replace(images=batch.images + shifts[:, None, None, None])


class Twice(augment.GeometricAugmentation):
    """Repeats the upper half of each image below it."""

    def draw(self, draws, height, width):
        return height // 2

    def move(self, images, half, interpolation, fill_value):
        return ops.concatenate([images[:, :half]] * 2, axis=1)


def test_it_draws_by_position():
    images = np.zeros((8, 4, 4, 1), "int32")
    whole = np.asarray(Shifted()(images, seed=0, positions=np.arange(8)))
    part = np.asarray(Shifted()(images[2:4], seed=0, positions=np.arange(2, 4)))
    np.testing.assert_array_equal(part, whole[2:4])
    assert 1 <= whole.min() < whole.max() < 10


@pytest.mark.parametrize("make", [Shifted, lambda: augment.get([Shifted(), "flip"])], ids=["alone", "in a list"])
def test_the_trainer_takes_it(make):
    stream = tt.data.Stream((np.zeros((8, 4, 4, 1), "int32"), np.arange(8) % 2), augment=make())
    model = tt.models.get("mlp", input_shape=(4, 4, 1), num_outputs=2)
    assert tt.Trainer(model, "sgd", 0.01, 4).fit(stream, 1, verbose=0)


def test_masks_move_along():
    images = np.arange(16, dtype="uint8").reshape(1, 4, 4, 1)
    moved, masks = Twice()(images, seed=0, positions=np.arange(1), masks=images[..., 0])[::2]
    np.testing.assert_array_equal(moved[0, 2:], images[0, :2])
    np.testing.assert_array_equal(masks, moved[..., 0])
