"""What can go wrong on the device or while the data are read, told in a sentence."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax

from tf_tricks.engines.tensorflow import device_errors
from tf_tricks.errors import RequestError, RunError


@contextlib.contextmanager
def told(what: str, batch_size: int, argument: str, source: Any = None) -> Iterator[None]:
    """Tells in a sentence what JAX or `tf.data` raises within this context; arguments as on TensorFlow.

    Raises:
        RunError: the memory is too small, the data cannot be read, or the computation refuses a value.
    """
    with device_errors.told(what, batch_size, argument, source):
        try:
            yield
        except (RequestError, RunError):
            raise
        except jax.errors.JaxRuntimeError as error:
            first = str(error).strip().splitlines()[0]
            if "RESOURCE_EXHAUSTED" not in first:
                raise RunError(f"the computation of {what} failed: {first}") from error
            raise RunError(device_errors.out_of_memory(what, batch_size, argument)) from error
