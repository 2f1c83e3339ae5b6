"""The noise scale of SGD, which ties learning rate and batch size: one schedule of it, carried out in three ways.

g = η/(1 − m) · (N/b − 1), with learning rate η, momentum m, batch size b and N examples (Smith & Le 2018,
arXiv:1710.06451). To take noise away, decay η or grow b: the curves over epochs are the same (Smith et al. 2018,
arXiv:1711.00489). Whichever way is chosen, the rate is solved from g and the integer b, so the noise scale is met
exactly at every epoch.
"""

import math
from collections.abc import Callable

from tf_tricks.errors import RequestError, check_number
from tf_tricks.schedules.base import Schedule, check_start, constant, schedule


def noise_scale_of(learning_rate: float, batch_size: float, num_examples: int, momentum: float = 0.0) -> float:
    """Returns the noise scale g = learning_rate/(1 − momentum) · (num_examples/batch_size − 1).

    The size of the fluctuations of SGD; 0 for the full batch (Smith & Le 2018, arXiv:1710.06451).

    Args:
        learning_rate: η, at least 0.
        batch_size: b, from 1 to `num_examples`.
        num_examples: N, examples in the training set.
        momentum: m, from 0 and below 1.

    Returns:
        A float of at least 0.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.noise_scale_of(0.1, batch_size=100, num_examples=50_000)
        49.900000000000006
        >>> schedules.noise_scale_of(0.1, batch_size=50_000, num_examples=50_000)
        0.0
    """
    check_number("learning_rate", learning_rate, minimum=0)
    _check_set(num_examples, momentum)
    _check_batch(batch_size, num_examples)
    return learning_rate / (1 - momentum) * (num_examples / batch_size - 1)


@schedule(example={"scale": 40.0, "batch_size": 10, "num_examples": 1000, "momentum": 0.9})
def learning_rate_for_noise_scale(
    scale: Schedule,
    batch_size: Schedule,
    num_examples: int,
    momentum: float = 0.0,
    learning_rate: Schedule | None = None,
) -> Callable[[float], float]:
    """The learning rate that has a given noise scale with a given batch size.

    value(epoch) = scale(epoch) · (1 − momentum) / (num_examples/batch_size(epoch) − 1)
    (Smith & Le 2018, arXiv:1710.06451)

    Args:
        scale: the noise scale g, at least 0: a number or a schedule.
        batch_size: b, from 1 to `num_examples`: a number or a schedule; in a config, that of the run.
        num_examples: N, examples in the training set; in a config, those of the run.
        momentum: m, from 0 and below 1.
        learning_rate: a number or schedule for where the formula leaves the rate open: full batch, noise scale 0.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range, or there is no such rate: the noise scale of the full batch is 0
            at any rate. Schedules are looked at when they are evaluated, and once at the start.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.learning_rate_for_noise_scale(50.0, batch_size=100, num_examples=50_000, momentum=0.9)
        >>> round(rate(0.0), 6), round(schedules.noise_scale_of(rate(0.0), 100, 50_000, momentum=0.9), 6)
        (0.01002, 50.0)
    """
    _check_set(num_examples, momentum)

    def value(epoch):
        size, noise = _check_batch(int(batch_size(epoch)), num_examples), _check_noise(scale(epoch))
        if size < num_examples:
            return noise * (1 - momentum) / (num_examples / size - 1)
        if noise == 0 and learning_rate is not None:
            return learning_rate(epoch)
        raise RequestError(
            f"the full batch of {num_examples} examples has a noise scale of 0 at any learning rate: "
            f"there is none for a scale of {noise}"
        )

    check_start("batch_size", batch_size, minimum=1, integer=True)
    if scale == constant(0) and batch_size(0.0) < num_examples:
        raise RequestError(f"a noise scale of 0 with a batch of {batch_size(0.0)} means a learning rate of 0")
    value(0.0)
    return value


@schedule(example={"scale": 40.0, "learning_rate": 0.1, "num_examples": 1000})
def batch_size_for_noise_scale(
    scale: Schedule,
    learning_rate: Schedule,
    num_examples: int,
    momentum: float = 0.0,
    maximum: float | None = None,
    multiple_of: int = 1,
) -> Callable[[float], float]:
    """The batch size that has a given noise scale with a given learning rate, as far as integers can.

    value(epoch) = num_examples / (1 + scale(epoch) · (1 − momentum)/learning_rate(epoch)), rounded to a positive
    multiple of `multiple_of` and at most `maximum` (Smith & Le 2018, arXiv:1710.06451). It is `num_examples`, the full
    batch, only where the noise scale is 0. The trainer compiles a step for each new size: let the noise scale have
    steps, or choose a large `multiple_of`.

    Args:
        scale: the noise scale g, at least 0: a number or a schedule.
        learning_rate: η, above 0: a number or a schedule.
        num_examples: N, examples in the training set, at least 2; in a config, those of the run.
        momentum: m, from 0 and below 1.
        maximum: the largest batch, from 1 to `num_examples`, or None for `num_examples`.
        multiple_of: an integer, for example of the replicas, or of the examples per device.

    Returns:
        A `Schedule` of integers.

    Raises:
        RequestError: an argument is out of its range; schedules are looked at when they are evaluated, and once at the
            start.

    Example:
        >>> from tf_tricks import schedules
        >>> scale = schedules.step_decay(50.0, epochs=(60,), factor=0.2)
        >>> size = schedules.batch_size_for_noise_scale(scale, 0.1, num_examples=50_000, multiple_of=10)
        >>> size(0.0), size(60.0)
        (100, 500)
    """
    _check_set(num_examples, momentum)
    maximum = num_examples if maximum is None else maximum
    check_number("maximum", maximum, minimum=1, maximum=num_examples, integer=True)
    check_number("multiple_of", multiple_of, minimum=1, maximum=min(maximum, num_examples - 1), integer=True)
    multiple_of = int(multiple_of)
    largest = int(maximum) // multiple_of * multiple_of
    largest_with_noise = min(int(maximum), int(num_examples) - 1) // multiple_of * multiple_of

    def value(epoch):
        noise = _check_noise(scale(epoch))
        if noise == 0:
            return largest
        rate = learning_rate(epoch)
        if not 0 < rate < math.inf:
            raise RequestError(f"learning_rate must be a number above 0, not {rate!r}")
        wanted = num_examples / (1 + noise * (1 - momentum) / rate)
        return min(max(1, round(wanted / multiple_of)) * multiple_of, largest_with_noise)

    value(0.0)
    return value


def _check_set(num_examples, momentum):
    check_number("num_examples", num_examples, minimum=2, integer=True)
    check_number("momentum", momentum, minimum=0)
    if momentum >= 1:
        raise RequestError(f"momentum must be below 1, not {momentum!r}")


def _check_noise(noise):
    if not 0 <= noise < math.inf:
        raise RequestError(f"a noise scale must be a number at least 0, not {noise!r}")
    return noise


def _check_batch(batch_size, num_examples):
    if not 1 <= batch_size <= num_examples:
        raise RequestError(f"a batch must have from 1 to num_examples={num_examples} examples, not {batch_size!r}")
    return batch_size
