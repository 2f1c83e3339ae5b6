"""Whether each choice of a space can be trained, before any trial is."""

from collections.abc import Mapping
from typing import Any

from tf_tricks.config import parts
from tf_tricks.errors import RequestError
from tf_tricks.search.distributions import value_of
from tf_tricks.search.kept_trainers import KeptTrainers
from tf_tricks.search.labels import text_of
from tf_tricks.search.space import with_values


def check_choices(space: Mapping[str, Any], config: Mapping[str, Any], trainers: KeptTrainers) -> None:
    """Raises a `RequestError` if a choice, in a config that is else as it was, cannot be trained.

    Args:
        space: dict of path to Optuna distribution; ranges of numbers are not tried.
        config: resolved.
        trainers: which keep what is made here for the trials.
    """
    for path, distribution in space.items():
        for choice in getattr(distribution, "choices", ()):
            try:
                trainers.check(parts.resolve(with_values(config, {path: choice})))
            except RequestError as error:
                raise RequestError(f"the space has {path}={text_of(value_of(choice))}, and {error}") from error
