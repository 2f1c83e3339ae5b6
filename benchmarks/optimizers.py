"""Time of an update: LARS, LAMB and Momentum against Keras's Adam and SGD; and of a step of SAM, all interleaved.

    python benchmarks/optimizers.py [--parameters 1e6 1e7 1e8] [--tensors 10 1000] [--rounds=15] [--only=updates|sam]

One process; in every round each contender makes the same number of updates on the same gradients, one after the other,
so that a slow moment of the machine hits all of them. The parameters are kernels of equal size, float32, and the
updates run in a loop inside a `tf.function`, as in training. Printed are the median time of an update and the median
over the rounds of the ratios, with their middle half: LARS / Adam is to be at most 1.3, LAMB / Adam 1.5 and Momentum /
Keras SGD with momentum 1.05. The contenders of one size are freed before those of the next are made: 10⁸ parameters
take some 6 GB.

For SAM, whole steps (input, forward, backward, update) of the trainer's compiled loop on the models of trainer.py are
timed with `sam` around `momentum` and with `momentum` alone; the ratio is to be at most 2.1.
"""

import argparse
import gc
import math
import statistics
from collections import deque

import keras
import numpy as np
import tensorflow as tf
from trainer import BATCH_SIZE, MODELS, STEPS, seconds

import tf_tricks as tt
from tf_tricks.engines.objective import Objective
from tf_tricks.engines.tensorflow.loop import Loop
from tf_tricks.training.task import plan_task

OPTIMIZERS = {
    "keras SGD": lambda: keras.optimizers.SGD(1e-3, momentum=0.9),
    "keras Adam": lambda: keras.optimizers.Adam(1e-3),
    "Momentum": lambda: tt.optimizers.Momentum(1e-3),
    "LARS": lambda: tt.optimizers.LARS(1e-3),
    "LAMB": lambda: tt.optimizers.LAMB(1e-3),
}
TARGETS = {("LARS", "keras Adam"): 1.3, ("LAMB", "keras Adam"): 1.5, ("Momentum", "keras SGD"): 1.05}
SECONDS = 0.1  # at least, of each contender in a round


def kernel_shape(size):
    """Returns the most nearly square (rows, columns) with that many elements."""
    rows = next(n for n in range(math.isqrt(size), 0, -1) if size % n == 0)
    return rows, size // rows


def updates_of(make_optimizer, gradients):
    """Returns a function that makes so many updates of new weights by `gradients`."""
    rng = tf.random.Generator.from_seed(0)
    variables = [keras.Variable(rng.normal(g.shape, stddev=0.1), name="kernel") for g in gradients]
    optimizer = make_optimizer()
    optimizer.build(variables)

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
    def updates(number):
        for _ in tf.range(number):
            optimizer.apply(gradients, variables)

    compiled = updates.get_concrete_function()

    def run(number):
        compiled(tf.constant(number))
        variables[-1].value[0, 0].numpy()  # waits for the device

    return run


def interleaved(runs, number, rounds):
    """Returns the seconds that each of `runs` takes for `number` calls or steps, once a round, after a round unseen.

    The order rotates from round to round: what a contender leaves in the caches meets each of the others.
    """
    times = {name: [] for name in runs}
    order = deque(runs.items())
    for i in range(rounds + 1):
        order.rotate(1)
        for name, run in order:
            took = seconds(run, number)
            if i > 0:
                times[name].append(took)
    return times


def enough(run, least=SECONDS):
    """Returns how many updates take at least that long; the first one, which compiles, does not count."""
    run(1)
    return math.ceil(least / seconds(run, 1))


def compared(times, ours, theirs):
    """Returns the median of the ratio ours / theirs and its middle half as text."""
    ratios = [a / b for a, b in zip(times[ours], times[theirs])]
    low, high = np.percentile(ratios, [25, 75])
    return f"{ours} / {theirs}: {statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})"


def milliseconds(times, number):
    """Returns the median time of each contender as text, a line each."""
    return "\n".join(f"  {name:<18} {statistics.median(t) / number * 1e3:9.3f} ms" for name, t in times.items())


def compare_updates(parameters, tensors, rounds):
    """Prints the table of one size."""
    rng = tf.random.Generator.from_seed(1)
    gradients = [rng.normal(kernel_shape(parameters // tensors)) for _ in range(tensors)]
    runs = {name: updates_of(make, gradients) for name, make in OPTIMIZERS.items()}
    number = max(enough(run) for run in runs.values())
    times = interleaved(runs, number, rounds)
    shape = "×".join(map(str, gradients[0].shape))
    print(f"\n{parameters:,} parameters in {tensors} tensors of {shape}, {rounds} rounds of {number} updates")
    print(milliseconds(times, number))
    for (ours, theirs), target in TARGETS.items():
        print(f"  {compared(times, ours, theirs)}, target {target}")


def trainer_steps(make_model, images, labels, optimizer):
    """Returns a function that makes so many steps in the compiled loop of a new `tt.Trainer`."""
    model = make_model()
    trainer = tt.Trainer(model, optimizer, batch_size=BATCH_SIZE, metrics=["sparse_categorical_accuracy"])
    stream = tt.data.Stream((images, labels))
    plan_task(trainer, stream, epochs=1)
    objective = Objective(model, trainer.shares)
    loop = Loop(trainer.strategy, objective, trainer.update, jit_compile=trainer.jit_compile)
    loop.start(stream, BATCH_SIZE, 0)
    return lambda steps: loop.run([0.01] * steps)


def compare_sam(model_name, rounds):
    """Prints the table of one model."""
    steps = max(1, STEPS[model_name] // 4)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (steps * BATCH_SIZE, 28, 28, 1)).astype("uint8")
    labels = rng.integers(0, 10, len(images)).astype("int32")
    optimizers = {"momentum": "momentum", "sam": {"name": "sam", "optimizer": "momentum"}}
    runs = {name: trainer_steps(MODELS[model_name], images, labels, o) for name, o in optimizers.items()}
    times = interleaved(runs, steps, rounds)
    print(f"\n{model_name}, batch {BATCH_SIZE}, {rounds} rounds of {steps} steps")
    print(milliseconds(times, steps))
    print(f"  {compared(times, 'sam', 'momentum')}, target 2.1")


def main():
    """Compares all sizes and models, or some."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parameters", type=float, nargs="+", default=[1e6, 1e7, 1e8])
    parser.add_argument("--tensors", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=["updates", "sam"], default=None)
    arguments = parser.parse_args()
    print(f"tensorflow {tf.__version__}, keras {keras.__version__}")
    if arguments.only != "sam":
        for parameters in arguments.parameters:
            for tensors in arguments.tensors:
                compare_updates(int(parameters), tensors, arguments.rounds)
                gc.collect()
    if arguments.only != "updates":
        for model_name in MODELS:
            compare_sam(model_name, arguments.rounds)


if __name__ == "__main__":
    main()
