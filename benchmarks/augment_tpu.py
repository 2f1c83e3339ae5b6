"""What augmentations cost on a TPU v5e, by the TPU compiler's own count; no TPU is needed.

    pip install libtpu==0.0.42.1 --no-deps     # beside jax 0.10.2; one process at a time can use it
    python benchmarks/augment_tpu.py [--only rotation rand_augment] [--sizes 32 224] [--markdown]

Each augmentation is compiled by itself (Keras on JAX) for float32 batches of 1024×32×32×3 and of 256×224×224×3. Printed
are the bytes that the compiled program reads and writes, as a multiple of the batch's own bytes, and the compiler's
estimate of the time: an estimate, not a measurement. Beside the multiple is its budget.

Keras's RandomTranslation and RandomRotation are compiled in the same way for 32×32; ours are to access at most a
thousandth of their bytes.
"""

import os

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", TPU_SKIP_MDS_QUERY="1", TF_CPP_MIN_LOG_LEVEL="3")

import argparse
import importlib.metadata
import math

import jax
import jax.numpy as jnp
import keras
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

import tf_tricks as tt

BATCHES = {32: (1024, 32, 32, 3), 224: (256, 224, 224, 3)}
FLIP_AND_CROP = [{"name": "flip"}, {"name": "pad_and_crop"}]
ARGUMENTS = {  # of those that need some
    "sequence": {"augmentations": FLIP_AND_CROP},
    "one_of": {"augmentations": FLIP_AND_CROP},
    "apply": {"augmentation": "flip", "probability": 0.5},
    "mixup": {"num_classes": 10},
    "cutmix": {"num_classes": 10},
    "mixup_or_cutmix": {"num_classes": 10},
    "standard": {"flip": True, "pad": 4, "cutout": 16},
}
BUDGETS = {"zoom": 30, "shear": 40, "rotation": 80, "standard": 30, "rand_augment": 400}  # times the batch's bytes
BUDGET = 20
WITHOUT_BUDGET = ("sequence", "one_of", "apply", "trivial_augment", "aug_mix", "random_resized_crop", "blur")
KERAS = {  # the same as ours by default
    "translation": lambda: keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
    "rotation": lambda: keras.layers.RandomRotation(20 / 360, fill_mode="constant"),
}
FEWER = 1000  # times, ours against Keras's
COLUMNS = "| augmentation | size | times the batch's bytes | budget | estimated ms |  |\n|---|---:|---:|---:|---:|---|"


def compiled_for_tpu(function, *specs):
    """Returns `function` compiled for one v5e chip, for arguments of the given (shape, dtype)s."""
    device = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2").devices[0]
    sharding = SingleDeviceSharding(device)
    specs = [jax.ShapeDtypeStruct(shape, dtype, sharding=sharding) for shape, dtype in specs]
    return jax.jit(function).lower(*specs).compile()


def cost(compiled, shape):
    """Returns bytes accessed as a multiple of the batch's, and the estimated milliseconds, or None if there is none."""
    analysis = compiled.cost_analysis()
    seconds = analysis.get("optimal_seconds", -1.0)
    return analysis["bytes accessed"] / (4 * math.prod(shape)), 1e3 * seconds if seconds > 0 else None


def our_cost(name, shape):
    """Returns the `cost` of one of our augmentations."""
    augmentation = tt.augment.get({"name": name, **ARGUMENTS.get(name, {})})

    def augment(images, labels, low, high):
        return augmentation(images, labels, seed=0, positions=(low, high))

    word = (shape[:1], jnp.uint32)
    return cost(compiled_for_tpu(augment, (shape, jnp.float32), (shape[:1], jnp.int32), word, word), shape)


def keras_cost(name, shape):
    """Returns the `cost` of Keras's layer."""
    layer = KERAS[name]()
    layer.build(shape)

    def augment(images, *state):
        return layer.stateless_call([], list(state), images, training=True)

    state = [(tuple(variable.shape), variable.dtype) for variable in layer.non_trainable_variables]
    return cost(compiled_for_tpu(augment, (shape, jnp.float32), *state), shape)


def line(name, size, times, milliseconds, budget, remark, markdown):
    """Returns a line of the table."""
    milliseconds = None if milliseconds is None else f"{milliseconds:.2f}"
    if markdown:
        cells = [name, size, f"{times:,.1f}", budget or "–", milliseconds or "–", remark]
        return f"| {' | '.join(map(str, cells))} |"
    shown = [f"budget {budget}" if budget else "", f"about {milliseconds} ms" if milliseconds else "", remark]
    return "  ".join([f"{name:<20} {size:>4}  {times:10.1f}×", *filter(None, shown)])


def report(name, size, markdown):
    """Prints what an augmentation costs at one size, and what Keras's does."""
    shape = BATCHES[size]
    times, milliseconds = our_cost(name, shape)
    budget = None if name in WITHOUT_BUDGET else BUDGETS.get(name, BUDGET)
    missed = "MISSED" if budget and times > budget else ""
    print(line(name, size, times, milliseconds, budget, missed, markdown), flush=True)
    if name in KERAS and size == min(BATCHES):
        theirs, milliseconds = keras_cost(name, shape)
        fewer = f"{theirs / times:,.0f} times ours, to be {FEWER}{'' if theirs / times >= FEWER else ' MISSED'}"
        print(line(f"Keras {name}", size, theirs, milliseconds, None, fewer, markdown), flush=True)


def main():
    """Prints a line for each augmentation and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=list(tt.augment.TRICKS))
    parser.add_argument("--sizes", type=int, nargs="+", choices=list(BATCHES), default=list(BATCHES))
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    versions = (f"{package} {importlib.metadata.version(package)}" for package in ("keras", "jax", "libtpu"))
    print(", ".join(versions))
    if arguments.markdown:
        print(f"\n{COLUMNS}")
    for name in arguments.only:
        for size in arguments.sizes:
            try:
                report(name, size, arguments.markdown)
            except Exception as error:  # one that fails is not to stop the others
                said = (str(error).splitlines() or [""])[0][:160]
                print(f"{name:<20} {size:>4}  failed: {type(error).__name__}: {said}", flush=True)


if __name__ == "__main__":
    main()
