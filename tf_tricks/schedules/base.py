"""What a schedule is: a function of progress in epochs that knows its name and its arguments."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from tf_tricks.annotations import Named
from tf_tricks.errors import RequestError, check_number
from tf_tricks.named_parts import NamedParts
from tf_tricks.registry import entries, register
from tf_tricks.schedules.boundaries import check_epochs
from tf_tricks.schedules.own import checked


class Schedule:
    """A function of progress in epochs, for learning rates, batch sizes, noise scales and whatever else changes.

    Epochs, unlike updates, keep their meaning when the batch size changes, so learning rate and batch size can be the
    same kind of thing. Schedules are right-continuous: at a boundary the new value holds. Two schedules are equal if
    they have the same name and arguments.

    Args:
        name: the name in configs.
        arguments: dict of the arguments it was made from; those that are schedules are `Schedule`s or functions.
        value: function of the epoch, a float of at least 0, that returns a number.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.warm_up(schedules.step_decay(0.1, epochs=(30, 60), factor=0.5), epochs=5)
        >>> rate(30.0)
        0.05
        >>> rate
        warm_up(schedule=step_decay(initial=0.1, epochs=[30, 60], factor=0.5), epochs=5, start=0.0)
        >>> rate.get_config()["schedule"]
        {'name': 'step_decay', 'initial': 0.1, 'epochs': [30, 60], 'factor': 0.5}
        >>> schedules.get({"name": rate.name, **rate.get_config()}) == rate
        True
    """

    def __init__(self, name: str, arguments: dict[str, Any], value: Callable[[float], float]):
        self.name = name
        self.arguments = arguments
        self._value = value

    def __call__(self, epoch: float) -> float:
        """Returns the value at `epoch`, a float of at least 0."""
        return self._value(epoch)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as what JSON can hold; a schedule among them is a dict with `"name"`, or a number.

        Raises:
            RequestError: there is a plain function among them.
        """
        return {key: _as_config(value) for key, value in self.arguments.items()}

    def __repr__(self):
        return f"{self.name}({', '.join(f'{key}={_as_text(value)}' for key, value in self.arguments.items())})"

    def __eq__(self, other):
        if not isinstance(other, Schedule):
            return NotImplemented
        return (self.name, self.arguments) == (other.name, other.arguments)

    def __hash__(self):
        return hash(self.name)


def schedule(function: Callable | None = None, *, example: Mapping[str, Any] | None = None) -> Callable:
    """Makes a schedule of a function that checks its arguments and returns the function of the epoch.

    The schedule can be called from Python and, by the function's name, from configs. Arguments annotated as `Schedule`
    or as `list[Schedule]` reach the function as schedules, whatever was given for them.

    Args:
        function: takes the arguments of the schedule and returns a function of the epoch.
        example: arguments to try it with, see `register`; with them it is `@schedule(example=...)`.

    Returns:
        A function with the same arguments that returns a `Schedule`.

    Raises:
        RequestError: another module has a schedule of this name.

    Example:
        >>> import math
        >>> import tf_tricks as tt
        >>> @tt.schedules.schedule
        ... def square_root_decay(initial):
        ...     return lambda epoch: initial / math.sqrt(1 + epoch)
        >>> square_root_decay(0.4)(3.0)
        0.2
        >>> tt.schedules.get({"name": "square_root_decay", "initial": 0.4})
        square_root_decay(initial=0.4)
        >>> tt.registry.forget("schedules", "square_root_decay")
    """
    if function is None:
        return functools.partial(schedule, example=example)
    name, signature = function.__name__, inspect.signature(function, eval_str=True)
    kinds = {key: _kind(parameter.annotation) for key, parameter in signature.parameters.items()}

    @functools.wraps(function)
    def make(*args, **kwargs):
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}(): {error}") from None
        bound.apply_defaults()
        arguments = {}
        for key, value in bound.arguments.items():
            left_out = value is None and signature.parameters[key].default is None
            arguments[key] = None if left_out else _argument(key, value, kinds[key])
        return Schedule(name, arguments, function(**arguments))

    parts = {key: kind for key, kind in kinds.items() if kind}
    return register("schedules", name, example=example, parts=parts)(make)


def _kind(annotation):
    """How an argument of this annotation is made of what a config says, see `register`; None for one that is none."""
    if annotation == list[Schedule]:
        return _pieces
    return nested if annotation in (Schedule, Schedule | None) else None


@schedule(example={"value": 0.1})
def constant(value: float) -> Callable[[float], float]:
    """The same value always.

    Args:
        value: number of at least 0.

    Returns:
        A `Schedule`: value(epoch) = value.

    Raises:
        RequestError: the value is negative or not a finite number.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.constant(0.1)(7.5)
        0.1
        >>> schedules.get(0.1) == schedules.constant(0.1)
        True
    """
    check_number("value", value, minimum=0)
    return lambda epoch: value


def get(identifier: float | Named | Callable[[float], float], **defaults) -> Schedule | Callable[[float], float]:
    """Returns a schedule from a number, a name, a dict or a function of the epoch.

    Args:
        identifier: a number, which stands for a constant; the name of a schedule; a dict with `"name"` and the
            arguments of the schedule, where schedules within schedules are said in the same way; or a function of the
            epoch, which is returned as it is.
        **defaults: arguments that the run knows (`total_epochs`, `num_replicas`, `num_examples`, `batch_size`): handed
            to every schedule, within schedules too, that takes them and does not have them. The `total_epochs` of a
            piece of `concatenate` are those of the piece.

    Returns:
        A `Schedule`, or the function given.

    Raises:
        RequestError: this is no schedule, or an argument is unknown, missing or out of range.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.get({"name": "warm_up", "schedule": {"name": "cosine_decay", "initial": 0.1}, "epochs": 5},
        ...               total_epochs=90)
        warm_up(schedule=cosine_decay(initial=0.1, total_epochs=90, final=0.0), epochs=5, start=0.0)
    """
    if isinstance(identifier, Schedule):
        return identifier
    if isinstance(identifier, str):
        if _is_numeral(identifier):
            raise RequestError(f"a schedule must be a finite number, such as 0.01, or a name, not {identifier!r}")
        identifier = {"name": identifier}
    if hasattr(identifier, "items"):
        made = _REGISTRY.get(identifier, **defaults)
        return made if isinstance(made, Schedule) else checked(dict(identifier.items())["name"], made)
    value = _plain("a constant schedule", identifier)
    if _is_number(value):
        return constant(check_number("a constant schedule", value, minimum=0))
    if callable(identifier):
        _check_function(identifier)
        return identifier
    raise RequestError(
        f"a schedule must be a number, a name, a dict with 'name', or a function of the epoch, not {identifier!r}"
    )


def _is_numeral(text):
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def nested(value: Any, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> Any:
    """Returns the schedule that a name or a dict stands for, with the `defaults`; what is neither stays as it is.

    Args:
        value: of an argument that is a schedule, in a config.
        arguments: the others.
        defaults: what the run knows.
    """
    return get(value, **defaults) if isinstance(value, str) or hasattr(value, "items") else value


def _pieces(value, arguments, defaults):
    """Returns the schedules of a list; each lasts until the next boundary, not until the end of the run."""
    if not isinstance(value, (list, tuple)):
        return value
    return [get(piece, **_piece_defaults(i, arguments, defaults)) for i, piece in enumerate(value)]


def check_start(name: str, schedule: Callable[[float], float], **limits) -> None:
    """Raises a `RequestError` if a schedule does not begin with a number within the limits of `check_number`.

    Example:
        >>> from tf_tricks import schedules
        >>> check_start("batch_size", schedules.get(128), minimum=1, integer=True)
    """
    check_number(name, _plain(name, schedule(0.0)), **limits)


def _piece_defaults(i, arguments, defaults):
    if "total_epochs" not in defaults:
        return defaults
    boundaries = [0, *check_epochs("epochs", arguments.get("epochs", ())), defaults["total_epochs"]]
    if i + 1 >= len(boundaries) or boundaries[i + 1] <= boundaries[i]:
        return defaults
    return defaults | {"total_epochs": boundaries[i + 1] - boundaries[i]}


def _argument(key, value, kind):
    """Returns what the function of a schedule gets: schedules, and Python's own numbers and lists, all finite."""
    value = _plain(key, value)
    if kind is _pieces:
        if not isinstance(value, list):
            raise RequestError(f"{key} must be a list of schedules, not {value!r}")
        return [get(piece) for piece in value]
    if kind:
        return get(check_number(key, value, minimum=0) if _is_number(value) else value)
    return value


def _plain(key, value):
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(key, v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise RequestError(f"{key} must be finite, not {value!r}")
    return value


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_function(function):
    if any(base.__name__ == "LearningRateSchedule" for base in type(function).__mro__):
        raise RequestError(
            f"{type(function).__name__} is a schedule of Keras, which counts updates: choose one that counts epochs "
            f"(there are: {', '.join(sorted(entries('schedules')))})"
        )
    if any(function is entry.make for entry in entries("schedules").values()):
        signature = inspect.signature(function)
        names = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
        raise RequestError(f"{function.__name__} needs its arguments: {function.__name__}{inspect.Signature(names)}")


def _as_config(value):
    if isinstance(value, Schedule):
        return value.arguments["value"] if value.name == "constant" else {"name": value.name, **value.get_config()}
    if isinstance(value, list):
        return [_as_config(v) for v in value]
    if callable(value):
        raise RequestError(f"the function {value!r} has no config: make it a schedule with @schedule")
    return value


def _as_text(value):
    if isinstance(value, list):
        return f"[{', '.join(map(_as_text, value))}]"
    return repr(value.arguments["value"] if isinstance(value, Schedule) and value.name == "constant" else value)


_REGISTRY = NamedParts("schedules")
