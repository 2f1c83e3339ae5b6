"""Time of a training step on both engines: this trainer, hand-written loops, `keras.Model.fit`, PyTorch; interleaved.

    python benchmarks/engines.py [--model=mlp|convnet] [--rounds=15] [--device=cpu]

Each contender is a process of its own that waits for its turn: in every round each trains the same number of steps on
the same data, one after the other, so that a slow moment of the machine hits all of them. Printed are the median time
of a step and, for each engine, the median over the rounds of the ratio trainer / contender. All of them compute loss
and accuracy as they go. `fit` is tried with several steps_per_execution and with jit_compile first, and runs with the
best. PyTorch takes part where it is installed (`pip install torch`).
"""

import argparse
import importlib.util
import itertools
import multiprocessing
import os
import statistics
import time

BATCH_SIZE = 128
STEPS = {"mlp": 468, "convnet": 24}
CONTENDERS = {
    "tf_tricks on tensorflow": ("tensorflow", "trainer"),
    "tf_tricks on jax": ("jax", "trainer"),
    "tf.function by hand": ("tensorflow", "tensorflow_by_hand"),
    "jax.jit by hand": ("jax", "jax_by_hand"),
    "keras fit on tensorflow": ("tensorflow", "fit"),
    "keras fit on jax": ("jax", "fit"),
    "pytorch eager": ("torch", "pytorch"),
}


def mlp():
    """784-128-128-10."""
    from keras import Input, Sequential, layers

    stack = [Input((28, 28, 1)), layers.Rescaling(1 / 255), layers.Flatten()]
    stack += [layers.Dense(128, activation="relu"), layers.Dense(128, activation="relu")]
    return Sequential([*stack, layers.Dense(10)])


def convnet():
    """Three conv-BN-ReLU layers of 32, 64 and 128 filters on 28×28 images, the last two with stride 2."""
    from keras import Input, Sequential, layers

    stack = [Input((28, 28, 1)), layers.Rescaling(1 / 255)]
    for filters, strides in [(32, 1), (64, 2), (128, 2)]:
        stack += [layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)]
        stack += [layers.BatchNormalization(), layers.ReLU()]
    return Sequential([*stack, layers.GlobalAveragePooling2D(), layers.Dense(10)])


MODELS = {"mlp": mlp, "convnet": convnet}


def parts(model_name):
    """Returns fresh (model, optimizer, loss, accuracy)."""
    import keras

    return (
        MODELS[model_name](),
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
    )


def examples(model_name):
    """Returns images and labels, as many as an epoch of this benchmark has."""
    import numpy as np

    rng = np.random.default_rng(0)
    number = STEPS[model_name] * BATCH_SIZE
    return rng.integers(0, 256, (number, 28, 28, 1)).astype("uint8"), rng.integers(0, 10, number).astype("int32")


def batches(images, labels):
    """The input pipeline that TensorFlow's guides teach."""
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(10_000).repeat()
    return dataset.batch(BATCH_SIZE, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def timed(run, steps, connection):
    """Runs `run(steps)` whenever it is this process's turn, and sends the seconds that it took."""
    while connection.recv():
        began = time.perf_counter()
        run(steps)
        connection.send(time.perf_counter() - began)


def trainer(model_name, device, connection):
    """`tt.Trainer`; a turn is an epoch."""
    import keras

    import tf_tricks as tt

    class Turns(keras.callbacks.Callback):
        """Waits for its turn before an epoch; the first two compile and find the length of a call."""

        def on_epoch_begin(self, epoch, logs=None):
            if epoch >= 2:
                self.model.stop_training = not connection.recv()
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            if epoch >= 2:
                connection.send(time.perf_counter() - self.began)
            elif epoch == 1:
                connection.send(0.0)

    strategy = tt.strategy(device)
    with strategy.scope():
        model, optimizer, loss, accuracy = parts(model_name)
    made = tt.Trainer(model, optimizer, 0.01, BATCH_SIZE, loss, [accuracy], strategy=strategy)
    made.fit(examples(model_name), epochs=1000, callbacks=[Turns()], verbose=0)


def tensorflow_by_hand(model_name, device, connection):
    """A `tf.function` that loops over the steps, as in TensorFlow's guide to custom training."""
    import keras
    import tensorflow as tf

    model, optimizer, loss, accuracy = parts(model_name)
    optimizer.build(model.trainable_variables)
    mean_loss = keras.metrics.Mean()
    iterator = iter(batches(*examples(model_name)))

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

    run(STEPS[model_name])
    connection.send(0.0)
    timed(run, STEPS[model_name], connection)


def jax_by_hand(model_name, device, connection):
    """A jitted step with a donated state, as in Keras's guide to custom training with JAX."""
    import jax

    model, optimizer, loss, accuracy = parts(model_name)
    optimizer.build(model.trainable_variables)

    def loss_of(trainable, other, x, y):
        outputs, other = model.stateless_call(trainable, other, x, training=True)
        return loss(y, outputs), (outputs, other)

    gradient = jax.value_and_grad(loss_of, has_aux=True)

    def step(state, x, y):
        trainable, other, slots, metrics, total = state
        (value, (outputs, other)), gradients = gradient(trainable, other, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        metrics = accuracy.stateless_update_state(metrics, y, outputs)
        return trainable, other, slots, metrics, total + value

    compiled = jax.jit(step, donate_argnums=0)
    iterator = batches(*examples(model_name)).as_numpy_iterator()
    variables = model.trainable_variables, model.non_trainable_variables, optimizer.variables, accuracy.variables
    state = [*([v.value for v in group] for group in variables), jax.numpy.zeros(())]
    state = tuple(state)

    def run(steps):
        nonlocal state
        for _ in range(steps):
            state = compiled(state, *next(iterator))
        return float(state[-1])

    run(STEPS[model_name])
    connection.send(0.0)
    timed(run, STEPS[model_name], connection)


def fit(model_name, device, connection):
    """`keras.Model.fit` with what is fastest of its settings."""
    steps = STEPS[model_name]
    images, labels = examples(model_name)
    candidates = []
    for at_once, jit_compile in itertools.product((1, steps // 4, steps), (False, True)):
        model, optimizer, loss, accuracy = parts(model_name)
        model.compile(optimizer, loss, metrics=[accuracy], steps_per_execution=at_once, jit_compile=jit_compile)
        data = batches(images, labels)

        def run(steps, model=model, data=data):
            model.fit(data, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)

        run(steps)
        took = []
        for _ in range(3):
            began = time.perf_counter()
            run(steps)
            took.append(time.perf_counter() - began)
        candidates.append((min(took), run))
    connection.send(0.0)
    timed(min(candidates, key=lambda pair: pair[0])[1], steps, connection)


def pytorch(model_name, device, connection):
    """The same in PyTorch, eager."""
    import torch

    nn = torch.nn
    images, labels = examples(model_name)
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

    run(STEPS[model_name])
    connection.send(0.0)
    timed(run, STEPS[model_name], connection)


def start(name, model_name, device):
    """Returns the connection to a contender's process."""
    backend, function = CONTENDERS[name]
    os.environ["KERAS_BACKEND"] = "tensorflow" if backend == "torch" else backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["JAX_PLATFORMS"] = device
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    arguments = globals()[function], model_name, device, theirs
    process = multiprocessing.get_context("spawn").Process(target=call, args=arguments, daemon=True)
    process.start()
    theirs.close()
    ours.recv()  # it has compiled
    return ours


def call(function, *arguments):
    """Calls a contender; a connection that ends is its end."""
    try:
        function(*arguments)
    except EOFError:
        pass


def compare(model_name, rounds, device):
    """Prints the table of one model."""
    steps = STEPS[model_name]
    there = [n for n in CONTENDERS if n != "pytorch eager" or importlib.util.find_spec("torch")]
    connections = {name: start(name, model_name, device) for name in there}
    times = {name: [] for name in there}
    for _ in range(rounds):
        for name, connection in connections.items():
            connection.send(True)
            times[name].append(connection.recv())
    print(f"\n{model_name}, batch {BATCH_SIZE}, {rounds} rounds of {steps} steps")
    print(f"  {'':<24} {'ms a step':>10}   {'tensorflow engine / it':>23}   {'jax engine / it':>16}")
    for name in there:
        ratios = [
            statistics.median(a / b for a, b in zip(times[f"tf_tricks on {engine}"], times[name]))
            for engine in ("tensorflow", "jax")
        ]
        took = statistics.median(times[name]) / steps * 1e3
        print(f"  {name:<24} {took:>10.3f}   {ratios[0]:>23.3f}   {ratios[1]:>16.3f}")
    for connection in connections.values():
        connection.close()


def main():
    """Compares on one model or on both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default=None)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    arguments = parser.parse_args()
    for model_name in [arguments.model] if arguments.model else MODELS:
        compare(model_name, arguments.rounds, arguments.device)


if __name__ == "__main__":
    main()
