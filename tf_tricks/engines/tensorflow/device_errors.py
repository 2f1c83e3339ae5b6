"""What can go wrong on the device or while the data are read, told in a sentence."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tf_tricks.errors import RequestError, RunError, line_of


@contextlib.contextmanager
def told(what: str, batch_size: int, argument: str, source: Any = None) -> Iterator[None]:
    """Tells in a sentence what TensorFlow raises within this context.

    Args:
        what: what is being done: `"training"` or `"evaluation"`.
        batch_size: examples at once.
        argument: the argument that makes this number smaller.
        source: of the examples; one that can find a damaged example is asked for it.

    Raises:
        RunError: the memory is too small, the data cannot be read, or the computation refuses a value.
    """
    try:
        yield
    except (RequestError, RunError):
        raise
    except tf.errors.ResourceExhaustedError as error:
        raise RunError(out_of_memory(what, batch_size, argument)) from error
    except tf.errors.OpError as error:
        if _is_of_data(error):
            raise RunError(f"the {what} data cannot be read any more: {_damage(source, error)}") from error
        raise RunError(f"the computation of {what} failed: {_first_line(error)}") from error
    except Exception as error:  # of somebody's own code, while it is traced
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise RunError(f"{what} cannot be compiled{line_of(error)}: {kind}{_first_line(error)}") from error


def out_of_memory(what: str, batch_size: int, argument: str) -> str:
    """Returns the sentence that says what to do; arguments as `told`."""
    half = max(1, batch_size // 2)
    pieces = ", and the same batches are accumulated from smaller pieces" if argument == "micro_batch" else ""
    return f"out of memory in {what} with a batch of {batch_size} examples: set {argument} to {half} or less{pieces}"


@contextlib.contextmanager
def reading(what: str, source: Any) -> Iterator[None]:
    """Tells in a sentence what TensorFlow raises where the first examples are read, before anything has started.

    Args:
        what: what is read: `"the data to evaluate"`.
        source: of the examples; one that can find a damaged example is asked for it.

    Raises:
        RequestError: they cannot be read.
    """
    try:
        yield
    except tf.errors.OpError as error:
        raise RequestError(f"{what} cannot be read: {_damage(source, error)}") from error


def _damage(source, error):
    damage = source.find_damage() if hasattr(source, "find_damage") else None
    return damage or _first_line(error)


def _is_of_data(error):
    read = re.search(r"IteratorGetNext|Op:Decode|Op:\w*PyFunc", str(error))
    return bool(read) or isinstance(error, (tf.errors.DataLossError, tf.errors.OutOfRangeError))


def _first_line(error):
    """The reason: TensorFlow puts it behind a heading and the place of the operation in the program."""
    message = re.sub(r"\x1b\[\d*m", "", str(getattr(error, "message", error)))  # Keras prints in bold
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    headings = ("Graph execution error", "Detected at node", "Exception encountered", "in user code", "File ", "[")
    reasons = [line for line in lines if not line.startswith(headings)]
    return (reasons or lines or [type(error).__name__])[0]
