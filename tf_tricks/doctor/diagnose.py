"""Why does it not train? The public function."""

from collections.abc import Callable, Iterable
from typing import Any

import keras

from tf_tricks.annotations import Named, Structure
from tf_tricks.data import Source, Stream
from tf_tricks.doctor import admission
from tf_tricks.doctor.diagnosis import Diagnosis
from tf_tricks.doctor.examine import examine
from tf_tricks.doctor.patient import Patient
from tf_tricks.errors import NoClass, NotFinite, RequestError, check_number

BUDGET = 180.0
"""Seconds, by default."""


def diagnose(
    model: keras.Model,
    data: Stream | Source | tuple[Structure, ...] | list[Structure],
    optimizer: keras.optimizers.Optimizer | Named | None = None,
    learning_rate: float | Named | Callable[[float], float] | None = None,
    batch_size: int | Named | Callable[[float], float] = 32,
    loss: Any = None,
    metrics: Any = None,
    validation: Source | tuple[Structure, ...] | list[Structure] | None = None,
    test: Source | tuple[Structure, ...] | list[Structure] | None = None,
    callbacks: keras.callbacks.Callback | Iterable[keras.callbacks.Callback] | None = None,
    epochs: float = 10.0,
    augment: Named | Callable[..., Any] | None = None,
    class_weight: Any = None,
    seed: int = 0,
    budget: float = BUDGET,
    progress: Callable[[str], None] | None = print,
    **settings: Any,
) -> Diagnosis:
    """Says why a model does not train, or would not train well, before hours are spent.

    It looks at the data (values, labels, duplicates), at the model (what is frozen, how the signal goes through it), at
    the loss, the learning rate, the batch, and at the time that a step takes. The model is compiled, as `tt.Trainer`
    does it; weights, the optimizer's state and seeds are as they were when it returns.

    Args:
        model: a built `keras.Model`, as it is before training.
        data: what `Trainer.fit` takes: a stream, a source, or arrays (inputs, labels) or (inputs, labels, weights).
        optimizer: what `tt.Trainer` takes, as the following arguments; by default what the model is compiled with.
        learning_rate: schedule of the epoch, or a number.
        batch_size: schedule of the epoch, or a number.
        loss: what `compile` takes; by default that with which the model is compiled, else cross-entropy of logits.
        metrics: what `compile` takes.
        validation: what `Trainer.fit` takes.
        test: what `Trainer.fit` takes; nothing is chosen by it: it is looked for among the training examples.
        callbacks: what `Trainer.fit` takes; they are looked at, and not run.
        epochs: how long the run would be.
        augment: what `tt.augment.get` takes, for data that are no stream.
        class_weight: what `Trainer.fit` takes.
        seed: of the order of the examples and of the augmentation, for data that are no stream.
        budget: seconds; checks that would begin later are left out.
        progress: function of a line that says what is being done; None for silence.
        **settings: other arguments of `tt.Trainer`, such as `l2` or `weight_decay`.

    Returns:
        A `Diagnosis`: `findings`, the most likely cause first, and `notes`; `print` shows it, `write_html(path)` and
        `write_json(path)` write it.

    Raises:
        RequestError: an argument cannot be used, or Keras is not on TensorFlow.

    Example:
        >>> import keras, numpy as np
        >>> import tf_tricks as tt
        >>> x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> x[17, 2] = np.nan
        >>> diagnosis = tt.diagnose(model, (x, (x[:, 0] > 0).astype("int32")), progress=None)
        >>> [finding.name for finding in diagnosis.findings]
        ['non_finite_inputs']
    """
    if keras.config.backend() != "tensorflow":
        raise RequestError(
            f"tt.diagnose needs Keras on TensorFlow, and it is on {keras.config.backend()}: what it finds holds there, "
            "too; set KERAS_BACKEND=tensorflow"
        )

    def admit():
        return admission.of_arguments(
            model,
            data,
            validation=validation,
            test=test,
            callbacks=callbacks,
            epochs=epochs,
            augmentation=augment,
            class_weight=class_weight,
            seed=seed,
            optimizer=optimizer,
            learning_rate=learning_rate,
            batch_size=batch_size,
            loss=loss,
            metrics=metrics,
            **settings,
        )

    return diagnosed(admit, budget, progress)


def diagnosed(admit: Callable[[], Patient], budget: float, progress: Callable[[str], None] | None) -> Diagnosis:
    """Returns the `Diagnosis` of a patient that is yet to be admitted: its data may be refused.

    Args:
        admit: function of nothing that returns a `Patient`.
        budget: seconds.
        progress: function of a line, or None.

    Raises:
        RequestError: it cannot be trained, and no finding says why.
    """
    check_number("budget", budget, above=0)
    try:
        patient = admit()
    except (NotFinite, NoClass) as error:
        return Diagnosis([admission.finding_of(error)], ["nothing else was looked at: these data are not taken"])
    return examine(patient, budget, progress or (lambda line: None))
