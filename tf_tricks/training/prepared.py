"""What a trainer keeps from one `fit` to the next: what was checked, and the compiled loop."""

import dataclasses
from typing import Any

from tf_tricks.annotations import Forward
from tf_tricks.engines import engine
from tf_tricks.engines.objective import Objective


@dataclasses.dataclass
class Prepared:
    """What need not be done again for the same model, data and settings, as with `keras.Model.fit`.

    Attributes:
        checked: the (training data, augmentation, validation data, test data) that were tried last.
        description: what they are for, in a line.
        objects: for which `loop` was made: data, augmentation, update, forward pass, variables.
        settings: likewise.
        loop: the engine's `Loop`, with what it has compiled.
    """

    checked: tuple[Any, ...] = ()
    description: str = ""
    objects: tuple[Any, ...] = ()
    settings: tuple[Any, ...] = ()
    loop: Any = None

    def drop_loop(self) -> None:
        """Has the loop compiled anew the next time."""
        self.loop = None

    def has_checked(self, *data: Any) -> bool:
        """Returns whether these are the very objects that were tried last."""
        return _same(data, self.checked)

    def holds(self, source: Any) -> bool:
        """Returns whether these data were among those."""
        return any(source is one for one in self.checked)


def prepared_loop(trainer: Any, stream: Any, class_weights: Any, forward: Forward | None = None) -> Any:
    """Returns the loop of a call of `fit`, for the variables that are trainable now: the last, if nothing has changed.

    Args:
        trainer: `Trainer`.
        stream: `tt.data.Stream`.
        class_weights: float32 [K], or None.
        forward: function (inputs, training) that gives the model's outputs in another way; None calls the model.
    """
    kept, variables = trainer.prepared, list(trainer.model.trainable_variables)
    trainer.update.variables = variables
    weights = None if class_weights is None else class_weights.tobytes()
    objects = (stream.source, stream.step_augment, trainer.update, forward, *variables)
    settings = (stream.seed, weights, trainer.jit_compile, trainer.micro_batch)
    if kept.loop is None or kept.settings != settings or not _same(kept.objects, objects):
        kept.loop = new_loop(trainer, stream, class_weights, forward)
        kept.objects, kept.settings = objects, settings
    return kept.loop


def new_loop(trainer: Any, stream: Any, class_weights: Any, forward: Forward | None = None) -> Any:
    """Returns a loop with nothing compiled, for the variables that are trainable now; arguments as `prepared_loop`."""
    trainer.update.variables = list(trainer.model.trainable_variables)
    objective = Objective(trainer.model, trainer.shares, stream.step_augment, stream.seed, class_weights, forward)
    return engine().Loop(
        trainer.strategy, objective, trainer.update, trainer.micro_batch, trainer.loss_scale, trainer.jit_compile
    )


def _same(some, others):
    return len(some) == len(others) and all(a is b for a, b in zip(some, others))
