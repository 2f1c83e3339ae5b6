"""Folders with prepared stand-ins, and records as TFDS writes them."""

import numpy as np
import pytest
import tensorflow as tf
from support.stand_ins import TinyGray, TinyPairs, TinyPhotos, gray_images, prepare


@pytest.fixture(scope="session")
def tfrecord_folder(tmp_path_factory):
    """A TFDS_DATA_DIR with the sets tiny_gray, tiny_photos and tiny_pairs as TFRecord files."""
    folder = tmp_path_factory.mktemp("tfrecord")
    for builder in (TinyGray, TinyPhotos, TinyPairs):
        prepare(builder, folder, "tfrecord")
    return folder


@pytest.fixture(scope="session")
def array_record_folder(tmp_path_factory):
    """A TFDS_DATA_DIR with the sets tiny_gray and tiny_photos as ArrayRecord files."""
    folder = tmp_path_factory.mktemp("array_record")
    for builder in (TinyGray, TinyPhotos):
        prepare(builder, folder, "array_record")
    return folder


@pytest.fixture
def expected_gray():
    return gray_images


def serialized(image, label):
    """A record as TFDS writes it."""
    features = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


class Records(list):
    def __getitems__(self, keys):
        return [self[key] for key in keys]


@pytest.fixture
def records():
    """Ten records of 30 × 40 images, each of one colour: five times its number, which is its label as well."""
    images = (np.full((30, 40, 3), 5 * i, "uint8") for i in range(10))
    return Records(serialized(tf.io.encode_png(image).numpy(), i) for i, image in enumerate(images))
