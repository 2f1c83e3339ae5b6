"""The data sets by name: digits, the slides' regression, those of other files, every image classification of TFDS."""

import dataclasses
import functools
import os

import numpy as np

from tf_tricks import layers, users_code
from tf_tricks.annotations import Named
from tf_tricks.data import tfds_source
from tf_tricks.data.array_source import ArraySource
from tf_tricks.data.splits import Splits, carve, check_fraction, from_arrays, generator
from tf_tricks.errors import RequestError, check_number
from tf_tricks.named_parts import NamedParts
from tf_tricks.registry import entries, register

DIGITS_TEST_SEED = 0
"""Determines the test part of digits. A constant: no run's seed may move examples into or out of the test part."""


@register("data", "digits")
def digits(validation_fraction: float = 0.1, seed: int = 0) -> Splits:
    """Returns 1,797 handwritten digits, uint8 images of 8 × 8 × 1 with values 0 to 16, 10 classes.

    They come with scikit-learn, so nothing is downloaded. Test is a fifth of each class, always the same
    (`DIGITS_TEST_SEED`); validation is carved from the rest.

    Args:
        validation_fraction: the part of the other examples that is held out, from 0 (none) to below 1.
        seed: determines which.

    Example:
        >>> splits = digits()
        >>> splits.train.num_examples, splits.validation.num_examples, splits.test.num_examples
        (1294, 144, 359)
    """
    check_fraction(validation_fraction)
    from sklearn.datasets import load_digits

    data = load_digits()
    images, labels = data.images.astype("uint8")[..., np.newaxis], data.target
    order = generator(DIGITS_TEST_SEED).permutation(len(labels))
    by_class = [order[labels[order] == label] for label in range(10)]
    test = np.sort(np.concatenate([rows[: round(len(rows) / 5)] for rows in by_class]))
    rest = np.setdiff1d(order, test)
    parts = images[rest], labels[rest], images[test], labels[test]
    return from_arrays(*parts, validation_fraction, seed, 10, [str(label) for label in range(10)], "digits")


@register("data", "regression")
def regression(
    num_examples: int = 64, num_inputs: int = 1000, num_outputs: int = 10, validation_fraction: float = 0, seed: int = 0
) -> Splits:
    """Returns the slides' two-layer regression: inputs and targets independent, N(0, 1).

    There is nothing to standardize and nothing to generalize to: mean, variance and test are None.

    Args:
        num_examples: N.
        num_inputs: D_in.
        num_outputs: D_out.
        validation_fraction: the part that is held out, from 0 (none) to below 1.
        seed: determines all numbers.

    Example:
        >>> splits = regression()
        >>> splits.train.num_examples, splits.train.input_shape, splits.train.num_outputs
        (64, (1000,), 10)
    """
    sizes = dict(num_examples=num_examples, num_inputs=num_inputs, num_outputs=num_outputs)
    for key, value in sizes.items():
        check_number(key, value, minimum=1, integer=True)
    rows, validation_rows = carve(num_examples, validation_fraction, seed)
    draws = generator(seed)
    inputs = draws.standard_normal((num_examples, num_inputs))
    targets = draws.standard_normal((num_examples, num_outputs))
    train, validation = ArraySource(inputs, targets), None
    if validation_rows is not None:
        train, validation = train.subset(rows), train.subset(validation_rows)
    return Splits(train, validation, name="regression")


def get(identifier: Named | Splits, seed: int = 0) -> Splits:
    """Returns the `Splits` that `identifier` stands for.

    Args:
        identifier: a name (`"digits"`, `"regression"`, or any image classification of TFDS), a dict
            `{"name": "cifar10", "validation_fraction": 0.1}`, or a `Splits`, which is returned as it is. Every dict may
            have the key `"preprocessing"`, a layer that adapts to the training inputs, in place of standardization.
        seed: the run's seed; it determines the validation part, and never the test part.

    Raises:
        RequestError: there is no such data set, it is not there and cannot be downloaded, it is damaged, or an
            argument cannot be used.

    Example:
        >>> get({"name": "digits", "validation_fraction": 0}).train.num_examples
        1438
    """
    preprocessing = None
    if hasattr(identifier, "items"):
        identifier = dict(identifier.items())
        preprocessing = identifier.pop("preprocessing", None)
    name = identifier.get("name") if hasattr(identifier, "get") else identifier
    others = {}
    if isinstance(name, str) and name not in entries("data") and os.path.isdir(name):
        raise RequestError(
            f"{name!r} is a folder, and data are named sets: save the arrays in an .npz for the set 'arrays', or "
            "prepare the folder by tensorflow_datasets"
        )
    if isinstance(name, str) and name not in entries("data") and not users_code.is_name(name):
        others[name] = functools.partial(tfds_source.load, name)
    splits = NamedParts("data", others).get(identifier, seed=seed)
    if not isinstance(splits, Splits):
        raise RequestError(f"data must be a name, a dict with a name, or Splits, not {identifier!r}")
    if preprocessing is None:
        return splits
    if not hasattr(layers.get(preprocessing), "adapt"):
        raise RequestError(
            f"preprocessing must be a layer that adapts to data, such as 'whitening', not {preprocessing!r}"
        )
    return dataclasses.replace(splits, preprocessing=preprocessing)
