"""The tricks of the learning rate: its warm-up and its decay."""

from typing import Any

from tf_tricks.errors import RequestError
from tf_tricks.search.ablation.handle import Config, Handle, as_part, without

_SHARE = 0.05  # of the epochs, that a warm-up takes
_DECAYS = {
    **dict.fromkeys(("step_decay", "exponential_decay", "inverse_time_decay", "polynomial_decay"), "initial"),
    **dict.fromkeys(("cosine_decay", "cosine_restarts", "warm_up_stable_decay"), "initial"),
    "one_cycle": "maximum",
}  # with the argument that a constant rate in its place is
_WARM_UP_ANYWAY = ("one_cycle", "warm_up_stable_decay")


def warm_up(config: Config, splits: Any) -> Handle:
    """The ramp at the beginning; a twentieth of the epochs where the config has none."""
    rate = config["learning_rate"]

    def put(config, setting):
        plain = _without_warm_up(config["learning_rate"])
        rate = plain if setting is None else {"name": "warm_up", "schedule": plain} | setting
        return config | {"learning_rate": rate}

    def given(value):
        _check_rate("warm_up", rate)
        inner = _inner(rate)
        if hasattr(inner, "items") and inner.get("name") in _WARM_UP_ANYWAY:
            raise RequestError(f"warm_up: the learning rate's {inner['name']} begins with one of its own")
        return dict(value) if hasattr(value, "items") else {"epochs": value}

    return Handle(_warm_up_of(rate), lambda: given(round(_SHARE * config["epochs"], 6)), put, given)


def decay(config: Config, splits: Any) -> Handle:
    """The schedule that falls; without it, the rate stays where that begins."""
    rate = config["learning_rate"]
    inner = _inner(rate)
    falls = hasattr(inner, "items") and inner.get("name") in _DECAYS

    constant = inner[_DECAYS[inner["name"]]] if falls else inner

    def put(config, setting):
        return config | {
            "learning_rate": _with_inner(config["learning_rate"], constant if setting is None else setting)
        }

    def given(value):
        _check_rate("decay", rate)
        if isinstance(constant, bool) or not isinstance(constant, (int, float)):
            raise RequestError(f"decay: the learning rate {inner!r} is a schedule already, and not known to fall")
        if not isinstance(value, str) and not hasattr(value, "items"):
            raise RequestError(f"decay is a schedule, as in decay=cosine_decay, not {value!r}")
        schedule = as_part(value)
        start = _DECAYS.get(schedule.get("name"), "initial")
        return schedule if start in schedule else schedule | {start: constant}

    return Handle(dict(inner) if falls else None, lambda: given("cosine_decay"), put, given)


def _check_rate(name, rate):
    if rate is None:
        raise RequestError(f"{name}: the config's noise_scale decides the learning rate")


def _inner(rate):
    """The schedule or number that all others go around."""
    while hasattr(rate, "items") and "schedule" in rate:
        rate = rate["schedule"]
    return rate


def _with_inner(rate, inner):
    if hasattr(rate, "items") and "schedule" in rate:
        return dict(rate) | {"schedule": _with_inner(rate["schedule"], inner)}
    return inner


def _warm_up_of(rate):
    while hasattr(rate, "items") and "schedule" in rate:
        if rate.get("name") == "warm_up":
            return without(rate, "name", "schedule")
        rate = rate["schedule"]
    return None


def _without_warm_up(rate):
    if not hasattr(rate, "items") or "schedule" not in rate:
        return rate
    if rate.get("name") == "warm_up":
        return rate["schedule"]
    return dict(rate) | {"schedule": _without_warm_up(rate["schedule"])}
