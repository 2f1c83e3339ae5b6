"""Trains a config, or resumes the run in its workdir.

tf-tricks train --config=digits --workdir=runs/digits
"""

import shlex
import sys
from typing import Any

from absl import flags
from etils import epath

from tf_tricks.commands import hosts as host_flags
from tf_tricks.commands import program
from tf_tricks.config import config_file
from tf_tricks.errors import RequestError
from tf_tricks.storage import is_remote, path_of

OWN_FLAGS = ("config", "workdir", "backend", "device", "tpu", "replicas", "seed", *host_flags.FLAGS)

_CONFIG = config_file.define("config", "what to train")
_WORKDIR = flags.DEFINE_string("workdir", None, "the run's folder, local or remote (gs://…, s3://…)")
_DEVICE = flags.DEFINE_string("device", "auto", "auto (TPU, else GPUs, else CPU), cpu, gpu or tpu")
_TPU = flags.DEFINE_string("tpu", None, "name or address of the TPU")
_REPLICAS = flags.DEFINE_integer("replicas", None, "logical devices to split the CPU into, or GPUs to use")
_SEED = flags.DEFINE_integer("seed", None, "overrides config.seed")


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    return program.run(main, OWN_FLAGS, argv)


def main() -> None:
    """Trains from the flags."""
    from tf_tricks.commands import run_files

    config, folder = requested("digits")
    run_files.check_workdir(folder, config)
    if run_files.is_finished(folder, config["epochs"]):
        print(f"the run in {folder} is finished: {run_files.result(folder)}")
        return
    train(config, folder, _DEVICE.value, _TPU.value, _REPLICAS.value)


def requested(example: str) -> tuple[dict[str, Any], epath.Path]:
    """Returns the resolved config and the folder that the flags name.

    Args:
        example: a config to name where none is given.
    """
    from tf_tricks.config import parts

    if _CONFIG.value is None:
        raise RequestError(f"say what to train: --config={example}")
    if not _WORKDIR.value:
        raise RequestError("say where to keep the run: --workdir=runs/NAME")
    given = {} if _SEED.value is None else {"seed": _SEED.value}
    return parts.resolve(parts.plain(_CONFIG.value) | given), path_of(_WORKDIR.value)


def train(
    config: dict[str, Any],
    folder: epath.Path,
    device: str = "auto",
    tpu: str | None = None,
    replicas: int | None = None,
) -> None:
    """Trains a resolved config in `folder`, evaluates it once on the test set and exports the model."""
    import tensorflow as tf

    from tf_tricks.commands import run_files
    from tf_tricks.config import parts
    from tf_tricks.engines import devices, hosts
    from tf_tricks.training.checkpoint import checkpoints_in
    from tf_tricks.training.parameter_table import parameter_table
    from tf_tricks.training.task import plan_task
    from tf_tricks.training.trainer import Trainer

    strategy = devices.strategy(device, tpu, replicas)
    if config["deterministic"]:
        tf.config.experimental.enable_op_determinism()

    # The parts that the config names; a run that goes on has weights of its own, and needs no file of others
    new = not checkpoints_in(folder / "checkpoints")
    built = parts.build(config, strategy, load_weights=new)
    started = parts.start(config, built.model) if new else None
    trainer = Trainer(built.model, **built.trainer_arguments)
    fit_arguments = built.fit_arguments | {"test": built.splits.test}
    asked = ("epochs", "callbacks", "validation", "test", "keep_best", "frozen_features")
    checked = [fit_arguments[key] for key in asked]
    task = plan_task(trainer, built.stream, *checked)
    table = parameter_table(built.model) if built.unfreezing is None else built.unfreezing.table()
    where = f"training on {devices.describe(strategy, device)}"
    notes = [*config_file.notes, built.splits.note, where, table, started]
    for note in [*filter(None, notes), run_files.batch_line(trainer, task.batch_sizes)] if hosts.is_chief() else ():
        print(note)

    # Train, test once, export
    trainer.fit(built.stream, workdir=folder, settings=config, **fit_arguments)
    if not hosts.is_chief():
        return
    print(f"done: {run_files.result(folder)}")
    if not is_remote(folder) or folder.scheme == "gs":  # where TensorBoard can read
        print(f"see its curves: tensorboard --logdir {shlex.quote(str(folder / 'tensorboard'))}")


if __name__ == "__main__":
    sys.exit(run(sys.argv))
