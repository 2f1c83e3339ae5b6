"""What cannot be trained, said before anything starts."""

import os
from collections.abc import Iterable
from typing import Any

import keras

from tf_tricks.annotations import Augment
from tf_tricks.engines import engine
from tf_tricks.errors import RequestError, check_number
from tf_tricks.optimizers.sam import SharpnessAwareModel


def check_batch(batch_size: int, num_examples: int, num_replicas: int, micro_batch: int | None) -> None:
    """Raises a `RequestError` if a batch cannot be split over the replicas and micro-batches."""
    check_number("batch_size", batch_size, minimum=1, integer=True)
    if batch_size > num_examples:
        raise RequestError(
            f"a batch of {batch_size} is larger than the training set of {num_examples} examples: give a smaller "
            "batch_size"
        )
    if batch_size % num_replicas:
        near = max(num_replicas, round(batch_size / num_replicas) * num_replicas)
        raise RequestError(f"a batch of {batch_size} cannot be split over {num_replicas} replicas; {near} can")
    if micro_batch is None:
        return
    check_number("micro_batch", micro_batch, minimum=1, integer=True)
    if micro_batch % num_replicas:
        raise RequestError(f"micro_batch={micro_batch} cannot be split over {num_replicas} replicas")
    if batch_size > micro_batch and batch_size % micro_batch:
        raise RequestError(f"a batch of {batch_size} is not a multiple of micro_batch={micro_batch}")


def check_pairs(augment: Augment | None, batch_size: int, num_replicas: int, micro_batch: int | None) -> None:
    """Raises a `RequestError` if `augment` mixes examples in pairs, and a device would get an odd number at once.

    Args:
        augment: an augmentation or None.
        batch_size: examples an update.
        num_replicas: devices.
        micro_batch: most examples in the devices' memory at once, or None.
    """
    at_once = (batch_size if micro_batch is None else min(batch_size, micro_batch)) // num_replicas
    if getattr(augment, "mixes", False) and at_once % 2:
        name = getattr(augment, "kind", type(augment).__name__)
        what = f"a batch of {batch_size}" + ("" if micro_batch is None else f" with micro_batch={micro_batch}")
        devices = "the device" if num_replicas == 1 else f"each of {num_replicas} devices"
        raise RequestError(f"{name} needs an even batch on each device, but {what} puts {at_once} on {devices}")


def check_built(model: keras.Model) -> None:
    """Raises a `RequestError` if there is no model with weights."""
    if not isinstance(model, keras.Model):
        raise RequestError(f"the model must be a keras.Model, not {model!r}")
    if not model.built:
        raise RequestError(f"the model {model.name!r} has no weights yet: give it a keras.Input, or call model.build")


def check_workdir(workdir: str | os.PathLike[str] | None) -> None:
    """Raises a `RequestError` if this is no path."""
    if workdir is not None and not isinstance(workdir, (str, os.PathLike)):
        raise RequestError(f"workdir must be the path of a folder, not {workdir!r}")


def check_model(model: keras.Model, num_replicas: int) -> None:
    """Raises a `RequestError` if the model changes what the trainer would have to do in its place."""
    for name in ("train_step", "test_step"):
        # The trainer makes SharpnessAwareModel's two passes itself.
        if getattr(type(model), name) not in (getattr(keras.Model, name), getattr(SharpnessAwareModel, name)):
            raise RequestError(
                f"the model {model.name!r} has a {name} of its own, which the trainer cannot carry out: override "
                "compute_loss instead, or use keras.Model.fit with the schedules of tt.callbacks"
            )
    if num_replicas > 1 and type(model).compute_loss is not keras.Model.compute_loss:
        raise RequestError(
            f"the model {model.name!r} has a compute_loss of its own: on several replicas it is not known how its "
            "parts add up; train it on one device"
        )
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.SpectralNormalization):
            raise RequestError(
                f"the layer {layer.name!r} changes its weights while it computes, which the trainer's compiled step "
                "cannot follow: use keras.Model.fit with the schedules of tt.callbacks"
            )
        if isinstance(layer, keras.layers.RNN) and layer.stateful:
            raise RequestError(
                f"the layer {layer.name!r} is stateful, and the trainer draws examples in random order, so that its "
                "state would be another example's: use keras.Model.fit with shuffle=False"
            )


def check_optimizer(
    optimizer: keras.optimizers.Optimizer,
    model: keras.Model,
    weight_decay: float | None,
    strategy: Any,
) -> keras.optimizers.Optimizer:
    """Returns the optimizer, made anew if it was made outside of the strategy.

    Raises:
        RequestError: it wants to do what is the trainer's, or is already in use elsewhere.
    """
    reason = None
    elsewhere = engine().is_elsewhere(optimizer, strategy)
    if not isinstance(optimizer._learning_rate, keras.Variable):
        reason = "has a schedule of its own; give the schedule to the trainer as learning_rate"
    elif optimizer.gradient_accumulation_steps:
        reason = "accumulates gradients itself; give the trainer micro_batch instead"
    elif optimizer.ema_overwrite_frequency:
        reason = "overwrites weights by their average while it trains; leave ema_overwrite_frequency out"
    elif optimizer.loss_scale_factor or isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        reason = "scales the loss; the trainer does that, set the dtype policy to mixed_float16"
    elif optimizer.built and not {id(v) for v in optimizer._trainable_variables} & {id(v) for v in model.weights}:
        reason = "is in use already, for another model; make a new one"
    elif optimizer.built and weight_decay is not None:
        reason = "is in use already, so that its weight_decay cannot be set; make a new one"
    elif optimizer.built and elsewhere:
        reason = "is in use already, outside of this strategy; make a new one"
    if reason:
        raise RequestError(f"the optimizer {optimizer.name!r} {reason}")
    return _made_anew(optimizer) if elsewhere else optimizer


def _made_anew(optimizer):
    """Returns a copy, made in the strategy's scope: with its exclusions, which Keras leaves out of the config."""
    made = type(optimizer).from_config(optimizer.get_config())
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if hasattr(optimizer, name):
            setattr(made, name, getattr(optimizer, name))
    return made


def check_callbacks(callbacks: Iterable[keras.callbacks.Callback]) -> None:
    """Raises a `RequestError` if a callback does what the trainer does itself, so that it would be done twice."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise RequestError(
                "BackupAndRestore restores a model only, and the trainer goes on where the run was left: "
                "give fit a workdir in its place"
            )
        if isinstance(callback, keras.callbacks.SwapEMAWeights) and callback.swap_on_epoch:
            raise RequestError(
                "SwapEMAWeights(swap_on_epoch=True) would swap twice: the trainer validates the average, and shows it "
                "to the callbacks at the end of an epoch, by itself; leave it out"
            )


def listed(
    callbacks: keras.callbacks.Callback | Iterable[keras.callbacks.Callback] | None,
) -> list[keras.callbacks.Callback]:
    """Returns one callback, None, or several, as a list."""
    if callbacks is None or isinstance(callbacks, keras.callbacks.Callback):
        return [] if callbacks is None else [callbacks]
    callbacks = list(callbacks)
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise RequestError(f"callbacks must be Keras callbacks, not {callback!r}")
    return callbacks


def wants_every_step(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback says so, or is one of Keras's that does something every so many batches."""
    frequency = getattr(callback, "save_freq", getattr(callback, "update_freq", "epoch"))
    return getattr(callback, "every_step", False) or frequency != "epoch"
