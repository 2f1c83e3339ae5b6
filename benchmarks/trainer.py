"""Time of a training step: this trainer, a hand-written loop, `keras.Model.fit` and PyTorch eager, interleaved.

    python benchmarks/trainer.py [--model=mlp|convnet] [--rounds=15]

One process; in every round each contender trains the same number of steps on the same data, one after the other, so
that a slow moment of the machine hits all of them. Printed are the median time of a step and the median over the rounds
of the ratio trainer / contender. All of them compute loss and accuracy as they go. `fit` is tried with every
combination of steps_per_execution and jit_compile first and runs with the best. PyTorch takes part where it is
installed (`pip install torch`).
"""

import argparse
import itertools
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import tf_tricks as tt

BATCH_SIZE = 128
STEPS = {"mlp": 468, "convnet": 24}


def mlp():
    """784-128-128-10."""
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Rescaling(1 / 255), layers.Flatten()]
        + [layers.Dense(128, activation="relu"), layers.Dense(128, activation="relu"), layers.Dense(10)]
    )


def convnet():
    """Three conv-BN-ReLU layers of 32, 64 and 128 filters on 28×28 images, the last two with stride 2."""
    layers = keras.layers
    stack = [keras.Input((28, 28, 1)), layers.Rescaling(1 / 255)]
    for filters, strides in [(32, 1), (64, 2), (128, 2)]:
        stack += [layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)]
        stack += [layers.BatchNormalization(), layers.ReLU()]
    return keras.Sequential([*stack, layers.GlobalAveragePooling2D(), layers.Dense(10)])


MODELS = {"mlp": mlp, "convnet": convnet}


def parts(make_model):
    """Returns fresh (model, optimizer, loss, accuracy)."""
    return (
        make_model(),
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
    )


def batches(images, labels):
    """The input pipeline that TensorFlow's guides teach."""
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(10_000).repeat()
    return dataset.batch(BATCH_SIZE, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def hand_written(make_model, images, labels):
    """A `tf.function` that loops over the steps, as in TensorFlow's guide to custom training."""
    model, optimizer, loss, accuracy = parts(make_model)
    optimizer.build(model.trainable_variables)
    mean_loss = keras.metrics.Mean()
    iterator = iter(batches(images, labels))

    @tf.function
    def train(iterator, steps):
        for _ in tf.range(steps):
            inputs, targets = next(iterator)
            with tf.GradientTape() as tape:
                outputs = model(inputs, training=True)
                value = loss(targets, outputs)
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables))
            mean_loss.update_state(value)
            accuracy.update_state(targets, outputs)

    def run(steps):
        train(iterator, tf.constant(steps))
        return float(mean_loss.result()), float(accuracy.result())

    return run


def fit(make_model, images, labels, steps_per_execution, jit_compile):
    """`keras.Model.fit`."""
    model, optimizer, loss, accuracy = parts(make_model)
    model.compile(optimizer, loss, metrics=[accuracy], steps_per_execution=steps_per_execution, jit_compile=jit_compile)
    dataset = batches(images, labels)
    return lambda steps: model.fit(dataset, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)


def best_fit(make_model, images, labels, steps):
    """Returns the fastest setting of `fit`, and its name."""
    candidates = {}
    for steps_per_execution, jit_compile in itertools.product((1, steps // 4, steps), (False, True)):
        run = fit(make_model, images, labels, steps_per_execution, jit_compile)
        run(steps)
        name = f"keras fit (steps_per_execution={steps_per_execution}, jit_compile={jit_compile})"
        candidates[name] = (min(seconds(run, steps) for _ in range(3)), run)
    name = min(candidates, key=lambda key: candidates[key][0])
    return name, candidates[name][1]


def pytorch(model_name, images, labels):
    """The same in PyTorch, eager; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    nn = torch.nn
    if model_name == "mlp":
        net = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
        net.append(nn.Linear(128, 10))
    else:
        net, inputs = nn.Sequential(), 1
        for filters, stride in [(32, 1), (64, 2), (128, 2)]:
            net.extend([nn.Conv2d(inputs, filters, 3, stride, padding=1, bias=False), nn.BatchNorm2d(filters)])
            net.append(nn.ReLU())
            inputs = filters
        net.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)])
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    y = torch.from_numpy(labels.astype("int64"))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()

    def run(steps):
        order, total, correct = torch.randperm(len(x)), torch.zeros(()), torch.zeros((), dtype=torch.long)
        for i in range(steps):
            index = order[i * BATCH_SIZE % len(x) :][:BATCH_SIZE]
            targets = y[index]
            outputs = net(x[index].float() / 255)
            value = loss_of(outputs, targets)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.detach()
            correct += (outputs.detach().argmax(1) == targets).sum()
        return float(total), int(correct)

    return run


def seconds(run, steps):
    """Returns how long `run(steps)` takes."""
    began = time.perf_counter()
    run(steps)
    return time.perf_counter() - began


class Rounds(keras.callbacks.Callback):
    """Times each epoch of the trainer and lets the others run between two of them."""

    def __init__(self, others, steps):
        super().__init__()
        self.others = others
        self.steps = steps
        self.times = {name: [] for name in ["tf_tricks", *others]}

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Stops the clock; the first two epochs compile and find the length of a call, and do not count."""
        took = time.perf_counter() - self.began
        if epoch >= 2:
            self.times["tf_tricks"].append(took)
            for name, run in self.others.items():
                self.times[name].append(seconds(run, self.steps))


def compare(model_name, rounds):
    """Prints the table of one model."""
    steps, make_model = STEPS[model_name], MODELS[model_name]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (steps * BATCH_SIZE, 28, 28, 1)).astype("uint8")
    labels = rng.integers(0, 10, len(images)).astype("int32")
    others = {"hand-written loop": hand_written(make_model, images, labels)}
    fit_name, others["keras fit"] = best_fit(make_model, images, labels, steps)
    others["pytorch eager"] = pytorch(model_name, images, labels)
    others = {name: run for name, run in others.items() if run is not None}
    for run in others.values():
        run(steps)
    model, optimizer, loss, accuracy = parts(make_model)
    trainer = tt.Trainer(model, optimizer, 0.01, BATCH_SIZE, loss, [accuracy])
    clock = Rounds(others, steps)
    trainer.fit((images, labels), epochs=rounds + 2, callbacks=[clock], verbose=0)
    print(f"\n{model_name}, batch {BATCH_SIZE}, {rounds} rounds of {steps} steps; {fit_name}")
    for name, times in clock.times.items():
        ratios = [ours / theirs for ours, theirs in zip(clock.times["tf_tricks"], times)]
        low, high = np.percentile(ratios, [25, 75])
        print(
            f"  {name:<18} {statistics.median(times) / steps * 1e3:8.3f} ms a step   "
            f"tf_tricks / it: {statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})"
        )


def main():
    """Compares on one model or on both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default=None)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    print(f"tensorflow {tf.__version__}, keras {keras.__version__}")
    for model_name in [arguments.model] if arguments.model else MODELS:
        compare(model_name, arguments.rounds)


if __name__ == "__main__":
    main()
