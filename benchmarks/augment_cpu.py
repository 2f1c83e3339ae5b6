"""Images per second on two CPU cores: our augmentations against Keras, albumentations, torchvision and imgaug.

    pip install albumentations torchvision imgaug opencv-python-headless     # those that are missing are left out
    python benchmarks/augment_cpu.py [--only flip standard] [--sizes 32 224] [--rounds=15] [--json FILE]

In every round each contender augments batches of uint8 images (1024×32×32×3 and 64×224×224×3) for at least a tenth of a
second, one after the other in turn, so that a slow moment of the machine hits all of them. Printed are the medians over
the rounds of images per second and of the ratio ours / the fastest peer, with its middle half. The ratio is to be at
least 0.95 for an operation, 1.5 for `standard`, and 8 for `rand_augment` (there to Keras alone).

All do the same work, so far as a library has it, with parameters of its own for each image:

- Ours and Keras's layers take whole batches, two at a time, in one TensorFlow graph, as in `Dataset.map` with
  `num_parallel_calls=2`, so that both cores work all the time and no batch is a call from Python: in training the
  augmentation is a part of the input pipeline or of the step. Ours give uint8, Keras's float32.
- albumentations takes one image a call. torchvision draws once a call, so it is given one image a call, too, except
  where there is nothing to draw or it draws for each pixel (see augment_peers.py). imgaug takes all images. They run in
  two processes, each with half of each batch and without threads of its own, and hand nothing on, so that the way
  between the processes costs nothing.
- All are given the same four batches in turn, more than the processor's cache holds at 224×224, and make a new array of
  each, as in training, where a batch is on its way to the step while the next one is made.

What is in brackets is less work, and not counted as the fastest peer: it draws once for all images (Keras's RandomCrop
and RandomGaussianBlur, torchvision's MixUp and CutMix) or when the graph is made (the operations of Keras's AugMix).
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import statistics

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from augment_peers import ABSENT, Workers
from optimizers import enough, interleaved

import tf_tricks as tt

CORES = 2
BATCHES = {32: 1024, 224: 64}
IN_TURN = 4  # different batches
PEERS = ["keras", "albumentations", "torchvision", "imgaug"]
TARGETS = {"standard": 1.5, "rand_augment": 8.0}  # at least, ours / the fastest peer
TARGET = 0.95
ONLY_PEER = {"rand_augment": "keras"}
LESS_WORK = {(name, "keras") for name in ("pad_and_crop", "sequence", "standard", "blur", "aug_mix")}
LESS_WORK |= {(name, "torchvision") for name in ("mixup", "cutmix")}
MIXING = ("mixup", "cutmix")


def ours(size):
    """Returns the arguments of our augmentations, by their names."""
    pad, hole = size // 8, size // 2
    small = [{"name": "flip"}, {"name": "pad_and_crop", "pad": pad}, {"name": "cutout", "size": hole}]
    return {
        "flip": {},
        "translation": {"height": 0.1, "width": 0.1},
        "rotation": {"degrees": 20},
        "zoom": {"factor": (0.8, 1.25)},
        "shear": {"x": 0.176, "y": 0.176},
        "pad_and_crop": {"pad": pad},
        "random_resized_crop": {},
        "gaussian_noise": {"stddev": 0.1},
        "cutout": {"size": hole},
        "random_erasing": {"probability": 1.0},
        "mixup": {"alpha": 0.2, "num_classes": 10},
        "cutmix": {"alpha": 1.0, "num_classes": 10},
        "brightness": {"brightness": (0.5, 1.5)},
        "contrast": {"contrast": (0.5, 1.5)},
        "saturation": {"saturation": (0.5, 1.5)},
        "hue": {"hue": 0.1},
        "sharpness": {"sharpness": (0.5, 1.5)},
        "blur": {"sigma": (0.1, 2.0)},
        "solarize": {"threshold": (0.5, 0.5), "probability": 1.0},
        "posterize": {"bits": (4, 4)},
        "equalize": {"probability": 1.0},
        "autocontrast": {"probability": 1.0},
        "invert": {"probability": 1.0},
        "grayscale": {"probability": 1.0},
        "sequence": {"augmentations": small},
        "apply": {"augmentation": "invert", "probability": 0.5},
        "one_of": {"augmentations": [{"name": "invert"}, {"name": "pad_and_crop", "pad": pad}]},
        "standard": {"flip": True, "pad": pad, "cutout": hole},
        "rand_augment": {},
        "trivial_augment": {},
        "aug_mix": {},
    }


def keras_layers(size):
    """Returns Keras's layers by the names of our augmentations."""
    layers, pad, black = keras.layers, size // 8, {"fill_mode": "constant"}

    def small():
        crop = layers.Pipeline([layers.ZeroPadding2D(pad), layers.RandomCrop(size, size)])
        hole = layers.RandomErasing(scale=(0.25, 0.25), fill_value=0.0)
        return layers.Pipeline([layers.RandomFlip("horizontal"), crop, hole])

    return {
        "flip": layers.RandomFlip("horizontal"),
        "translation": layers.RandomTranslation(0.1, 0.1, **black),
        "rotation": layers.RandomRotation(20 / 360, **black),
        "zoom": layers.RandomZoom((-0.2, 0.25), **black),
        "shear": layers.RandomShear(0.176, 0.176, **black),
        "pad_and_crop": layers.Pipeline([layers.ZeroPadding2D(pad), layers.RandomCrop(size, size)]),
        "gaussian_noise": layers.Pipeline([layers.Rescaling(1 / 255), layers.GaussianNoise(0.1)]),
        "cutout": layers.RandomErasing(scale=(0.25, 0.25), fill_value=0.0),
        "random_erasing": layers.RandomErasing(fill_value=0.0),
        "mixup": layers.MixUp(0.2),
        "cutmix": layers.CutMix(),
        "brightness": layers.RandomBrightness(0.5),
        "contrast": layers.RandomContrast(0.5),
        "saturation": layers.RandomSaturation((0.25, 0.75)),
        "hue": layers.RandomHue(0.1),
        "sharpness": layers.RandomSharpness((0.25, 0.75)),
        "blur": layers.RandomGaussianBlur(1.0, 9, 1.0),
        "solarize": layers.Solarization(threshold_factor=(0.5, 0.5)),
        "posterize": layers.RandomPosterization((4, 4)),
        "equalize": layers.Equalization(),
        "autocontrast": layers.AutoContrast(),
        "invert": layers.RandomInvert((1.0, 1.0)),
        "grayscale": layers.RandomGrayscale(1.0),
        "sequence": small(),
        "apply": layers.RandomInvert((0.5, 0.5)),
        "standard": small(),
        "rand_augment": layers.RandAugment(),
        "aug_mix": layers.AugMix(),
    }


def graph_run(augment, batches):
    """Returns a function that augments so many batches, `CORES` at a time, at other places of the stream each time.

    Args:
        augment: a function (images, labels, positions) -> images.
        batches: uint8 [batches, b, height, width, channels].
    """
    batches = tf.constant(batches)
    number_of_batches, size = batches.shape[:2]
    labels = tf.range(size) % 10
    next_batch = 0

    def one(batch):
        positions = batch * size + tf.range(size, dtype=tf.int64)
        augmented = augment(batches[batch % number_of_batches], labels, positions)
        return tf.cast(augmented[0, 0, 0, 0], tf.float32)  # a TensorArray of whole batches would fill the memory

    @tf.function(autograph=False)
    def augment_from(first, number):
        kept = tf.TensorSpec([], tf.float32)
        each = first + tf.range(number)
        return tf.map_fn(one, each, parallel_iterations=CORES, fn_output_signature=kept)

    def run(number):
        nonlocal next_batch
        values = augment_from(tf.constant(next_batch, tf.int64), tf.constant(number, tf.int64)).numpy()
        next_batch += number
        return values

    return run


def our_run(name, size, batches):
    """Returns a function that augments so many batches."""
    augmentation = tt.augment.get({"name": name, **ours(size)[name]})

    def augment(images, labels, positions):
        return augmentation(images, labels, seed=0, positions=positions)[0]

    return graph_run(augment, batches)


def keras_run(name, size, batches):
    """Returns a function that augments so many batches."""
    layers = keras_layers(size)
    if name not in layers:
        raise LookupError(ABSENT)
    layer = layers[name]

    def augment(images, labels, positions):
        if name in MIXING:
            return layer({"images": images, "labels": tf.one_hot(labels, 10)}, training=True)["images"]
        return layer(images, training=True)

    return graph_run(augment, batches)


def contenders(name, size, images, workers, peers):
    """Returns the runs by contender, and why others do not take part."""
    makers = {"ours": lambda: our_run(name, size, images), "keras": lambda: keras_run(name, size, images)}
    runs, notes = {}, {}
    for who in ["ours", *peers]:
        make = makers.get(who, lambda who=who: workers.run_of(who, name))
        try:
            run = make()
            run(1)
            runs[who] = run
        except Exception as error:  # one that fails is not to stop the others
            notes[who] = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return runs, notes


def measure(name, size, images, workers, peers, rounds):
    """Returns what is known of one augmentation: images/s by contender, ratio, target and notes."""
    runs, notes = contenders(name, size, images, workers, peers)
    calls = {who: enough(run) for who, run in runs.items()}
    times = interleaved({who: lambda n, who=who: runs[who](n * calls[who]) for who in runs}, 1, rounds)
    times = {who: [t / calls[who] for t in taken] for who, taken in times.items()}
    speeds = {who: images.shape[1] / statistics.median(taken) for who, taken in times.items()}
    result = {"name": name, "size": size, "images_per_second": speeds, "notes": notes}
    against = [
        who for who in speeds if who in peers and who == ONLY_PEER.get(name, who) and (name, who) not in LESS_WORK
    ]
    if "ours" in speeds and against:
        best = max(against, key=speeds.get)
        ratios = [theirs / own for theirs, own in zip(times[best], times["ours"])]
        quartiles = np.percentile(ratios, [25, 50, 75]).tolist()
        result |= {"best": best, "ratio": quartiles, "target": TARGETS.get(name, TARGET)}
    return result


def row(result, peers):
    """Returns a line of the table."""
    cells = [result["name"]]
    for who in ["ours", *peers]:
        speed = result["images_per_second"].get(who)
        shown = "–" if speed is None else f"{speed:,.0f}"
        cells.append(f"({shown})" if speed and (result["name"], who) in LESS_WORK else shown)
    if "ratio" in result:
        low, ratio, high = result["ratio"]
        missed = "" if ratio >= result["target"] else " **missed**"
        cells += [f"{ratio:.2f} ({low:.2f} to {high:.2f}) {result['best']}", f"{result['target']:g}{missed}"]
    else:
        cells += ["–", "–"]
    return f"| {' | '.join(cells)} |"


def version(package):
    """Returns the name and the version of a package."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} not installed"


def compare(size, names, peers, rounds):
    """Prints the table of one size and returns its results."""
    shape = (BATCHES[size], size, size, 3)
    images = np.random.default_rng(0).integers(0, 256, (IN_TURN, *shape)).astype("uint8")
    workers = Workers(images, CORES)
    results, notes = [], {}
    print(f"\nuint8 batches of {'×'.join(map(str, shape))}, images/s, medians of {rounds} rounds\n")
    print(f"| augmentation | ours | {' | '.join(peers)} | ours / fastest peer (middle half) | target |")
    print(f"|---|{'---:|' * (1 + len(peers))}---|---|", flush=True)
    for name in names:
        result = measure(name, size, images, workers, peers, rounds)
        results.append(result)
        print(row(result, peers), flush=True)
        notes |= {(name, who): note for who, note in result["notes"].items()}
    workers.close()
    for (name, who), note in notes.items():
        if ABSENT not in note:
            print(f"  {name}, {who}: {note}")
    return results


def main():
    """Prints a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(ours(32)), default=list(ours(32)))
    parser.add_argument("--sizes", type=int, nargs="+", choices=list(BATCHES), default=list(BATCHES))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", default=None)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # TensorFlow counts the cores at its first operation; processes inherit them
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    print(", ".join(map(version, ["tensorflow", *PEERS, "opencv-python-headless", "numpy"])))
    peers = [peer for peer in arguments.peers if importlib.util.find_spec(peer)]
    results = []
    for size in arguments.sizes:
        results += compare(size, arguments.only, peers, arguments.rounds)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
