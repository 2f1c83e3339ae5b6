"""What a search was asked to do, as its folder keeps it, so that every process of it does the same."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from optuna.distributions import distribution_to_json

from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.search import claimed as claims
from tf_tricks.search.ledger import PRUNERS, Plan
from tf_tricks.search.points import SAMPLERS, points, size_of
from tf_tricks.search.stages import stages

FILE = "search.json"
_OF_THE_LOSS = ("loss", "l2")
_FINER = 3  # times as long, unless it is said


@dataclasses.dataclass(frozen=True)
class Request:
    """What a search was asked to do.

    Attributes:
        config: resolved, a plain dict.
        space: dict of path to Optuna distribution.
        trials: of both stages.
        coarse_share: the part of them that is coarse.
        coarse_epochs: how long a coarse trial is trained.
        fine_epochs: how long a finer one is; None for three times as long, and not longer than the config says.
        seeds: runs of a trial.
        sampler: one of `points.SAMPLERS`.
        sampler_seed: of what is drawn.
        pruner: one of `ledger.PRUNERS`.
        metric: of the validation, `"val_accuracy"`.
        direction: `"up"` or `"down"`.

    Raises:
        RequestError: a value is out of its range, or a name does not exist.
    """

    config: dict[str, Any]
    space: Mapping[str, Any]
    trials: int
    coarse_share: float
    coarse_epochs: float
    fine_epochs: float | None
    seeds: int
    sampler: str
    sampler_seed: int
    pruner: str
    metric: str
    direction: str

    def __post_init__(self) -> None:
        check_number("seeds", self.seeds, minimum=1, maximum=1000, integer=True)
        check_number("sampler_seed", self.sampler_seed, minimum=0, maximum=2**32 - 1, integer=True)
        for what, given, known in (
            ("sampler", self.sampler, SAMPLERS),
            ("pruner", self.pruner, PRUNERS),
            ("direction", self.direction, ("up", "down")),
        ):
            if given not in known:
                raise unknown(what, given, known)
        if self.config["seed"] + self.seeds > 2**32:
            raise RequestError(f"there are no {self.seeds} seeds from {self.config['seed']} on: they end at 2³² − 1")
        self._check_epochs()
        self._check_metric()
        first = self.plan("").stages[0]
        if (size := size_of(self.space)) < first.trials and self.sampler != "grid":
            raise RequestError(
                f"the space has {size} points and this search {first.trials} {first.name} trials, of which some would "
                "be the same: take fewer trials, or sampler=grid, which tries each point once"
            )
        points(self.sampler, self.space, first.trials, self.sampler_seed)  # whether it can draw them

    def _check_epochs(self):
        for what in ("coarse_epochs", "fine_epochs"):
            epochs = getattr(self, what)
            if epochs is not None and epochs > self.config["epochs"]:
                raise RequestError(
                    f"{what}={epochs:g} is longer than the config's own {self.config['epochs']:g} epochs, for which "
                    "its best is trained then: say fewer, or --config.epochs"
                )

    def _check_metric(self):
        changing = [path for path in self.space if path.split(".")[0] in _OF_THE_LOSS]
        if self.metric == "val_loss" and changing:
            raise RequestError(
                f"trials that differ in {changing[0]} have losses that cannot be compared: say another --metric, with "
                "--config.metrics=mean_squared_error for example where the config has none"
            )

    def plan(self, name: str) -> Plan:
        """Returns the `Plan` of the studies of this name."""
        fine = self.fine_epochs
        if fine is None:
            fine = max(self.coarse_epochs, min(_FINER * self.coarse_epochs, self.config["epochs"]))
        found = stages(self.trials, self.coarse_share, self.coarse_epochs, fine)
        return Plan(name, self.space, found, self.sampler, self.pruner, self.sampler_seed, self.direction)

    def as_json(self) -> dict[str, Any]:
        """Returns it as JSON can hold it."""
        content = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        content["space"] = {path: json.loads(distribution_to_json(found)) for path, found in self.space.items()}
        return json.loads(json.dumps(content))


def check_folder(folder: Any) -> None:
    """Raises a `RequestError` if a folder can be none of a search; writes nothing.

    Args:
        folder: `epath.Path`.
    """
    claims.check_folder(folder, FILE, "search", besides=["study.journal"])


def claimed(folder: Any, request: Request) -> str:
    """Makes a folder this search's, or finds that it is, and returns its id.

    Args:
        folder: `epath.Path` that exists; no other process may claim it meanwhile.
        request: what this process was asked to do.

    Raises:
        RequestError: the search in the folder is another one.
    """
    return claims.claimed(folder, FILE, "search", request.as_json())


def check_studies(ledger: Any, found: str | None) -> None:
    """Raises a `RequestError` if the studies in the storage are those of a search in another folder.

    Args:
        ledger: the `Ledger`.
        found: the id of the folder's search, or None of a new one.
    """
    owner = _study(ledger).user_attrs.get("search")
    if owner not in (None, found):
        raise RequestError(
            f"the storage has a study {ledger.plan.name!r} of a search in another folder: all processes of a search "
            "share its workdir; choose another --study"
        )


def id_in(folder: Any) -> str | None:
    """Returns the id of the search in a folder, an `epath.Path`; None where there is none yet."""
    return json.loads((folder / FILE).read_text())["id"] if (folder / FILE).exists() else None


def own_studies(ledger: Any, found: str) -> None:
    """Notes in the storage whose the studies are.

    Args:
        ledger: the `Ledger`.
        found: the id of the folder's search.
    """
    _study(ledger).set_user_attr("search", found)


def _study(ledger):
    return ledger.study(ledger.plan.stages[0])
