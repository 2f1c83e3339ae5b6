"""Everything that a resumed run needs, as arrays and plain values, and back again."""

import dataclasses
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from tf_tricks.engines import engine
from tf_tricks.errors import RequestError

_NOT_KEPT = ("params", "model", "_model", "monitor_op", "append_header")  # the last: of the file as it is
_PLAIN = (bool, int, float, str, type(None), np.ndarray, np.generic, list, tuple, dict)


@dataclasses.dataclass
class Progress:
    """How far a run has come; all that its future depends on, beside the variables.

    Attributes:
        examples_seen: k, the position in the stream.
        step: updates done.
        learning_rate_factor: what callbacks such as `ReduceLROnPlateau` have made of the schedule, as a factor on it.
        fixed_rate: what a `keras.callbacks.LearningRateScheduler` has set in place of the schedule, or None.
        stopped: whether a callback has ended the run.
        batch_size: what a callback has set in place of the schedule, or None.
    """

    examples_seen: int = 0
    step: int = 0
    learning_rate_factor: float = 1.0
    fixed_rate: float | None = None
    stopped: bool = False
    batch_size: int | None = None


def variable_arrays(groups: Mapping[str, Iterable[Any]]) -> dict[str, np.ndarray]:
    """Returns a dict of name to array for a dict of group to list of variables.

    Where each replica counts for itself, as for metrics, the sum has its name, and the values `name/replicas`.
    """
    arrays = {}
    for name, variable in _named(groups).items():
        arrays[name] = np.asarray(variable)
        if parts := engine().parts_of(variable):
            arrays[f"{name}/replicas"] = np.stack([part.numpy() for part in parts])
    return arrays


def variable_groups(trainer: Any, seed_states: Iterable[Any], metrics: Iterable[Any]) -> dict[str, list[Any]]:
    """Returns the variables that belong to a run's state, by group.

    Args:
        trainer: `Trainer`.
        seed_states: of the model's layers and of the augmentation.
        metrics: the metrics' variables.
    """
    groups = {"model": [*trainer.model.weights, *seed_states], "optimizer": trainer.optimizer.variables}
    scale = {} if trainer.loss_scale is None else {"loss_scale": trainer.loss_scale.variables}
    return groups | {"metrics": list(metrics)} | scale


def assign_variables(groups: Mapping[str, Iterable[Any]], arrays: Mapping[str, np.ndarray]) -> None:
    """Puts arrays of `variable_arrays` back into the variables.

    Raises:
        RequestError: an array is missing or has another shape: the state is not of this model. No variable has changed.
    """
    named = _named(groups)
    for name, variable in named.items():
        if name not in arrays or arrays[name].shape != tuple(variable.shape):
            raise RequestError(
                f"the run in the workdir is another one: the state saved for {name} does not fit the model or optimizer"
            )
    for name, variable in named.items():
        array = arrays[name]
        if array.dtype.kind == "V":  # NumPy's archive knows bfloat16 only as two bytes
            array = array.view(np.asarray(variable).dtype)
        parts, values = engine().parts_of(variable), arrays.get(f"{name}/replicas", ())
        if parts and len(parts) == len(values):  # a sum that is shared out again would be rounded in another way
            for part, value in zip(parts, values):
                part.assign(value)
        else:
            variable.assign(array)


def finalize_layers(model: keras.Model) -> None:
    """Has the layers that keep constants made of their variables, as Keras's `Normalization` does, make them anew."""
    for layer in model._flatten_layers():
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _named(groups):
    return {f"{group}/{i}": v for group, variables in groups.items() for i, v in enumerate(variables)}


def callback_state(callback: keras.callbacks.Callback) -> Any:
    """Returns the plain attributes of a Keras callback: counters, best values, history, best weights.

    What its constructor takes is no state: `patience` or `filepath` may be others when a run goes on.

    A callback with state of another kind says what to keep by methods `get_state()` and `set_state(state)`.
    """
    if hasattr(callback, "get_state"):
        return callback.get_state()
    settings = inspect.signature(type(callback).__init__).parameters
    return {k: v for k, v in vars(callback).items() if k not in _NOT_KEPT and k not in settings and _is_plain(v)}


def named_callbacks(callbacks: Iterable[keras.callbacks.Callback]) -> dict[str, keras.callbacks.Callback]:
    """Returns a dict of name to callback: the class, with a number from the second of a class on.

    Example:
        >>> import keras
        >>> list(named_callbacks([keras.callbacks.History(), keras.callbacks.History()]))
        ['History', 'History 2']
    """
    named: dict[str, Any] = {}
    seen: dict[Any, Any] = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        named[name if seen[name] == 1 else f"{name} {seen[name]}"] = callback
    return named


def callback_states(callbacks: Iterable[keras.callbacks.Callback], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Returns the packed states of callbacks by name; their NumPy arrays go into the dict `arrays`."""
    return {name: pack(callback_state(callback), arrays) for name, callback in named_callbacks(callbacks).items()}


def restore_callbacks(
    callbacks: Iterable[keras.callbacks.Callback], states: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Puts the states of `callback_states` back into those callbacks that have one."""
    for name, callback in named_callbacks(callbacks).items():
        if name in states:
            restore_callback(callback, unpack(states[name], arrays))


def restore_callback(callback: keras.callbacks.Callback, state: Any) -> None:
    """Puts the state of `callback_state` back."""
    if hasattr(callback, "set_state"):
        callback.set_state(state)
    else:
        vars(callback).update(state)


def pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Returns `value` with its NumPy arrays moved into the dict `arrays`, so that JSON can hold the rest."""
    if isinstance(value, np.ndarray):
        name = f"packed/{len(arrays)}"
        arrays[name] = value
        return {"__array__": name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {k: pack(v, arrays) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(v, arrays) for v in value]
    return value


def unpack(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Undoes `pack`."""
    if isinstance(value, dict):
        if set(value) == {"__array__"}:
            return arrays[value["__array__"]]
        return {k: unpack(v, arrays) for k, v in value.items()}
    if isinstance(value, list):
        return [unpack(v, arrays) for v in value]
    return value


def _is_plain(value):
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return all(_is_plain(v) for v in value)
    return isinstance(value, _PLAIN)
