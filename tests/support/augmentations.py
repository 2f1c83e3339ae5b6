"""How each augmentation is put to work: with the example with which it is registered."""

import numpy as np

from tf_tricks import augment
from tf_tricks.registry import entries

NAMES = list(augment.TRICKS)
SEED = 11
POSITIONS = np.arange(2**33 + 100, 2**33 + 116, dtype="int64")
MASKS_TOO = [name for name in NAMES if name not in ("mixup", "mixup_or_cutmix", "aug_mix")]


def make(name):
    """The augmentation, made from its dict."""
    return augment.get({"name": name, **entries("augment")[name].example})


def images(dtype="uint8"):
    """Sixteen images [20, 18, 3], every value of which occurs; smooth enough to be like pictures."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:20, :18]
    phases = rng.uniform(0, 6.28, (16, 3))
    waves = np.sin(rows[None, ..., None] / 2 + phases[:, None, None, :]) * np.cos(columns[None, ..., None] / 3)
    values = 127.5 + 90 * waves + rng.normal(0, 12, (16, 20, 18, 3))
    return np.clip(values, 0, 255).round().astype(dtype)


def labels():
    return np.arange(16, dtype="int32") % 5


def masks():
    return (images()[..., 0] // 64).astype("int32")


def words(positions):
    """Positions as a pair of uint32 words, for backends without 64-bit integers."""
    return (positions & 0xFFFFFFFF).astype("uint32"), (positions >> 32).astype("uint32")


def augmented(name, images, labels, positions=POSITIONS, **keywords):
    """What the augmentation named makes of the batch, as NumPy arrays."""
    results = make(name)(images, labels, SEED, words(positions), **keywords)
    return [np.asarray(part) for part in results]
