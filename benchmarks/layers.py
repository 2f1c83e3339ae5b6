"""Time of a layer, forward and backward: Dropout and BatchNormalization against Keras's own, interleaved.

    python benchmarks/layers.py [--layer=dropout|batch_normalization] [--rounds=30]

One process; in every round each contender makes the same number of passes forward and backward over the same inputs,
one after the other, so that a slow moment of the machine hits all of them. Each is tried on activations of a dense
layer and on images, in a `tf.function` without and with jit_compile. Printed are the median time of a pass and the
median over the rounds of the ratio to Keras's layer, with its middle half: it is to be at most 1, up to the noise that
the middle half shows.
"""

import argparse

import keras
import tensorflow as tf
from optimizers import compared, enough, interleaved, milliseconds

import tf_tricks as tt

LAYERS = {
    "dropout": {
        "keras": lambda: keras.layers.Dropout(0.5, seed=0),
        "tf_tricks": lambda: tt.layers.Dropout(0.5, seed=0),
    },
    "batch_normalization": {
        "keras": lambda: keras.layers.BatchNormalization(),
        "keras synchronized": lambda: keras.layers.BatchNormalization(synchronized=True),
        "synchronized": lambda: tt.layers.BatchNormalization(mode="synchronized"),
        "per_replica": lambda: tt.layers.BatchNormalization(mode="per_replica"),
    },
}
PAIRS = {
    "dropout": [("tf_tricks", "keras")],
    "batch_normalization": [("synchronized", "keras synchronized"), ("per_replica", "keras")],
}
SHAPES = {"dense": (128, 1024), "image": (128, 32, 32, 64)}


def passes(layer, inputs, upstream, jit_compile):
    """Returns a function that passes so many times forward and backward through `layer`."""
    layer.build(inputs.shape)

    @tf.function(jit_compile=jit_compile)
    def forward_and_backward(inputs, upstream):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
        weights = [v.value for v in layer.trainable_variables]
        return outputs, tape.gradient(outputs, [inputs, *weights], output_gradients=upstream)

    def run(number):
        for _ in range(number):
            _, gradients = forward_and_backward(inputs, upstream)
        gradients[-1][0].numpy()  # waits for the device

    return run


def compare(layer_name, shape_name, jit_compile, rounds):
    """Prints the table of one layer on one kind of inputs."""
    rng = tf.random.Generator.from_seed(0)
    inputs, upstream = rng.normal(SHAPES[shape_name]), rng.normal(SHAPES[shape_name])
    makers = LAYERS[layer_name]
    runs = {name: passes(make(), inputs, upstream, jit_compile) for name, make in makers.items()}
    number = max(enough(run) for run in runs.values())
    times = interleaved(runs, number, rounds)
    shape = "×".join(map(str, SHAPES[shape_name]))
    print(f"\n{layer_name}, {shape}, jit_compile={jit_compile}, {rounds} rounds of {number} passes")
    print(milliseconds(times, number))
    for ours, theirs in PAIRS[layer_name]:
        print(f"  {compared(times, ours, theirs)}, target 1")


def main():
    """Compares one layer or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layer", choices=LAYERS, default=None)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    print(f"tensorflow {tf.__version__}, keras {keras.__version__}")
    for layer_name in [arguments.layer] if arguments.layer else LAYERS:
        for shape_name in SHAPES:
            for jit_compile in (False, True):
                compare(layer_name, shape_name, jit_compile, arguments.rounds)


if __name__ == "__main__":
    main()
