"""Regular expressions over variable paths: how variables are chosen by name."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from tf_tricks.errors import RequestError


def compiled(name: str, patterns: Iterable[str]) -> list[re.Pattern[str]]:
    """Returns the patterns as compiled regular expressions.

    Args:
        name: what the patterns are for, as the user knows it.
        patterns: list of regular expressions.

    Raises:
        RequestError: they are not that.

    Example:
        >>> [p.pattern for p in compiled("exclude", ["bias", "gamma$"])]
        ['bias', 'gamma$']
    """
    try:
        if isinstance(patterns, str):
            raise TypeError
        return [re.compile(pattern) for pattern in patterns]
    except (TypeError, re.error) as error:
        raise RequestError(f"{name} must be a list of regular expressions, not {patterns!r}") from error


def found(patterns: Iterable[re.Pattern[str]], variable: Any) -> bool:
    """Returns whether one of the compiled `patterns` is found in the variable's path.

    Example:
        >>> import keras
        >>> found(compiled("exclude", ["bias"]), keras.Variable([0.0], name="bias"))
        True
    """
    path = getattr(variable, "path", None) or variable.name
    return any(pattern.search(path) for pattern in patterns)


def check_found(patterns: Iterable[re.Pattern[str]], variables: Sequence[Any]) -> None:
    """Looks whether each of the compiled `patterns` is found in the path of a variable.

    Raises:
        RequestError: one is found in none.

    Example:
        >>> import keras
        >>> check_found(compiled("new", ["logits"]), [keras.Variable([0.0], name="logits")])
    """
    for pattern in patterns:
        if not any(found([pattern], variable) for variable in variables):
            paths = ", ".join(variable.path for variable in variables[:8])
            raise RequestError(f"no variable's path contains {pattern.pattern!r}; the first are: {paths}")
