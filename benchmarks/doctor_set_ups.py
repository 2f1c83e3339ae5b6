"""The set-ups on which the doctor is measured, two halves of 12 broken and 6 healthy ones.

    python benchmarks/doctor_set_ups.py [--half=1|2] [--only=NAME,NAME]

trains each as it is, and the broken ones also without their fault, and prints how the training ended: that is how we
know which are broken. The second half was written before any of it was shown to the doctor.
"""

import argparse
import time

import keras
import numpy as np
from doctor_half_1 import HALF_1
from doctor_half_2 import HALF_2

import tf_tricks as tt

__all__ = ["HALF_1", "HALF_2", "chosen", "train"]


def chosen(parser):
    """The set-ups that the command line asks for, and the rest of what it says."""
    parser.add_argument("--half", type=int, choices=(1, 2))
    parser.add_argument("--only", help="names, with commas between them", type=lambda text: text.split(","))
    given = parser.parse_args()
    found = {None: HALF_1 + HALF_2, 1: HALF_1, 2: HALF_2}[given.half]
    if given.only:
        unknown = set(given.only) - {set_up.name for set_up in found}
        if unknown:
            parser.error(f"no set-up is called {', '.join(sorted(unknown))}")
        found = [set_up for set_up in found if set_up.name in given.only]
    return found, given


def train(arguments):
    """Trains, and returns in a line how it ended."""
    started = time.perf_counter()
    rest = dict(arguments)
    model, data = rest.pop("model"), rest.pop("data")
    fitted = {name: rest.pop(name, None) for name in ("epochs", "validation", "callbacks", "test")}
    seed, augment = rest.pop("seed"), rest.pop("augment", None)
    try:
        stream = data if isinstance(data, tt.data.Stream) else tt.data.Stream(data, seed=seed, augment=augment)
        history = tt.Trainer(model, **rest).fit(stream, verbose=0, **fitted).history
    except (tt.RequestError, tt.RunError) as error:
        return f"{type(error).__name__}: {error}"
    ends = {name: values[-1] for name, values in history.items() if name not in ("learning_rate", "batch_size")}
    shown = [f"{name} {value:.4f}" for name, value in ends.items() if np.ndim(value) == 0]
    shown.append(f"constant {baseline(stream, fitted['validation'])}")
    recalls = recall(model, fitted["validation"])
    return ", ".join([*shown, *recalls, f"{time.perf_counter() - started:.0f} s"])


def baseline(stream, validation):
    """What the best constant answer reaches: the share of the largest class, or the variance."""
    labels = np.asarray(validation[1])
    if labels.dtype.kind == "f" and len(np.unique(labels)) > 2:
        return f"{np.mean(np.square(labels - labels.mean(axis=0))):.3f}"
    return f"{np.unique(labels, return_counts=True)[1].max() / len(labels):.3f}"


def recall(model, validation):
    """The mean over the classes of the share that is found, where there are classes."""
    inputs, labels = validation[:2]
    outputs = model.predict(inputs, verbose=0)
    if labels.dtype.kind not in "iu" or np.ndim(labels) > 1 or np.ndim(outputs) != 2 or outputs.shape[1] < 2:
        return []
    found = outputs.argmax(axis=1) == labels
    return [f"mean recall {np.mean([found[labels == k].mean() for k in np.unique(labels)]):.4f}"]


def main():
    """Trains and prints."""
    for set_up in chosen(argparse.ArgumentParser(description=__doc__.splitlines()[0]))[0]:
        for fault in (True, False) if set_up.expected else (True,):
            keras.utils.set_random_seed(0)
            kind = "healthy" if not set_up.expected else ("broken" if fault else "mended")
            arguments = set_up.make(fault) if set_up.expected else set_up.make()
            print(f"{set_up.name} {kind}: {train(arguments)}", flush=True)
            keras.backend.clear_session()


if __name__ == "__main__":
    main()
