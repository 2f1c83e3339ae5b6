"""How a set-up becomes a patient: from a config, or from what `Trainer` and `fit` take."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras

from tf_tricks import augment, data
from tf_tricks.annotations import Named
from tf_tricks.config import parts
from tf_tricks.doctor.finding import Finding
from tf_tricks.doctor.patient import Patient
from tf_tricks.errors import NoClass, NotFinite, RequestError, check_number
from tf_tricks.training.checks import listed
from tf_tricks.training.task import plan_task
from tf_tricks.training.trainer import Trainer


def of_config(config: Mapping[str, Any], strategy: Any) -> Patient:
    """Returns the `Patient` that a resolved config describes.

    Args:
        config: dict from `parts.resolve`.
        strategy: the `tf.distribute.Strategy` to train with.

    Raises:
        RequestError: the config cannot be made into parts.
    """
    built = parts.build(dict(config), strategy)
    parts.start(config, built.model)
    arguments = built.fit_arguments
    return _admitted(
        Trainer(built.model, **built.trainer_arguments),
        built.stream,
        validation=arguments["validation"],
        test=built.splits.test,
        callbacks=arguments["callbacks"],
        epochs=config["epochs"],
        class_weight=arguments["class_weight"],
        config=config,
        seed=config["seed"],
    )


def of_arguments(
    model: keras.Model,
    examples: Any,
    validation: Any = None,
    test: Any = None,
    callbacks: keras.callbacks.Callback | Iterable[keras.callbacks.Callback] | None = None,
    epochs: float = 10.0,
    augmentation: Named | Callable[..., Any] | None = None,
    class_weight: Any = None,
    seed: int = 0,
    **settings: Any,
) -> Patient:
    """Returns the `Patient` of what `Trainer` and `fit` take.

    Args:
        model: a built `keras.Model`.
        examples: a `tt.data.Stream`, a source, or what makes one.
        validation: likewise, no stream; or None.
        test: likewise.
        callbacks: of Keras.
        epochs: how long to train.
        augmentation: what `tt.augment.get` takes, for examples that are no stream.
        class_weight: what `fit` takes.
        seed: of the stream, where `examples` is none.
        **settings: other arguments of `Trainer`.

    Raises:
        RequestError: they cannot be used.
    """
    check_number("epochs", epochs, above=0, maximum=10**9)
    if isinstance(examples, data.Stream):
        if augmentation is not None:
            raise RequestError("the stream brings its own augmentation: leave augment out, or give a source")
        stream = examples
    else:
        source = data.as_source(examples)
        known = {key: getattr(source, key, None) for key in ("num_classes", "num_examples")}
        stream = data.Stream(source, seed=seed, augment=augment.get(augmentation, total_epochs=epochs, **known))
    return _admitted(
        Trainer(model, **settings),
        stream,
        validation=None if validation is None else data.as_source(validation),
        test=None if test is None else data.as_source(test),
        callbacks=listed(callbacks),
        epochs=epochs,
        class_weight=class_weight,
        seed=seed,
    )


def _admitted(trainer, stream, **others):
    checked = [others[key] for key in ("epochs", "callbacks", "validation", "test")]
    try:
        plan_task(trainer, stream, *checked)
        obstacle = None
    except RequestError as error:
        obstacle = error
    return Patient(trainer, stream, obstacle=obstacle, **others)


def finding_of(error: NotFinite | NoClass) -> Finding:
    """Returns what an error says that data were refused with."""
    if isinstance(error, NotFinite):
        return Finding(
            "non_finite_inputs",
            str(error),
            "One NaN makes the loss and with it every weight NaN in the first update that sees it.",
            "find where they come from (a division by 0, a missing value, a logarithm of 0); fill or drop those rows. "
            "Of a table: config.data.fill = {column: value}",
            1.0,
        )
    return Finding(
        "labels_out_of_range",
        str(error),
        "Each label must be the number of one of the model's outputs, counted from 0; a label beyond them has no "
        "output that could learn it, and on a GPU gives a loss of NaN without a word.",
        "count the classes from 0 (y - y.min()), or say how many there are: config.data.num_classes",
        1.0,
    )
