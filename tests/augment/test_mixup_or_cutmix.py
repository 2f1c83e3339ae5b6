"""Mixup or CutMix: each example is mixed by one of the two."""

import numpy as np
import pytest

from tf_tricks.augment import MixupOrCutMix

SEED = 7
NUMBER = 2000


def mixed(**arguments):
    """What part of each pixel is the partner's, [NUMBER, height, width], and the weight of each own label."""
    images = np.tile(np.array([0, 1], "float32").reshape(2, 1, 1, 1), (NUMBER // 2, 12, 10, 1))
    labels = np.tile([0, 1], NUMBER // 2)
    layer = MixupOrCutMix(num_classes=2, **arguments)
    after, soft = layer(images, labels, seed=SEED, positions=np.arange(NUMBER))
    return np.abs(np.asarray(after) - images)[..., 0], np.asarray(soft)[np.arange(NUMBER), labels]


def by_cutmix(share):
    """Which examples show a rectangle: some pixels of one, some of the other."""
    return share.max(axis=(1, 2)) - share.min(axis=(1, 2)) > 0.5


@pytest.mark.parametrize("switch_probability", [0, 0.3, 1])
def test_labels_are_mixed_as_much_as_pixels(switch_probability):
    share, weights = mixed(switch_probability=switch_probability)
    np.testing.assert_allclose(weights, 1 - share.mean(axis=(1, 2)), atol=1e-5)


def test_an_example_is_mixed_by_one_of_the_two():
    share, _ = mixed()
    cut = by_cutmix(share)
    assert np.isin(share[cut], (0, 1)).all()
    assert (np.ptp(share[~cut], axis=(1, 2)) == 0).all()


@pytest.mark.parametrize(("switch_probability", "least", "most"), [(0, 0, 0), (0.3, 0.2, 0.35), (1, 0.8, 1)])
def test_how_often_it_is_cutmix(switch_probability, least, most):
    """A part of the rectangles is empty or covers all, which looks like mixup."""
    assert least <= by_cutmix(mixed(switch_probability=switch_probability)[0]).mean() <= most


def test_each_has_its_own_alpha():
    gentle, _ = mixed(switch_probability=0, mixup_alpha=0.1)
    strong, _ = mixed(switch_probability=0, mixup_alpha=50.0)
    assert np.abs(gentle - 0.5).mean() > 0.4 > 0.1 > np.abs(strong - 0.5).mean()
