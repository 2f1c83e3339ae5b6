"""Compiles a config's train step for TPUs, on a machine without one, and says what it needs there.

tf-tricks tpu-check --config=configs/cifar10.py --topology=v5e:2x2
tf-tricks tpu-check --backend=jax --config=configs/cifar10.py --topology=v5litepod-8
tf-tricks tpu-check --config=configs/cifar10.py:grow --topology=v5e:2x2,v4:2x2x1 --find-batch --output=check.json
"""

import functools
import json
import os
import sys
from typing import Any

from absl import flags

from tf_tricks.commands import output_file, program
from tf_tricks.config import config_file
from tf_tricks.errors import RequestError, RunError

UNKNOWN_EXAMPLES = 1_000_000
"""Training examples that are assumed where nobody knows their number without the data."""

_CONFIG = config_file.define("config", "whose train step to compile")
_TOPOLOGY = flags.DEFINE_multi_string(
    "topology",
    ["v5e:2x2"],
    "the TPU: v5e:2x2, v6e:4x4, v4:2x2x1, v5p:2x2x1, …, the kind of chip and how many in each direction; v5e:1x1 is a "
    "single chip; several with commas between",
)
_OUTPUT = flags.DEFINE_string("output", None, "a file for the results, .json", allow_override=True)
_FIND_BATCH = flags.DEFINE_bool("find-batch", False, "look for the largest batch that fits, by more compilations")


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    return program.run(main, ["config", "topology", "output", "find-batch", "backend"], argv)


def main() -> None:
    """Checks from the flags."""
    from tf_tricks import tpu
    from tf_tricks.config import parts
    from tf_tricks.tpu import compiler
    from tf_tricks.tpu.report import Report

    if _CONFIG.value is None:
        raise RequestError("say whose step to compile: --config=configs/cifar10.py")
    path = None if _OUTPUT.value is None else output_file.check(_OUTPUT.value, (".json",), "the file of the results")
    names = [name.strip() for given in _TOPOLOGY.value for name in given.split(",")]
    topologies = [compiler.topology(name) for name in dict.fromkeys(names)]
    config = parts.resolve(parts.plain(_CONFIG.value))
    config["data"] = without_data(config)

    prepared = [prepare(config, topology) for topology in topologies]
    report = Report([])
    for request in prepared:
        report += tpu.check_trainer(*request, _FIND_BATCH.value, say)
    print(f"\n{report}")
    if path is not None:
        output_file.write(path, (json.dumps(report.to_dict(), indent=2) + "\n").encode(), "the file of the results")
        print(f"\nwritten: {path}")
    if not report.passes:
        sys.stdout.flush()
        failed = [f"a batch of {r.batch_size} on {r.topology}" for r in report.results if not r.passes]
        raise RunError(f"the step does not compile and fit with {', '.join(failed)}")


def prepare(config: dict[str, Any], topology: Any) -> tuple[Any, Any, Any, list[int]]:
    """Returns what is to be compiled of a resolved config for one TPU: trainer, stream, topology and batch sizes.

    Args:
        config: dict from `parts.resolve`.
        topology: `tpu.compiler.Topology`.
    """
    from tf_tricks.config import parts
    from tf_tricks.engines import devices
    from tf_tricks.tpu.check import check_request
    from tf_tricks.training.task import plan_task
    from tf_tricks.training.trainer import Trainer

    chips = len(topology.devices)
    built = parts.build(config, devices.strategy("cpu"), num_replicas=chips, load_weights=False)
    trainer = Trainer(built.model, **built.trainer_arguments | {"jit_compile": "auto"})  # all of the step is compiled
    task = plan_task(trainer, built.stream, config["epochs"], built.fit_arguments["callbacks"])
    request = trainer, built.stream, topology, task.batch_sizes
    check_request(*request)
    return request


def say(line: str) -> None:
    """Prints how far the work is."""
    print(line, flush=True)


def without_data(config: dict[str, Any]) -> Any:
    """Returns the `Splits` of a config's data; of a set of TFDS, blank examples that need no download.

    Preprocessing that adapts to the examples needs them.
    """
    from tf_tricks import data, users_code
    from tf_tricks.named_parts import NamedParts
    from tf_tricks.registry import entries

    given = {"name": config["data"]} if isinstance(config["data"], str) else config["data"]
    name = given.get("name") if hasattr(given, "get") else None
    is_of_tfds = isinstance(name, str) and name not in entries("data") and not users_code.is_name(name)
    if not is_of_tfds or given.get("preprocessing") is not None:
        return data.get(given, seed=config["seed"])
    return NamedParts("data set", {name: functools.partial(blank, name)}).get(given)  # type: ignore[arg-type, dict-item]


def blank(
    name: str,
    image_size: int | None = None,
    validation_fraction: float = 0.1,
    data_dir: str | os.PathLike[str] | None = None,
    memory_budget: float | None = None,
    resize: str = "crop",
    seed: int = 0,
) -> Any:
    """Returns the `Splits` of blank examples, such as TFDS says the set has; arguments as for `tfds_source.load`."""
    import tensorflow as tf

    from tf_tricks.data import Splits, splits, tfds_source
    from tf_tricks.tpu.blank import BlankSource

    shape, num_classes, number = tfds_source.describe(name, image_size, data_dir)
    if number is None:
        number = UNKNOWN_EXAMPLES
        say(f"how many examples {name} has is not known without them: {number:,} are assumed")
    train, _ = splits.carve(number, validation_fraction, seed)
    source = BlankSource(tf.TensorSpec(shape, tf.uint8), tf.TensorSpec([], tf.int32), len(train), num_classes)
    return Splits(source, mean=[0.0] * shape[-1], variance=[1.0] * shape[-1], name=name)


if __name__ == "__main__":
    sys.exit(run(sys.argv))
