"""Does augmentation help? Test error on Fashion-MNIST with few training images, the standard policy against none.

    python benchmarks/augment_accuracy.py [--images 500 5000] [--seeds=5] [--only=fashion_mnist|digits]

For each number of training images and each seed, the same small convnet is trained twice from the same initial weights
on the same images, drawn with that seed, for the same number of epochs (600 and 120): without augmentation, and with
flips, shifts and cutout. Printed are the errors on the 10,000 test images and the ratio of their means, which is to be
at most 0.85.

The second part shows that an augmentation must leave the label true: on scikit-learn's digits a vertical flip turns a 6
into something like a 9, and costs accuracy.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

import tf_tricks as tt

STANDARD = {"name": "standard", "flip": True, "pad": 1, "cutout": 8}
EPOCHS = {500: 600, 5000: 120}  # with fewer, what augmentation adds is not learned yet
TARGET = 0.85


def error(splits, rows, augment, epochs, seed):
    """Returns the test error of a convnet that was trained on the examples `rows`, between 0 and 1."""
    keras.utils.set_random_seed(seed)
    source = splits.train.subset(rows)
    model = tt.models.get(
        {"name": "convnet", "filters": (16, 32, 64), "convolutions": (1, 1, 1)},
        input_shape=source.input_shape,
        num_outputs=source.num_classes,
        input_dtype=source.input_dtype,
        mean=splits.mean,
        variance=splits.variance,
    )
    trainer = tt.Trainer(
        model,
        optimizer={"name": "momentum", "nesterov": True},
        learning_rate=tt.schedules.cosine_decay(0.05, total_epochs=epochs),
        batch_size=50,
        metrics=["accuracy"],
        l2=5e-4,
    )
    trainer.fit(tt.data.Stream(source, seed=seed, augment=tt.augment.get(augment)), epochs, verbose=0)
    return 1 - trainer.evaluate(splits.test)["accuracy"]


def compare(name, splits, number, augments, epochs, seeds):
    """Prints the errors in percent with each of `augments`, dict of name to augmentation, and their ratio."""
    errors = {key: [] for key in augments}
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(splits.train.num_examples)[:number]
        for key, augment in augments.items():
            errors[key].append(error(splits, rows, augment, epochs, seed))
        shown = "  ".join(f"{key} {100 * values[-1]:.2f} %" for key, values in errors.items())
        print(f"{name}, {number} images, seed {seed}: {shown}", flush=True)
    none, with_it = (np.array(values) for values in errors.values())
    spread = np.std(with_it / none, ddof=1) if seeds > 1 else float("nan")
    print(
        f"{name}, {number} images: {100 * none.mean():.2f} % without, {100 * with_it.mean():.2f} % with "
        f"{list(augments)[1]}, ratio {with_it.mean() / none.mean():.3f} (standard deviation over seeds {spread:.3f})",
        flush=True,
    )


def main():
    """Compares on Fashion-MNIST and on the digits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=list(EPOCHS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=["fashion_mnist", "digits"], default=None)
    arguments = parser.parse_args()
    print(f"tensorflow {tf.__version__}, keras {keras.__version__}")
    if arguments.only != "digits":
        splits = tt.data.get({"name": "fashion_mnist", "validation_fraction": 0})
        for number in arguments.images:
            epochs = EPOCHS.get(number, 60)
            compare("fashion_mnist", splits, number, {"none": None, "standard": STANDARD}, epochs, arguments.seeds)
        print(f"(the ratios are to be at most {TARGET})")
    if arguments.only != "fashion_mnist":
        splits = tt.data.get({"name": "digits", "validation_fraction": 0})
        flip = {"name": "flip", "horizontal": False, "vertical": True}
        compare("digits", splits, 500, {"none": None, "vertical flip": flip}, 60, arguments.seeds)


if __name__ == "__main__":
    main()
