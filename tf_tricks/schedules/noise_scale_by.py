"""A schedule of the noise scale, followed by the learning rate, by the batch size, or by both."""

from collections.abc import Callable, Mapping
from typing import Any

from tf_tricks.errors import RequestError, check_number
from tf_tricks.named_parts import NamedParts
from tf_tricks.registry import register
from tf_tricks.schedules.base import Schedule, nested
from tf_tricks.schedules.noise_scale import batch_size_for_noise_scale, learning_rate_for_noise_scale


@register("noise_scale", "decay", parts={"scale": nested, "batch_size": nested})
def noise_scale_by_decay(
    scale: float | Callable[[float], float],
    batch_size: float | Callable[[float], float],
    num_examples: int,
    momentum: float = 0.0,
) -> tuple[Schedule, Schedule | Callable[[float], float]]:
    """Follows a schedule of the noise scale by the learning rate, at a batch size that is given.

    Args:
        scale: the noise scale g, above 0: a number or a schedule.
        batch_size: from 1 and below `num_examples`: a number or a schedule.
        num_examples: examples in the training set.
        momentum: from 0 and below 1.

    Returns:
        The pair (learning_rate, batch_size) of schedules; see `learning_rate_for_noise_scale`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> scale = schedules.step_decay(49.9, epochs=(60,), factor=0.2)
        >>> rate, size = schedules.noise_scale_by_decay(scale, batch_size=100, num_examples=50_000)
        >>> [(round(rate(epoch), 6), size(epoch)) for epoch in (0.0, 60.0)]
        [(0.1, 100), (0.02, 100)]
    """
    rate = learning_rate_for_noise_scale(scale, batch_size, num_examples, momentum)
    return rate, rate.arguments["batch_size"]


@register("noise_scale", "growth", parts={"scale": nested, "learning_rate": nested})
def noise_scale_by_growth(
    scale: float | Callable[[float], float],
    learning_rate: float | Callable[[float], float],
    num_examples: int,
    momentum: float = 0.0,
    multiple_of: int = 1,
) -> tuple[Schedule, Schedule]:
    """Follows a schedule of the noise scale by the batch size; the rate only makes up for the rounding of the batch.

    A noise scale of 0 is the full batch at `learning_rate`; one that is below that of the largest batch under the full
    one is met by decaying the rate.

    Args:
        scale: the noise scale g, at least 0: a number or a schedule.
        learning_rate: above 0: a number or a schedule.
        num_examples: examples in the training set.
        momentum: from 0 and below 1.
        multiple_of: the batch size is a multiple of this integer.

    Returns:
        The pair (learning_rate, batch_size) of schedules; see `batch_size_for_noise_scale`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> scale = schedules.step_decay(49.9, epochs=(60,), factor=0.2)
        >>> rate, size = schedules.noise_scale_by_growth(scale, learning_rate=0.1, num_examples=50_000)
        >>> [(round(rate(epoch), 6), size(epoch)) for epoch in (0.0, 60.0)]
        [(0.1, 100), (0.099994, 496)]
    """
    return _growth(scale, learning_rate, num_examples, momentum, None, multiple_of)


@register("noise_scale", "growth_then_decay", parts={"scale": nested, "learning_rate": nested})
def noise_scale_by_growth_then_decay(
    scale: float | Callable[[float], float],
    learning_rate: float | Callable[[float], float],
    maximum: int,
    num_examples: int,
    momentum: float = 0.0,
    multiple_of: int = 1,
) -> tuple[Schedule, Schedule]:
    """Follows a schedule of the noise scale by the batch size up to a limit, and by the learning rate from there.

    For when the devices hold no more, or the data set is not ten times larger than the batch.

    Args:
        scale: the noise scale g, above 0: a number or a schedule.
        learning_rate: the rate until the limit is reached, above 0: a number or a schedule.
        maximum: the largest batch, from 1 to `num_examples`.
        num_examples: examples in the training set.
        momentum: from 0 and below 1.
        multiple_of: the batch size is a multiple of this integer.

    Returns:
        The pair (learning_rate, batch_size) of schedules; see `batch_size_for_noise_scale`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> scale = schedules.step_decay(49.9, epochs=(60, 120), factor=0.2)
        >>> rate, size = schedules.noise_scale_by_growth_then_decay(scale, 0.1, maximum=496, num_examples=50_000)
        >>> [(round(rate(epoch), 6), size(epoch)) for epoch in (0.0, 60.0, 120.0)]
        [(0.1, 100), (0.099994, 496), (0.019999, 496)]
    """
    check_number("maximum", maximum, minimum=1)
    return _growth(scale, learning_rate, num_examples, momentum, maximum, multiple_of)


_REGISTRY = NamedParts("noise_scale")


def get_noise_scale(identifier: Mapping[str, Any], **defaults) -> tuple[Schedule, Schedule | Callable[[float], float]]:
    """Returns the pair (learning_rate, batch_size) of schedules that a dict stands for.

    Args:
        identifier: dict with `"by"`, which is "decay", "growth" or "growth_then_decay", and the arguments of
            `noise_scale_by_decay`, `noise_scale_by_growth` or `noise_scale_by_growth_then_decay`.
        **defaults: arguments that the run knows (`num_examples`, `total_epochs`, …), as in `get`.

    Raises:
        RequestError: this is no such dict, or an argument is unknown, missing or out of range.

    Example:
        >>> from tf_tricks import schedules
        >>> config = {"by": "decay", "scale": {"name": "cosine_decay", "initial": 49.9}, "batch_size": 100}
        >>> rate, size = schedules.get_noise_scale(config, num_examples=50_000, total_epochs=90)
        >>> round(rate(45.0), 6), size(45.0)
        (0.05, 100)
    """
    if not hasattr(identifier, "items"):
        raise RequestError(f"a noise scale must be a dict with 'by', 'scale' and what that needs, not {identifier!r}")
    arguments = dict(identifier.items())
    if "by" not in arguments:
        raise RequestError(f"this noise scale does not say 'by' ({' or '.join(_REGISTRY.entries)}): {arguments!r}")
    name = {"name": arguments.pop("by")}
    return _REGISTRY.get(arguments | name, **defaults)


def _growth(scale, learning_rate, num_examples, momentum, maximum, multiple_of):
    size = batch_size_for_noise_scale(scale, learning_rate, num_examples, momentum, maximum, multiple_of)
    rate = learning_rate_for_noise_scale(scale, size, num_examples, momentum, size.arguments["learning_rate"])
    return rate, size
