"""Image classification from TensorFlow Datasets (TFDS), in memory where it fits."""

import difflib
import functools
import math
import os
import socket
import urllib.parse
import urllib.request

import numpy as np
import tensorflow as tf
from absl import logging as absl_logging

from tf_tricks.data.array_source import ArraySource
from tf_tricks.data.decode import RESIZES, decoders
from tf_tricks.data.encoded_source import EncodedSource, SerializedExamples
from tf_tricks.data.memory import budget
from tf_tricks.data.rows import aligned_empty
from tf_tricks.data.splits import Splits, carve, check_fraction
from tf_tricks.data.standardize import mean_and_variance
from tf_tricks.data.tfds_messages import first_line, quiet, reading
from tf_tricks.errors import RequestError, check_number, unknown

_OTHER_NAMES = ("arrays", "digits", "regression")
_SAMPLE = 4096
"""Images from which the statistics of a set too large for the memory are estimated: to about 0.5 of 255."""


def load(
    name: str,
    image_size: int | None = None,
    validation_fraction: float = 0.1,
    data_dir: str | os.PathLike[str] | None = None,
    memory_budget: float | None = None,
    resize: str = "crop",
    seed: int = 0,
) -> Splits:
    """Returns the `Splits` of an image classification set of TFDS.

    Training is TFDS's `train`, without the validation part, which is carved from it. Test is `test`, or `validation`
    if there is no test part with labels (as in imagenet2012).

    Sets that fit `memory_budget` are decoded once. Larger sets, and those that are cropped at random, are decoded as
    they are needed (see `EncodedSource`): the batches are the same, mean and variance are estimated from 4,096
    training images. They must have been prepared with `tfds build NAME --file_format=array_record`.

    Args:
        name: a TFDS name: `"cifar10"`, `"imagenet2012"`, `"name/config:version"`.
        image_size: side of the images in pixels, or None for the images as they are, all of one size.
        validation_fraction: the part of `train` that is held out, from 0 (none) to below 1.
        data_dir: the folder of prepared sets, or None for the environment's `TFDS_DATA_DIR`, else TFDS's default. A
            set that is not there is downloaded into it.
        memory_budget: bytes that decoded images may take; by default half of the memory that is free.
        resize: how the images come to `image_size`, one of `tf_tricks.data.decode.RESIZES`: `"crop"`, the largest
            square in the middle; `"random_resized_crop"`, for training a random window of each, another one each time,
            for validation and test the central 224/256 of the short side.
        seed: determines the validation part and the random windows.

    Raises:
        RequestError: there is no such set, it is no image classification, it is not there and cannot be downloaded,
            or it is damaged.
    """
    check_fraction(validation_fraction)
    if image_size is not None:
        check_number("image_size", image_size, minimum=1, integer=True)
    limit = budget(memory_budget)
    if resize not in RESIZES:
        raise unknown("resize", resize, RESIZES)
    if resize == "random_resized_crop" and image_size is None:
        raise RequestError("to crop images at random, say to which size they are brought: image_size=224")
    builder = _open(name, data_dir or os.environ.get("TFDS_DATA_DIR"))
    keys = _keys(name, builder.info)
    shape = _shape(name, builder.info.features[keys[0]], image_size)
    _prepare(name, builder)
    with reading(builder):
        parts = ["train", _test_part(builder, keys)]
        if "train" not in builder.info.splits:
            raise RequestError(f"the data set {name!r} has no part 'train'; it has {', '.join(builder.info.splits)}")
        size = sum(builder.info.splits[part].num_examples for part in parts if part) * math.prod(shape)
        rows = carve(builder.info.splits["train"].num_examples, validation_fraction, seed)
        decoding = None if image_size is None else decoders(resize, seed, shape[:2])
        if size <= limit and resize != "random_resized_crop":
            return _in_memory(name, builder, keys, parts, shape, rows, decoding)
        if image_size is None:
            raise RequestError(
                f"the data set {name!r} needs {size:.3g} bytes of memory and memory_budget is {limit:.3g}: raise "
                "it, or give an image_size, and the images are decoded as they are needed"
            )
        return _on_disk(name, builder, keys, parts, shape, rows, decoding)


def describe(
    name: str, image_size: int | None = None, data_dir: str | os.PathLike[str] | None = None
) -> tuple[tuple[int, ...], int, int | None]:
    """Returns what TFDS knows of a set without its images: nothing is downloaded or read.

    Args:
        name: as for `load`.
        image_size: as for `load`.
        data_dir: as for `load`.

    Returns:
        (shape of an image, number of classes, training examples before any are held out or None if that is not known).

    Raises:
        RequestError: there is no such set, or it is no image classification.
    """
    builder = _open(name, data_dir or os.environ.get("TFDS_DATA_DIR"))
    image_key, label_key = _keys(name, builder.info)
    train = builder.info.splits.get("train")
    shape = _shape(name, builder.info.features[image_key], image_size)
    return shape, builder.info.features[label_key].num_classes, train.num_examples if train else None


def _in_memory(name, builder, keys, parts, shape, rows, decoding):
    train, test = (part and _decoded(builder, part, keys, shape, decoding) for part in parts)
    validation = None
    if rows[1] is not None:
        train, validation = train.subset(rows[0]), train.subset(rows[1])
    return Splits(train, validation, test, *mean_and_variance(train), name)


def _decoded(builder, part, keys, shape, decoding):
    """One part, read into one array."""
    label = builder.info.features[keys[1]]
    number = builder.info.splits[part].num_examples
    images, labels = aligned_empty((number, *shape), "uint8"), np.empty(number, "int64")

    def example(encoded, label):
        if decoding is not None:
            return decoding[1](encoded, 0, shape[:2], shape[2]), label
        return tf.ensure_shape(tf.io.decode_image(encoded, channels=shape[2], expand_animations=False), shape), label

    done = 0
    for some_images, some_labels in _examples(builder, part, keys).map(example, tf.data.AUTOTUNE).batch(1000):
        here = slice(done, done + len(some_labels))
        images[here], labels[here] = some_images, some_labels
        done += len(some_labels)
    if done != number:
        raise ValueError(f"{part} should hold {number} examples and holds {done}")
    return ArraySource(images, labels.astype("int32"), num_classes=label.num_classes, label_names=label.names)


def _examples(builder, part, keys):
    """A `tf.data.Dataset` of (encoded image, label), in the order of the files."""
    import tensorflow_datasets as tfds

    image_key, label_key = keys
    records = _records(builder, part, keys)
    if records is None:
        decoders = {image_key: tfds.decode.SkipDecoding()}
        dataset = builder.as_dataset(split=part, shuffle_files=False, decoders=decoders)
        return dataset.map(lambda example: (example[image_key], example[label_key]))
    return tf.data.Dataset.range(len(records)).batch(100).map(records.read).unbatch()


def _records(builder, part, keys):
    """The serialized examples by their index, or None where the format of the files does not allow that."""
    import tensorflow_datasets as tfds

    try:
        records = builder.as_data_source(part, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES)
    except NotImplementedError:
        return None
    return SerializedExamples(records, *keys)


def _on_disk(name, builder, keys, parts, shape, rows, decoding):
    label = builder.info.features[keys[1]]
    make = functools.partial(
        EncodedSource,
        image_size=shape[0],
        num_classes=label.num_classes,
        label_names=label.names,
        channels=shape[2],
    )
    records, test_records = (part and _records(builder, part, keys) for part in parts)
    if records is None:
        raise RequestError(
            f"the data set {name!r} is to be read as it is needed, and {builder.data_dir} does not allow to read "
            f"single examples: build it with `tfds build {name} --file_format=array_record`"
        )
    training, evaluation = decoding
    train_rows, validation_rows = rows
    sample = train_rows[np.linspace(0, len(train_rows) - 1, min(_SAMPLE, len(train_rows))).astype("int64")]
    return Splits(
        make(records, training).subset(train_rows),
        None if validation_rows is None else make(records, evaluation).subset(validation_rows),
        test_records and make(test_records, evaluation),
        *mean_and_variance(make(records, evaluation).subset(sample), chunk=64),
        name,
    )


def _open(name, data_dir):
    import tensorflow_datasets as tfds

    # Older versions ask Google Cloud Storage about every set; offline that costs a minute.
    tfds.core.utils.gcs_utils._is_gcs_disabled = True
    try:
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        names = [*tfds.list_builders(with_community_datasets=False), *_OTHER_NAMES]
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RequestError(
            f"there is no data set {name!r}; {hint}(there are: {', '.join(_OTHER_NAMES)} and the image classifications "
            "of TFDS, https://www.tensorflow.org/datasets/catalog/overview)"
        ) from error
    except Exception as error:
        raise RequestError(f"TFDS cannot open the data set {name!r}: {first_line(error)}") from error


def _keys(name, info):
    """The names of the image and of the label in the set's examples."""
    import tensorflow_datasets as tfds

    features = dict(info.features.items())
    pairs = [info.supervised_keys] if info.supervised_keys and len(info.supervised_keys) == 2 else []
    for image_key, label_key in [*pairs, ("image", "label")]:
        if not (isinstance(image_key, str) and isinstance(label_key, str)):
            continue
        image, label = features.get(image_key), features.get(label_key)
        if isinstance(image, tfds.features.Image) and isinstance(label, tfds.features.ClassLabel):
            return image_key, label_key
    raise RequestError(
        f"the data set {name!r} is no image classification: it has no image with a class label, only "
        f"{', '.join(sorted(features))}"
    )


def _shape(name, image, image_size):
    height, width, channels = image.shape
    if image.np_dtype != np.uint8:
        raise RequestError(f"the images of {name!r} are {np.dtype(image.np_dtype).name}; only uint8 is possible")
    if image_size is None:
        if None in image.shape:
            raise RequestError(f"the images of {name!r} differ in size: give image_size, for example image_size=224")
        return height, width, channels
    channels = channels or 3
    if channels not in (1, 3):
        raise RequestError(f"image_size is possible for images of 1 or 3 channels; those of {name!r} have {channels}")
    return image_size, image_size, channels


def _test_part(builder, keys):
    """`test` if it has labels, else `validation`, else None."""
    if "test" in builder.info.splits and all(label >= 0 for _, label in _examples(builder, "test", keys).take(1)):
        return "test"
    return "validation" if "validation" in builder.info.splits else None


def _prepare(name, builder):
    """Downloads the set unless it is there."""
    import tensorflow_datasets as tfds

    if tf.io.gfile.exists(str(builder.data_dir)):
        return
    absl_logging.info("Preparing the data set %s in %s; this may take a while", name, builder.data_dir)
    try:
        host = _unknown_host(builder)
        if host is not None:
            raise OSError(f"no network, {host} is not found")
        with quiet():
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    except ImportError as error:
        raise RequestError(
            f"to prepare the data set {name!r}, TFDS needs the Python package {error.name}: pip install {error.name}"
        ) from error
    except Exception as error:
        raise RequestError(
            f"the data set {name!r} is not in {builder.data_dir} and cannot be prepared there "
            f"({first_line(error)}): set TFDS_DATA_DIR to a folder in which `tfds build {name}` has prepared it"
        ) from error


def _unknown_host(builder):
    """A host that is needed and not found, or None: TFDS would try again and again, for minutes."""
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS or urllib.request.getproxies():
        return None
    hosts = {urllib.parse.urlsplit(url).hostname for url in builder.url_infos or ()} - {None}
    for host in sorted(hosts)[:3]:
        try:
            socket.getaddrinfo(host, 443)
        except OSError:
            return host
    return None
