"""Pictures a second that come out of a folder: `folder`, the `tf.data` of TensorFlow's guide, PyTorch's DataLoader.

    python benchmarks/input.py [--images=20000] [--rounds=9] [--folder=DIR]

JPEG files of 256 × 256 pixels, made from CIFAR-10 by resizing (from scikit-learn's two photos where CIFAR-10 is not
prepared, see `TFDS_DATA_DIR`), are decoded, cropped at random, resized to 224 × 224 and flipped, in batches of 64. In
one process; in every round each contender is started anew and gives the same number of batches, one after the other.
Printed are the median rate, the median over the rounds of the ratios of rates, how many pictures a second of one core
is enough for, how the resident memory grows over epochs, and how long the first batch takes at a position in the
middle. PyTorch takes part where it and torchvision are
installed (`pip install torch torchvision`); its workers are processes, whose memory is not counted.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

import tf_tricks as tt

BATCH_SIZE, SIZE, BATCHES, AHEAD = 64, 224, 30, 4


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, default=None, help="where the pictures are, or are to be made")
    arguments = parser.parse_args()
    print(f"tensorflow {tf.__version__}, {os.cpu_count()} cores, {arguments.images} pictures")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        make_pictures(folder, arguments.images)
        start = time.perf_counter()
        stream = make_stream(folder)
        print(f"from the folder to the stream: {time.perf_counter() - start:.1f} s")
        rates(folder, stream, arguments.rounds)
        resume(stream)
        memory(stream)


def make_pictures(folder, number):
    """Writes JPEG files into a sub-folder for each class, unless they are there."""
    if len(list(folder.glob("*/*.jpg"))) == number:
        return
    images, labels = small_images(number)
    for i in tqdm(range(number), "making pictures", disable=None):
        place = folder / f"class_{labels[i]}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[i]).resize((256, 256), Image.Resampling.BICUBIC).save(place / f"{i:06}.jpg", quality=90)


def small_images(number):
    """Images of 32 × 32 pixels, and their classes."""
    try:
        source = tt.data.get({"name": "cifar10", "validation_fraction": 0}).train
    except tt.RequestError:
        from tf_tricks.commands.preview import photos

        places = np.random.RandomState(0).randint(0, 96, (number, 2))
        images = photos()
        return [images[i % 2][y : y + 32, x : x + 32] for i, (y, x) in enumerate(places)], np.arange(number) % 2
    indices = tf.range(number, dtype=tf.int64) % source.num_examples
    return [array.numpy() for array in source.fetch(indices, indices)]


def make_stream(folder):
    """The data set `folder`."""
    splits = tt.data.get(
        {
            "name": "folder",
            "path": str(folder),
            "image_size": SIZE,
            "resize": "random_resized_crop",
            "validation_fraction": 0,
        }
    )
    return tt.data.Stream(splits.train, augment=tt.augment.get("flip"), augment_on="host")


def of_the_guide(folder):
    """The input pipeline of TensorFlow's guide "Load and preprocess images", with the crop of the papers."""
    names = tf.constant(sorted(os.listdir(folder)))

    def load(path):
        label = tf.argmax(tf.strings.split(path, os.sep)[-2] == names)
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.shape(image),
            tf.zeros([1, 0, 4]),
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.08, 1.0),
            max_attempts=100,
            use_image_if_no_bounding_boxes=True,
        )
        image = tf.image.resize(tf.slice(image, begin, size), [SIZE, SIZE])
        return tf.image.random_flip_left_right(tf.ensure_shape(image, [SIZE, SIZE, 3])), label

    files = tf.data.Dataset.list_files(str(folder / "*/*.jpg"), shuffle=True).repeat()
    return files.map(load, tf.data.AUTOTUNE).batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE)


def of_torch(folder):
    """PyTorch's DataLoader with torchvision; None where they are not installed."""
    try:
        import torch

        # Beside a torch for the CPU only, torchvision cannot load its operators, and asks for two of them: declared.
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from torchvision import datasets, transforms
    except ImportError:
        return None
    steps = [transforms.RandomResizedCrop(SIZE), transforms.RandomHorizontalFlip(), transforms.PILToTensor()]
    pictures = datasets.ImageFolder(str(folder), transforms.Compose(steps))
    loader = torch.utils.data.DataLoader(pictures, BATCH_SIZE, shuffle=True, num_workers=os.cpu_count(), drop_last=True)
    return loader


def rates(folder, stream, rounds):
    """Prints the pictures a second of each contender, and the ratios."""
    loader = of_torch(folder)
    contenders = {"tf_tricks": stream.dataset(BATCH_SIZE), "tf.data guide": of_the_guide(folder)}
    contenders |= {} if loader is None else {"torch DataLoader": loader}
    seconds, cores = {name: [] for name in contenders}, []
    for _ in range(rounds):
        for name, pipeline in contenders.items():
            batches = iter(pipeline)  # a new one: none has made batches ahead while another was measured
            for _ in range(AHEAD):
                next(batches)
            start, busy = time.perf_counter(), time.process_time()
            for _ in range(BATCHES):
                next(batches)
            seconds[name].append(time.perf_counter() - start)
            if name == "tf_tricks":
                cores.append(time.process_time() - busy)
            del batches
    for name, values in seconds.items():
        ratios = [theirs / ours for theirs, ours in zip(values, seconds["tf_tricks"])]
        rate = BATCHES * BATCH_SIZE / statistics.median(values)
        print(f"  {name:<18} {rate:7.0f} pictures/s   tf_tricks / it: {statistics.median(ratios):.3f}")
    print(f"  tf_tricks, a second of one core: {BATCHES * BATCH_SIZE / statistics.median(cores):.0f} pictures")


def resume(stream):
    """Prints how long the first batch takes at a position in the middle of an epoch."""
    for k in (0, 3 * stream.source.num_examples + stream.source.num_examples // 2):
        start = time.perf_counter()
        next(iter(stream.dataset(BATCH_SIZE, k)))
        print(f"  first batch at position {k}: {time.perf_counter() - start:.2f} s")


def memory(stream, epochs=5, batches_an_epoch=60):
    """Prints the resident memory after the first and after the last of some shortened epochs."""
    batches, sizes = iter(stream.dataset(BATCH_SIZE)), []
    for _ in range(epochs):
        for _ in range(batches_an_epoch):
            next(batches)
        sizes.append(psutil.Process().memory_info().rss / 1e6)
    print(f"  resident memory: {sizes[0]:.0f} MB after the first part, {sizes[-1]:.0f} MB after the last of {epochs}")


if __name__ == "__main__":
    main()
