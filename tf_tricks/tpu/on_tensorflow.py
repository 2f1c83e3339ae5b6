"""The step of the TensorFlow engine, compiled for TPUs: the same names as in `on_jax`."""

from tf_tricks.data import Stream
from tf_tricks.optimizers.traits import needs_two_gradients
from tf_tricks.tpu import compiler
from tf_tricks.tpu.blame import explain
from tf_tricks.tpu.culprit import culprit
from tf_tricks.tpu.step import train_step, update_alone
from tf_tricks.training.trainer import Trainer

__all__ = ["counted", "culprit", "explain", "step", "update"]


def step(
    trainer: Trainer, stream: Stream, topology: compiler.Topology, batch_size: int, micro_batch: int | None = None
) -> compiler.Program:
    """Returns the `Program` of one update; arguments as for `train_step`."""
    return compiler.compile_function(*train_step(trainer, stream, batch_size, micro_batch), topology)


def update(trainer: Trainer, topology: compiler.Topology) -> compiler.Program:
    """Returns the `Program` of what follows on the passes forward and backward: clipping and the optimizer."""
    return compiler.compile_function(*update_alone(trainer), topology)


def counted(trainer: Trainer, passes: int) -> tuple[int, int]:
    """Returns how many of the passes of an update the compiler counts, and in how many loops they are."""
    if passes == 1 or needs_two_gradients(trainer.optimizer):  # these are no loop
        return passes, 0
    return 1, 1
