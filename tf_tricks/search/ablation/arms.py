"""The arms of an ablation: the config with all of its tricks, with none, with all but one, and with one alone."""

import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from tf_tricks.errors import RequestError
from tf_tricks.search.ablation.tricks import Trick

FULL, BARE = "full", "bare"
Config = dict[str, Any]


class Arm(NamedTuple):
    """A config that is trained with each seed.

    Attributes:
        name: `"full"`, `"bare"`, `"without augment"`, `"only augment"`.
        config: resolved, with the first seed.
        slug: how its folders' names begin; that of an earlier arm whose config is the same, so that nothing is trained
            twice.
    """

    name: str
    config: Config
    slug: str

    def config_of(self, seed: int) -> Config:
        """Returns its config with a seed."""
        return self.config | {"seed": seed}

    def run_of(self, seed: int) -> str:
        """Returns the name of its run's folder with a seed."""
        return f"{self.slug}-seed{seed}"


def without(trick: Trick) -> str:
    """Returns the name of the arm with all tricks but one."""
    return f"without {trick.name}"


def only(trick: Trick) -> str:
    """Returns the name of the arm with one trick alone."""
    return f"only {trick.name}"


def arms(config: Config, tricks: Sequence[Trick]) -> dict[str, Arm]:
    """Returns the arms by name.

    Args:
        config: resolved, from `canonical`.
        tricks: those that are compared.

    Raises:
        RequestError: two of the tricks change the same.
    """
    full = bare = config
    for trick in tricks:
        full, bare = trick.add(full), trick.remove(bare)
    _check_different(full, bare, tricks)
    configs = {FULL: full, BARE: bare}
    configs |= {without(trick): trick.remove(full) for trick in tricks}
    configs |= {only(trick): trick.add(bare) for trick in tricks}
    found: dict[str, Arm] = {}
    for name, changed in configs.items():
        same = next((arm.slug for arm in found.values() if arm.config == changed), None)
        found[name] = Arm(name, changed, same or _slug(name, [arm.slug for arm in found.values()]))
    return found


def _check_different(full, bare, tricks):
    for trick in tricks:
        if trick.remove(full) == full or trick.add(bare) == bare:
            raise RequestError(f"the trick {trick.name} changes nothing beside the others: leave it out")
    for one, other in itertools.combinations(tricks, 2):
        if one.remove(full) == other.remove(full) or one.add(bare) == other.add(bare):
            raise RequestError(f"the tricks {one.name} and {other.name} change the same: leave one out")


def _slug(name, taken):
    plain = re.sub(r"[^\w.=+-]+", "-", name).strip("-")[:80]
    return next(slug for i in itertools.count(1) if (slug := plain if i == 1 else f"{plain}-{i}") not in taken)
