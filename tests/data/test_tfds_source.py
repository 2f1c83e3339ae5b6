"""TFDS sets, with tiny stand-ins: in memory, from the disk, and all that can be missing or broken."""

import shutil
import socket

import numpy as np
import pytest
import tensorflow_datasets as tfds
from support.batches import everything

from tf_tricks import data
from tf_tricks.errors import RequestError


def get(name, folder, **arguments):
    return data.get({"name": name, "data_dir": str(folder), **arguments})


class TinyDownload(tfds.core.GeneratorBasedBuilder):
    """A set whose download ends as `outcome` says."""

    VERSION = tfds.core.Version("1.0.0")
    url_infos = {"https://tiny.invalid/images.zip": None}
    outcome = None

    def _info(self):
        features = {"image": tfds.features.Image(shape=(28, 28, 1)), "label": tfds.features.ClassLabel(num_classes=2)}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        if self.outcome is not None:
            raise self.outcome
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(10):
            yield i, {"image": np.zeros((28, 28, 1), "uint8"), "label": i % 2}


@pytest.fixture
def online(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [])


@pytest.fixture
def offline(monkeypatch):
    def fail(*_):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_images_of_one_size_are_read_as_they_are(request, file_format, expected_gray):
    splits = get("tiny_gray", request.getfixturevalue(f"{file_format}_folder"), validation_fraction=0.25)
    for parts, expected in [((splits.train, splits.validation), "train"), ((splits.test,), "test")]:
        images = np.concatenate([everything(part)[0] for part in parts])
        np.testing.assert_array_equal(images[np.argsort(images[:, 0, 0, 0])], expected_gray(expected))


def test_labels_stay_with_their_images(tfrecord_folder):
    images, labels = everything(get("tiny_gray", tfrecord_folder).train)
    np.testing.assert_array_equal(labels, images[:, 0, 0, 0] % 4)


def test_the_source_knows_shape_and_classes(tfrecord_folder):
    splits = get("tiny_gray", tfrecord_folder)
    assert (splits.train.input_shape, splits.train.input_dtype) == ((28, 28, 1), "uint8")
    assert (splits.train.num_classes, splits.train.label_names) == (4, ["zero", "one", "two", "three"])
    assert (splits.name, splits.train.num_examples, splits.validation.num_examples) == ("tiny_gray", 36, 4)


def test_the_environment_names_the_folder(tfrecord_folder, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfrecord_folder))
    assert data.get("tiny_gray").test.num_examples == 12


def test_the_seed_moves_examples_between_training_and_validation_only(tfrecord_folder):
    one, other = (data.get({"name": "tiny_gray", "data_dir": str(tfrecord_folder)}, seed=seed) for seed in (0, 1))
    assert not np.array_equal(everything(one.validation)[0], everything(other.validation)[0])
    np.testing.assert_array_equal(everything(one.test)[0], everything(other.test)[0])


def test_without_a_validation_fraction_there_is_no_validation_part(tfrecord_folder):
    splits = get("tiny_gray", tfrecord_folder, validation_fraction=0)
    assert (splits.train.num_examples, splits.validation) == (40, None)


def test_mean_and_variance_are_those_of_the_training_part(tfrecord_folder):
    splits = get("tiny_gray", tfrecord_folder, validation_fraction=0.5)
    images = everything(splits.train)[0].astype("float64")
    np.testing.assert_allclose((splits.mean, splits.variance), ([images.mean()], [images.var()]), rtol=1e-12)


def test_small_images_are_resized_in_memory(tfrecord_folder):
    splits = get("tiny_gray", tfrecord_folder, image_size=7)
    assert isinstance(splits.train, data.ArraySource)
    assert splits.train.input_shape == (7, 7, 1)


def test_photos_that_fit_are_resized_in_memory(tfrecord_folder):
    splits = get("tiny_photos", tfrecord_folder, image_size=8)
    images, labels = everything(splits.train)
    assert isinstance(splits.train, data.ArraySource)
    np.testing.assert_allclose(images, 60.0 * labels[:, None, None, None] * np.ones((8, 8, 3)), atol=2)


def test_validation_serves_as_test_where_the_test_part_has_no_labels(tfrecord_folder):
    assert get("tiny_photos", tfrecord_folder, image_size=8).test.num_examples == 8


@pytest.fixture
def photos_on_disk(array_record_folder):
    return get("tiny_photos", array_record_folder, image_size=8, resize="random_resized_crop", validation_fraction=0.25)


def test_memory_and_disk_give_the_same_images(array_record_folder):
    one, other = (get("tiny_photos", array_record_folder, image_size=8, memory_budget=limit) for limit in (1e9, 0))
    assert [type(splits.train) for splits in (one, other)] == [data.ArraySource, data.EncodedSource]
    for part in ("train", "validation", "test"):
        for ours, theirs in zip(everything(getattr(one, part)), everything(getattr(other, part))):
            np.testing.assert_array_equal(ours, theirs)


def test_photos_that_are_cropped_at_random_stay_encoded(photos_on_disk):
    parts = photos_on_disk.train, photos_on_disk.validation, photos_on_disk.test
    assert {type(part) for part in parts} == {data.EncodedSource}
    assert [part.num_examples for part in parts] == [18, 6, 8]


def test_encoded_photos_stay_with_their_labels(photos_on_disk):
    for part in (photos_on_disk.train, photos_on_disk.validation, photos_on_disk.test):
        images, labels = everything(part)
        np.testing.assert_allclose(images, 60.0 * labels[:, None, None, None] * np.ones((8, 8, 3)), atol=2)


def test_training_and_validation_share_no_photo(photos_on_disk):
    counts = [
        np.bincount(everything(part)[1], minlength=4) for part in (photos_on_disk.train, photos_on_disk.validation)
    ]
    np.testing.assert_array_equal(sum(counts), [6, 6, 6, 6])


def test_the_statistics_of_encoded_photos_are_close_to_those_of_all(photos_on_disk):
    images = everything(photos_on_disk.train)[0].astype("float64")
    np.testing.assert_allclose(photos_on_disk.mean, images.mean(axis=(0, 1, 2)), atol=2)
    np.testing.assert_allclose(photos_on_disk.variance, images.var(axis=(0, 1, 2)), rtol=0.05)


def test_encoded_photos_need_random_access(tfrecord_folder):
    with pytest.raises(RequestError, match="build it with `tfds build tiny_photos --file_format=array_record`"):
        get("tiny_photos", tfrecord_folder, image_size=8, memory_budget=100)


def test_large_images_without_a_size_get_a_sentence(tfrecord_folder):
    with pytest.raises(RequestError, match=r"needs 4\.08e\+04 bytes of memory and memory_budget is 100: raise"):
        get("tiny_gray", tfrecord_folder, memory_budget=100)


def test_photos_without_a_size_get_a_sentence(tfrecord_folder):
    with pytest.raises(RequestError, match="the images of 'tiny_photos' differ in size: give image_size"):
        get("tiny_photos", tfrecord_folder)


def test_a_set_without_images_gets_a_sentence(tfrecord_folder):
    with pytest.raises(RequestError, match=r"'tiny_pairs' is no image classification: .* only answer, question"):
        get("tiny_pairs", tfrecord_folder)


@pytest.mark.parametrize(
    ("name", "nearest"), [("cifar1o", "cifar10"), ("digitz", "digits"), ("fashion_mnis", "fashion_mnist")]
)
def test_a_misspelt_name_gets_the_nearest(tmp_path, name, nearest):
    with pytest.raises(RequestError, match=f"there is no data set '{name}'; did you mean '{nearest}'"):
        get(name, tmp_path)


def test_an_unknown_configuration_gets_a_sentence(tmp_path):
    with pytest.raises(RequestError, match="TFDS cannot open the data set 'cifar10/large'"):
        get("cifar10/large", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"image_size": 0}, "image_size must be an integer at least 1, not 0"),
        ({"memory_budget": -1}, "memory_budget must be a number at least 0, not -1"),
        ({"validation_fraction": 1}, "validation_fraction must be a number at least 0 and below 1, not 1"),
        ({"validation_fraction": 0.001}, "leaves 40 for training and 0 for validation"),
        ({"imagesize": 8}, "'imagesize'; did you mean 'image_size'"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(tfrecord_folder, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        get("tiny_gray", tfrecord_folder, **arguments)


def test_a_set_that_is_not_there_is_prepared(tmp_path, online, capsys):
    assert get("tiny_download", tmp_path).train.num_examples == 9
    assert capsys.readouterr().out == ""


def test_without_a_network_the_sentence_says_what_is_missing_and_what_helps(tmp_path, offline):
    with pytest.raises(RequestError) as caught:
        get("tiny_download", tmp_path)
    assert str(caught.value) == (
        f"the data set 'tiny_download' is not in {tmp_path}/tiny_download/1.0.0 and cannot be prepared there (no "
        "network, tiny.invalid is not found): set TFDS_DATA_DIR to a folder in which `tfds build tiny_download` has "
        "prepared it"
    )


def test_without_a_network_nothing_is_written(tmp_path, offline):
    with pytest.raises(RequestError):
        get("tiny_download", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (OSError("404 for https://tiny.invalid/images.zip\nmore"), r"\(404 for https://tiny.invalid/images.zip\)"),
        (AssertionError(), r"cannot be prepared there \(AssertionError\): set TFDS_DATA_DIR"),
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), "needs the Python package cv2: pip install cv2"),
    ],
)
def test_a_failed_download_gets_a_sentence(tmp_path, online, monkeypatch, outcome, sentence):
    monkeypatch.setattr(TinyDownload, "outcome", outcome)
    with pytest.raises(RequestError, match=sentence):
        get("tiny_download", tmp_path)


@pytest.fixture(params=["tfrecord", "array_record"])
def copy_to_break(request, tmp_path):
    """A copy of tiny_gray: its folder, and the file of its training examples."""
    shutil.copytree(request.getfixturevalue(f"{request.param}_folder") / "tiny_gray", tmp_path / "tiny_gray")
    (file,) = (tmp_path / "tiny_gray/1.0.0").glob(f"tiny_gray-train.{request.param}*")
    return tmp_path, file


def damaged(folder):
    return pytest.raises(RequestError, match=f"the data set in {folder}/tiny_gray/1.0.0 is damaged or incomplete")


def test_a_truncated_file_gets_a_sentence(copy_to_break):
    folder, file = copy_to_break
    file.write_bytes(file.read_bytes()[:-1000])
    with damaged(folder):
        get("tiny_gray", folder)


def test_a_file_with_a_changed_byte_gets_a_sentence(copy_to_break):
    folder, file = copy_to_break
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    with damaged(folder):
        get("tiny_gray", folder)


def test_a_missing_file_gets_a_sentence(copy_to_break):
    folder, file = copy_to_break
    file.unlink()
    with damaged(folder):
        get("tiny_gray", folder)


def test_a_damaged_description_gets_a_sentence(copy_to_break):
    folder, file = copy_to_break
    (file.parent / "dataset_info.json").write_text("{")
    with pytest.raises(RequestError, match="'tiny_gray'"):
        get("tiny_gray", folder)
