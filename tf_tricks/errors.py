"""The two ways in which a run can end badly, each told to the user in a sentence; of some requests, the kind."""

import difflib
import functools
import inspect
import numbers
import os
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])


class RequestError(ValueError):
    """The request was wrong: nothing has started, nothing was written (exit status 2)."""

    # Or Keras wraps the sentence, if a layer says it, in a list of the call's arguments,
    _keras_call_info_injected = True
    # and TensorFlow, if it is said in a function that AutoGraph has converted, in a listing of code.
    ag_pass_through = True


class NotFinite(RequestError):
    """Inputs or weights of examples were given that are NaN or infinite."""


class NoClass(RequestError):
    """Labels were given that are none of the classes, NaN among them."""


class Misfit(RequestError):
    """Labels, outputs and loss were given that do not belong together."""


class RunError(RuntimeError):
    """The run failed after it had begun: it diverged, lost its data, ran out of memory or disk (exit status 1)."""


_MOST_LISTED, _OF_MANY = 200, 20
"""Names that a sentence lists; of more than the first, so many of the nearest."""


def unknown(kind: str, given: Any, allowed: Iterable[Any], meant: str | None = None) -> RequestError:
    """Returns the `RequestError` for a name that does not exist, with the nearest that does.

    Args:
        kind: what was named, for example `"optimizer"`.
        given: the name given.
        allowed: the names that exist.
        meant: the one that it has now, of a name that there was; None for the nearest.

    Example:
        >>> str(unknown("optimizer", "adm", ["adam", "momentum"]))
        "there is no optimizer 'adm'; did you mean 'adam'? (there are: adam, momentum)"
    """
    allowed = sorted(str(name) for name in allowed)
    near = meant or _nearest(str(given), allowed)
    hint = "" if near is None else f"; did you mean {near!r}?"
    there = ", ".join(allowed)
    if len(allowed) > _MOST_LISTED:
        nearest = difflib.get_close_matches(str(given), allowed, n=_OF_MANY, cutoff=0.0)
        there = f"{', '.join(sorted(nearest))} and {len(allowed) - len(nearest)} others"
    return RequestError(f"there is no {kind} {given!r}{hint} (there are: {there})")


def _nearest(given, allowed):
    """The name that is meant: one with all the words of the one given, whatever its case, else one written like it."""
    lower = {name.lower(): name for name in reversed(allowed)}
    words = [word for word in given.lower().split("_") if word]
    whole = [name for name in lower if len(words) > 1 and all(word in name.split("_") for word in words)]
    near = sorted(whole, key=len) or difflib.get_close_matches(given.lower(), lower, n=1)
    return lower[near[0]] if near else None


def call_checked(hint: str) -> Callable[[Method], Method]:
    """Decorates a public method, so that a call which does not fit its arguments is told in a sentence.

    Args:
        hint: how it is called, where a sentence ends.

    Example:
        >>> class Machine:
        ...     @call_checked("give the data as one, fit((x, y))")
        ...     def fit(self, data): ...
        >>> Machine().fit([1.0], [2.0])
        Traceback (most recent call last):
        tf_tricks.errors.RequestError: Machine.fit: too many positional arguments; give the data as one, fit((x, y))
    """

    def decorate(method: Method) -> Method:
        signature = inspect.signature(method)

        @functools.wraps(method)
        def checked(*args, **kwargs):
            for name in kwargs:
                if name not in signature.parameters:
                    raise unknown(f"argument of {method.__qualname__} called", name, list(signature.parameters)[1:])
            try:
                signature.bind(*args, **kwargs)
            except TypeError as error:
                raise RequestError(f"{method.__qualname__}: {error}; {hint}") from None
            return method(*args, **kwargs)

        return cast(Method, checked)

    return decorate


def line_of(error: BaseException) -> str:
    """Returns where in somebody's own code an error was raised that was called from here, as a part of a sentence.

    Example:
        >>> line_of(ValueError("raised nowhere"))
        ''
    """
    here = os.path.dirname(__file__) + os.sep
    paths = sysconfig.get_paths()
    libraries = (here, paths["stdlib"] + os.sep, paths["purelib"] + os.sep, paths["platlib"] + os.sep, "<")
    frames = traceback.extract_tb(error.__traceback__)
    inner = max((i for i, frame in enumerate(frames) if frame.filename.startswith(here)), default=len(frames))
    own = [f for f in frames[inner:] if not f.filename.startswith(libraries) and "__autograph" not in f.filename]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


def reason_of(error: BaseException) -> str:
    """Returns the line of an error that says why, and where in somebody's own code; of Keras's, many lines long, too.

    Example:
        >>> reason_of(KeyError("width"))
        "KeyError: 'width'"
    """
    if isinstance(error, RequestError):
        return str(error)
    message = re.sub(r"\x1b\[\d*m", "", str(error))  # Keras prints in bold
    lines = [line.strip() for line in message.splitlines() if line.strip() and "Exception encountered" not in line]
    reason = re.sub(r"\{\{.*?\}\} ?", "", lines[0]).rstrip(".:") if lines else type(error).__name__
    kind = f"{type(error).__name__}: " if isinstance(error, (KeyError, AttributeError, IndexError)) else ""
    return kind + re.sub(r" \[Op:.*", "", reason) + line_of(error)


def check_number(
    name: str,
    value: Any,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    integer: bool = False,
) -> Any:
    """Returns `value` if it is a number in the allowed range, otherwise raises a `RequestError` that says the range.

    Args:
        name: what the number is, as the user knows it.
        value: the value given.
        minimum: the smallest value allowed, or None.
        maximum: the largest value allowed, or None.
        above: a bound that the value must exceed, or None.
        below: a bound that the value must stay below, or None.
        integer: whether only integers are allowed.

    Example:
        >>> check_number("factor", 0.1, above=0)
        0.1
    """
    limits = [f"above {above}"] if above is not None else []
    limits += [f"at least {minimum}"] if minimum is not None else []
    limits += [f"at most {maximum}"] if maximum is not None else []
    limits += [f"below {below}"] if below is not None else []
    kind = "an integer" if integer else "a number"
    allowed = " ".join([kind, " and ".join(limits)]).strip()
    value = value.item() if isinstance(value, numbers.Real) and hasattr(value, "item") else value  # NumPy's
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if (
        not number
        or value != value
        or (integer and value != int(value))
        or (minimum is not None and value < minimum)
        or (maximum is not None and value > maximum)
        or (above is not None and value <= above)
        or (below is not None and value >= below)
    ):
        raise RequestError(f"{name} must be {allowed}, not {value!r}")
    return value
