"""What a trainer keeps from one `fit` to the next: what was checked, and the compiled loop."""

import dataclasses
from typing import Any

from tf_tricks.training.loop import Loop
from tf_tricks.training.objective import Objective


@dataclasses.dataclass
class Prepared:
    """What need not be done again for the same model, data and settings, as with `keras.Model.fit`.

    Attributes:
        checked: the (training data, augmentation, validation data, test data) that were tried last.
        description: what they are for, in a line.
        objects: for which `objective` and `loop` were made: data, augmentation, update, variables.
        settings: likewise.
        objective: the `Objective`.
        loop: the `Loop`, with what it has compiled.
    """

    checked: tuple[Any, ...] = ()
    description: str = ""
    objects: tuple[Any, ...] = ()
    settings: tuple[Any, ...] = ()
    objective: Objective | None = None
    loop: Loop | None = None

    def has_checked(self, *data: Any) -> bool:
        """Returns whether these are the very objects that were tried last."""
        return _same(data, self.checked)

    def holds(self, source: Any) -> bool:
        """Returns whether these data were among those."""
        return any(source is one for one in self.checked)


def prepared_loop(trainer: Any, stream: Any, class_weights: Any) -> tuple[Objective, Loop]:
    """Returns the objective and the loop of a call of `fit`: those of the call before, where nothing has changed.

    Args:
        trainer: `Trainer`.
        stream: `tt.data.Stream`.
        class_weights: float32 [K], or None.
    """
    kept, variables = trainer.prepared, list(trainer.model.trainable_variables)
    trainer.update.variables = variables
    weights = None if class_weights is None else class_weights.tobytes()
    objects = (stream.source, stream.step_augment, trainer.update, *variables)
    settings = (stream.seed, weights, trainer.jit_compile, trainer.micro_batch)
    if kept.settings != settings or not _same(kept.objects, objects):
        kept.objective, kept.loop = new_loop(trainer, stream, class_weights)
        kept.objects, kept.settings = objects, settings
    return kept.objective, kept.loop  # type: ignore[return-value]


def new_loop(trainer: Any, stream: Any, class_weights: Any) -> tuple[Objective, Loop]:
    """Returns an objective and a loop with nothing compiled, for the variables that are trainable now.

    Args:
        trainer: `Trainer`.
        stream: `tt.data.Stream`.
        class_weights: float32 [K], or None.
    """
    trainer.update.variables = list(trainer.model.trainable_variables)
    objective = Objective(
        trainer.model, trainer.shares, stream.step_augment, stream.seed, class_weights, trainer.jit_compile
    )
    return objective, Loop(trainer.strategy, objective, trainer.update, trainer.micro_batch, trainer.loss_scale)


def _same(some, others):
    return len(some) == len(others) and all(a is b for a, b in zip(some, others))
