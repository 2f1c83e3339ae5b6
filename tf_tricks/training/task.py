"""What a call of `Trainer.fit` is to do, once it is known that it can be done."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from tf_tricks.data import Source, Stream
from tf_tricks.errors import RequestError, check_number
from tf_tricks.schedules import plan
from tf_tricks.training.best import Best, best_of
from tf_tricks.training.checks import check_batch, check_callbacks, check_pairs
from tf_tricks.training.examples import check_monitored, check_task
from tf_tricks.training.feed import check_frozen_features

# How much of a run is looked at before it starts: each of the first updates, half a second's work; then some.
EVERY_UPDATE = 200_000
SOME_UPDATES = 10_000


@dataclasses.dataclass
class Task:
    """What a call of `Trainer.fit` is to do.

    Attributes:
        description: what is learned and how it is measured, in a line.
        total_epochs: how long to train.
        learning_rate: schedule of the epoch.
        batch_size: schedule of the epoch.
        batch_sizes: the batch sizes that this schedule comes to, in their order.
        best: the `Best` that keeps the best model, or None.
        frozen_features: how the outputs of the model's frozen part are kept, or None.
    """

    description: str
    total_epochs: float
    learning_rate: Callable
    batch_size: Callable
    batch_sizes: list
    best: Best | None
    frozen_features: str | None


def plan_task(
    trainer: Any,
    stream: Stream,
    epochs: float,
    callbacks: Sequence[Any] = (),
    validation: Source | None = None,
    test: Source | None = None,
    keep_best: Any = None,
    frozen_features: str | None = None,
) -> Task:
    """Returns the `Task`: what would be learned, how long, at what rates, in what batches. Nothing changes.

    Args:
        trainer: `Trainer`.
        stream: `tt.data.Stream`.
        epochs: how long to train.
        callbacks: Keras callbacks, some of which bring schedules.
        validation: a source, or None.
        test: a source, or None.
        keep_best: as `Trainer.fit` takes it.
        frozen_features: as `Trainer.fit` takes it.

    Raises:
        RequestError: `fit` could not carry this out.
    """
    check_number("epochs", epochs, above=0, maximum=10**9)
    check_callbacks(callbacks)
    check_frozen_features(frozen_features)
    schedules = {"learning_rate": trainer.learning_rate, "batch_size": trainer.batch_size}
    for callback in callbacks:
        schedules |= callback.schedules() if hasattr(callback, "schedules") else {}
    batch_sizes = _batch_sizes(trainer, stream, epochs, **schedules)
    description = check_task(trainer, stream, validation, test)
    check_monitored(trainer.model, callbacks, validation is not None)
    best = best_of(keep_best, trainer.model, validation is not None)
    return Task(description, epochs, batch_sizes=batch_sizes, best=best, frozen_features=frozen_features, **schedules)


def _batch_sizes(trainer, stream, epochs, learning_rate, batch_size):
    """Returns the batch sizes that will be asked for, once it is known that all of them can be trained."""
    number = stream.source.num_examples
    steps = _steps_ahead(number, epochs, learning_rate, batch_size)
    sizes = list(dict.fromkeys(step.batch_size for step in steps))
    first = plan.next_step(0, number, math.inf, learning_rate, batch_size).batch_size
    for size in sizes or [first]:
        check_batch(size, number, trainer.num_replicas, trainer.micro_batch)
        check_pairs(stream.augment, size, trainer.num_replicas, trainer.micro_batch)
    if not sizes:
        raise RequestError(f"epochs={epochs} is less than half a batch of {first}: nothing would be trained")
    return sizes


def _steps_ahead(number, epochs, learning_rate, batch_size):
    """Yields the updates of a run; of one that is very long the first ones, and then some from all over the rest.

    What is not seen here is checked when its turn comes, as all updates are.
    """
    examples_seen = 0
    for step in islice(plan.steps(number, epochs, learning_rate, batch_size), EVERY_UPDATE):
        yield step
        examples_seen = step.examples_seen + step.batch_size
    end = round(epochs * number)
    for later in range(examples_seen, end, max((end - examples_seen) // SOME_UPDATES, 1)):
        if (step := plan.next_step(later, number, epochs, learning_rate, batch_size)) is not None:
            yield step
