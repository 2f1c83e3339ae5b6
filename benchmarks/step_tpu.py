"""A training step of ResNet-50 on TPU v5e, by the TPU compiler's own count, against plain Flax; no TPU is needed.

    pip install libtpu==0.0.42.1 --no-deps     # beside jax 0.10.2; one process at a time can use it
    pip install flax optax                     # for --step=flax alone
    python benchmarks/step_tpu.py --step=ours [--topology=v5e:2x2] [--text=step.txt] [--metrics accuracy]
    python benchmarks/step_tpu.py --step=flax

224×224 images as uint8, 128 a chip, bfloat16 (mixed_bfloat16), cross-entropy, SGD with momentum. `ours` is the function
that the JAX engine compiles for training. Printed are operations and bytes accessed an image, temporaries a chip, and
the sums over the chips, with how many of them the compiler has made asynchronous: counts, not measurements. A
compilation takes about two minutes on two CPU cores.
"""

import os

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", TPU_SKIP_MDS_QUERY="1", TF_CPP_MIN_LOG_LEVEL="3")

import argparse
import re
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

SIZE, CLASSES, A_CHIP = 224, 1000, 128
MEAN, DEVIATION = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)


def ours(devices, model_arguments, metrics):
    """Returns the engine's jitted function, what it is lowered for, and the bytes of parameters and statistics."""
    import keras
    import tensorflow as tf

    import tf_tricks as tt
    from tf_tricks.engines.jax.devices import DataParallel
    from tf_tricks.tpu.blank import BlankSource
    from tf_tricks.tpu.on_jax import train_step

    keras.config.set_dtype_policy("mixed_bfloat16")
    model = tt.models.get(
        {"name": "resnet", "depth": 50} | model_arguments,
        input_shape=(SIZE, SIZE, 3),
        num_outputs=CLASSES,
        input_dtype="uint8",
        mean=MEAN,
        variance=[d * d for d in DEVIATION],
    )
    trainer = tt.Trainer(model, "momentum", metrics=list(metrics))
    source = BlankSource(
        tf.TensorSpec((SIZE, SIZE, 3), tf.uint8), tf.TensorSpec((), tf.int32), 1_281_167, num_classes=CLASSES
    )
    chips = DataParallel(devices)
    function, arguments = train_step(trainer, tt.data.Stream(source), chips, A_CHIP * len(devices))
    return function, arguments, *[_bytes(vs) for vs in (model.trainable_variables, model.non_trainable_variables)]


def flax(devices, model_arguments, metrics):
    """Returns the same of a step written by hand for Flax and Optax."""
    import functools

    import flax.linen as nn
    import optax

    conv = functools.partial(nn.Conv, use_bias=False, dtype=jnp.bfloat16)
    norm = functools.partial(nn.BatchNorm, use_running_average=False, momentum=0.9, epsilon=1e-5, dtype=jnp.bfloat16)

    class ResNet50(nn.Module):
        @nn.compact
        def __call__(self, images):
            x = ((images.astype(jnp.float32) - jnp.array(MEAN)) / jnp.array(DEVIATION)).astype(jnp.bfloat16)
            x = nn.relu(norm()(conv(64, (7, 7), (2, 2), padding=[(3, 3), (3, 3)])(x)))
            x = nn.max_pool(x, (3, 3), (2, 2), padding=[(1, 1), (1, 1)])
            for stage, blocks in enumerate((3, 4, 6, 3)):
                for i in range(blocks):
                    width, stride = 64 * 2**stage, 2 if stage > 0 and i == 0 else 1
                    y = nn.relu(norm()(conv(width, (1, 1))(x)))
                    y = nn.relu(norm()(conv(width, (3, 3), (stride, stride))(y)))
                    y = norm()(conv(4 * width, (1, 1))(y))
                    if i == 0:
                        x = norm()(conv(4 * width, (1, 1), (stride, stride))(x))
                    x = nn.relu(x + y)
            return nn.Dense(CLASSES, dtype=jnp.bfloat16)(jnp.mean(x, (1, 2))).astype(jnp.float32)

    model, optimizer = ResNet50(), optax.sgd(0.1, momentum=0.9)

    def step(parameters, statistics, state, images, labels):
        def loss_of(parameters):
            variables = {"params": parameters, "batch_stats": statistics}
            logits, new = model.apply(variables, images, mutable=["batch_stats"])
            loss = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
            return loss, new["batch_stats"]

        (loss, statistics), gradients = jax.value_and_grad(loss_of, has_aux=True)(parameters)
        updates, state = optimizer.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates), statistics, state, loss

    mesh, number = Mesh(np.array(devices), ("batch",)), A_CHIP * len(devices)
    images = jax.ShapeDtypeStruct((number, SIZE, SIZE, 3), jnp.uint8)
    variables = jax.eval_shape(model.init, jax.random.key(0), images)
    parameters, statistics = variables["params"], variables["batch_stats"]
    state = jax.eval_shape(optimizer.init, parameters)

    def placed(tree, *axes):
        sharding = NamedSharding(mesh, PartitionSpec(*axes))
        return jax.tree.map(lambda s: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=sharding), tree)

    labels = jax.ShapeDtypeStruct((number,), jnp.int32)
    arguments = *placed((parameters, statistics, state)), *placed((images, labels), "batch")
    sizes = [_bytes(jax.tree.leaves(tree)) for tree in (parameters, statistics)]
    return jax.jit(step, donate_argnums=(0, 1, 2)), arguments, *sizes


def _bytes(variables):
    return sum(4 * int(np.prod(v.shape)) for v in variables)


def main():
    """Compiles one step and prints what the compiler counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", choices=("ours", "flax"), default="ours")
    parser.add_argument("--topology", default="v5e:1x1")
    parser.add_argument("--text", help="a file for the compiled program's text")
    parser.add_argument("--metrics", nargs="*", default=[])
    parser.add_argument("--model", default="{}", help="further arguments of our model, a dict of Python")
    arguments = parser.parse_args()

    from tf_tricks.tpu.collectives import collectives
    from tf_tricks.tpu.names import canonical

    name, _, sizes = canonical(arguments.topology)
    bounds = [*[min(2, size) for size in sizes[:2]], 1]
    devices = topologies.get_topology_desc(platform="tpu", topology_name=name, chips_per_host_bounds=bounds).devices
    make = {"ours": ours, "flax": flax}[arguments.step]
    function, specs, parameters, statistics = make(devices, eval(arguments.model), arguments.metrics)
    began = time.perf_counter()
    program = function.lower(*specs).compile()
    cost, memory, text = program.cost_analysis(), program.memory_analysis(), program.as_text()
    if arguments.text:
        with open(arguments.text, "w") as file:
            file.write(text)
    print(f"{arguments.step}, {name}, {A_CHIP} images a chip; compiled in {time.perf_counter() - began:.0f} s")
    print(f"  an image: {cost['flops'] / A_CHIP:.4g} FLOPs, {cost['bytes accessed'] / A_CHIP:.4g} bytes accessed")
    print(f"  temporaries a chip: {memory.temp_size_in_bytes / 2**30:.3f} GiB")
    print(f"  parameters: {parameters:,} bytes, moving statistics: {statistics:,} bytes")
    for kind, (number, size) in collectives(text).items():
        started = len(re.findall(rf" {kind}-start\(", text))
        print(f"  {kind}: {number}, {size:,} bytes; {started} asynchronous")


if __name__ == "__main__":
    main()
