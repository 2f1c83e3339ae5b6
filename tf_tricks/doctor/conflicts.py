"""Parts of a set-up that work against each other, as far as they can be seen without running it."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from tf_tricks import callbacks
from tf_tricks.doctor.dropout_order import dropped_before_batch_norm
from tf_tricks.doctor.finding import Finding
from tf_tricks.doctor.patient import Patient

_TINY, _SMALL = 2, 4
"""Examples on a device from which a batch norm cannot estimate anything, or hardly."""

_FELT = 0.2
"""By what power of e γ shrinks over the run, from which on a decay of it is told."""


def conflicts(patient: Patient) -> list[Finding]:
    """Returns a `Finding` for each pair of parts that do not go together.

    Args:
        patient: `Patient`.
    """
    found = []
    for look in (_two_hands_on_the_rate, _batch_norm, _decay, _averages, _mixing, _dropout, _clipping, _warm_up):
        for measured, why, change, confidence in look(patient):
            found.append(Finding("tricks_in_conflict", measured, why, change, confidence))
    return found


def _two_hands_on_the_rate(patient) -> Iterator[Any]:
    changes = _changes(patient)
    plateaus = [c for c in patient.callbacks if _lowers_on_plateau(c)]
    setters = [c for c in patient.callbacks if isinstance(c, keras.callbacks.LearningRateScheduler)]
    if changes and plateaus:
        yield (
            f"{type(plateaus[0]).__name__} lowers the rate on top of the schedule {patient.trainer.learning_rate!r}",
            "Both lower the same rate: noise in the metric is taken for a plateau, and the product of the two is near "
            "0 long before the run ends. A schedule that ends at 0 needs no plateau, a plateau a rate that stays.",
            "leave one out: config.callbacks = [], or a constant config.learning_rate",
            0.8,
        )
    if changes and setters:
        yield (
            f"LearningRateScheduler sets the rate that the schedule {patient.trainer.learning_rate!r} decides",
            "The callback's rate stands in the place of the schedule's, which has no effect.",
            "leave one of the two out",
            0.7,
        )
    if len(plateaus) > 1:
        names = " and ".join(type(callback).__name__ for callback in plateaus)
        yield (f"{names} lower the same rate", "Each plateau counts twice.", "leave one of them out", 0.6)


def _changes(patient):
    """Whether the rate falls by its schedule: a warm-up that ends in a constant does not."""
    rate, epochs = patient.trainer.learning_rate, patient.epochs
    values = [float(rate(epoch)) for epoch in np.linspace(0, epochs * 0.999, 50)]
    return values[-1] < 0.7 * max(values)


def _lowers_on_plateau(callback):
    return isinstance(callback, (keras.callbacks.ReduceLROnPlateau, callbacks.DecayOnPlateau))


def _batch_norm(patient) -> Iterator[Any]:
    trained = [
        layer
        for layer in patient.trainer.model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    trainer = patient.trainer
    size = int(trainer.batch_size(0.0))
    at_once = min(size, trainer.micro_batch or size)
    synchronized = all(getattr(layer, "synchronized", False) for layer in trained)
    at_once = at_once if synchronized else at_once // trainer.num_replicas
    if not trained or at_once > _SMALL:
        return
    yield (
        f"batch norm ({len(trained)} layers) takes mean and variance of {at_once} examples at once",
        "The statistics of so few are mostly noise, and not those that inference uses (Wu and He 2018, "
        "arXiv:1803.08494, figure 1; Ioffe 2017, arXiv:1702.03275).",
        "a larger config.batch_size (32 or more); or layers that take no statistics of the batch: "
        "keras.layers.GroupNormalization, LayerNormalization",
        0.93 if at_once <= _TINY else 0.7,
    )


def _decay(patient) -> Iterator[Any]:
    trainer = patient.trainer
    decay = trainer.optimizer.weight_decay or 0.0
    l2 = trainer.update.l2 or 0.0
    regularized = [
        variable for variable in trainer.model.trainable_variables if _has_l2(getattr(variable, "regularizer", None))
    ]
    twice = [name for name, there in (("l2", l2), ("weight_decay", decay), ("regularizers", regularized)) if there]
    if len(twice) > 1:
        yield (
            f"the weights are drawn to 0 by {' and by '.join(twice)}",
            "With a plain rate they are the same thing, done twice; with Adam they are not (Loshchilov and Hutter "
            "2019, arXiv:1711.05101), and neither is the strength that was asked for.",
            "leave one: config.l2 = 0, or config.weight_decay = None",
            0.55,
        )
    yield from _decay_on_batch_norm(patient, decay, l2)


def _decay_on_batch_norm(patient, decay, l2):
    trainer = patient.trainer
    if _total(patient) * max(decay, 2 * l2) < _FELT:
        return
    scales = [
        variable
        for layer in trainer.model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
        for variable in layer._trainable_variables
    ]
    decayed = [variable for variable in scales if _decays(trainer, variable, decay, l2)]
    if decayed:
        yield (
            f"decay of {max(decay, l2):g} acts on γ and β of batch norm, {len(decayed)} variables",
            "A decay of γ does not make the function smaller, as the next batch norm takes the scale away; it only "
            "makes gradients small (He et al. 2019, arXiv:1812.01187, section 3.1: no bias decay).",
            "config.exclude_from_weight_decay = ['bias$', 'gamma$', 'beta$']",
            0.5,
        )


def _total(patient):
    """The sum of the rates of all updates: times λ, by what power of e weights shrink over the run."""
    rate, epochs = patient.trainer.learning_rate, patient.epochs
    mean = float(np.mean([rate(epoch) for epoch in np.linspace(0, epochs * 0.999, 50)]))
    return mean * epochs * patient.stream.source.num_examples / float(patient.trainer.batch_size(0.0))


def _decays(trainer, variable, decay, l2):
    penalized = {id(v) for v, is_decayed in zip(trainer.update.variables, trainer.update.decayed) if is_decayed}
    if l2 and id(variable) in penalized:
        return True
    core = getattr(trainer.optimizer, "core", trainer.optimizer)
    return bool(decay) and core._use_weight_decay(variable)


def _has_l2(regularizer):
    return float(np.max(getattr(regularizer, "l2", 0.0) or 0.0)) > 0


def _averages(patient) -> Iterator[Any]:
    swaps = [c for c in patient.callbacks if isinstance(c, keras.callbacks.SwapEMAWeights)]
    normed = any(isinstance(one, keras.layers.BatchNormalization) for one in patient.trainer.model._flatten_layers())
    if normed and (swaps or getattr(patient.trainer.optimizer, "use_ema", False)):
        yield (
            "weights are averaged (use_ema, SwapEMAWeights) in a model with batch norm",
            "Moving mean and variance are those of the weights that were trained, and do not fit their average "
            "(Izmailov et al. 2018, arXiv:1803.05407, section 3.2).",
            "config.callbacks = ['exponential_moving_average'], which makes batch norm's statistics anew",
            0.6,
        )


def _mixing(patient) -> Iterator[Any]:
    augmentation = patient.stream.augment
    if not _mixes(augmentation):
        return
    for name in _compiled_names(patient.trainer.model):
        if "sparse" in name and not name.startswith("tf_tricks"):
            yield (
                f"{name.removeprefix('keras.')} gets labels that {getattr(augmentation, 'kind', 'mixing')} has mixed, "
                "a distribution for each example",
                "Mixed examples have two classes by shares (Zhang et al. 2018, arXiv:1710.09412): what wants an "
                "integer fails, or takes a share for one.",
                "config.metrics = ['accuracy'] and the default loss take both; in Keras categorical_crossentropy and "
                "categorical_accuracy",
                0.95,
            )
            return


def _mixes(augmentation):
    inside = getattr(augmentation, "augmentations", None) or []
    return getattr(augmentation, "mixes", False) or any(getattr(one, "mixes", False) for one in inside)


def _compiled_names(model) -> Iterator[str]:
    """Names of losses and metrics, with the package that they are from."""
    config = getattr(getattr(model, "_compile_config", None), "config", None) or {}
    for part in keras.tree.flatten([config.get("loss"), config.get("metrics"), config.get("weighted_metrics")]):
        if isinstance(part, str):
            yield part
        elif part is not None:
            function = getattr(part, "fn", None) or getattr(part, "_fn", None) or type(part)
            given, own = getattr(part, "name", None), function.__name__  # somebody may have called it just "accuracy"
            shown = own if given in (None, own) else f"{given} ({own})"
            yield f"{function.__module__.split('.')[0]}.{shown}"


def _dropout(patient) -> Iterator[Any]:
    for dropout, norm, rate, at_once in dropped_before_batch_norm(patient.trainer.model):
        if at_once or rate >= 0.4:
            yield (
                f"the batch norm {norm!r} comes after the dropout {dropout!r} of rate {rate:g}",
                "Dropout makes the variance in training larger than in inference, and batch norm keeps the larger one: "
                "a shift of variance (Li et al. 2018, arXiv:1801.05134).",
                "put dropout after the last batch norm, or leave it out",
                0.6 if at_once else 0.4,
            )
            return


def _clipping(patient) -> Iterator[Any]:
    update = patient.trainer.update
    given = [name for name in ("clip_value", "clip_norm", "clip_global_norm") if getattr(update, name) is not None]
    if len(given) > 1:
        yield (
            f"gradients are clipped by {' and by '.join(given)}",
            "The second acts on what the first has left, and its bound is not the one that was tuned.",
            "leave one of them",
            0.35,
        )


def _warm_up(patient) -> Iterator[Any]:
    rate, epochs = patient.trainer.learning_rate, patient.epochs
    values = [float(rate(epoch)) for epoch in np.linspace(0, epochs * 0.999, 200)]
    largest = max(values)
    later = max(float(rate(epoch)) for epoch in np.linspace(epochs, 3 * epochs, 50))
    if largest > 0 and values.index(largest) >= 190 and values[0] < 0.3 * largest and later > 1.05 * largest:
        yield (
            f"the learning rate still rises when the run of {epochs:g} epochs ends, at {largest:.3g} of {later:.3g}",
            "A warm-up is for the first updates (Goyal et al. 2017, arXiv:1706.02677, section 2.2); here the run is "
            "all warm-up.",
            "a shorter config.learning_rate.epochs, or more config.epochs",
            0.7,
        )
