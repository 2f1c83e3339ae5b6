"""Loss and metrics of a model as `keras.Model.compile` takes them, ready for replicas and micro-batches."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras.src.trainers.compile_utils import CompileLoss

from tf_tricks import losses
from tf_tricks.annotations import Named
from tf_tricks.engines.shares import SharedLoss, Shares
from tf_tricks.errors import RequestError
from tf_tricks.keras_names import classes_by_name
from tf_tricks.named_parts import NamedParts
from tf_tricks.training.metrics import Accuracy

_METRICS = NamedParts("metric", classes_by_name(keras.metrics, keras.metrics.Metric))
_ACCURACIES = ("accuracy", "acc")
DEFAULT_LOSS = {"name": "sparse_categorical_crossentropy", "from_logits": True}


def compile_model(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    loss: Any,
    loss_weights: Any = None,
    metrics: Any = None,
    weighted_metrics: Any = None,
) -> Shares:
    """Compiles a model by `keras.Model.compile`; its losses know their share of a batch.

    Args:
        model: a built `keras.Model`.
        optimizer: a Keras optimizer.
        loss: what `compile` takes: a loss, its name, a function of labels and outputs, or a structure of them. Names
            in snake case and dicts with `"name"` are those of `tt.losses.get`.
        loss_weights: what `compile` takes.
        metrics: what `compile` takes, likewise.
        weighted_metrics: what `compile` takes, likewise.

    Returns:
        The model's `Shares`.

    Raises:
        RequestError: Keras does not take one of them.
    """
    loss = _each(_loss, loss)
    try:
        model.compile(
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=_each(get_metric, _listed(metrics)),
            weighted_metrics=_each(get_metric, _listed(weighted_metrics)),
            jit_compile=False,
            auto_scale_loss=False,
        )
    except (TypeError, ValueError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"Keras cannot compile this: {_first_line(error)}") from error
    shares = Shares()
    if model._compile_loss is not None:
        # In place of Keras's own, and not among the arguments of compile: the model is saved with those.
        shared = _each(lambda one: None if one is None else SharedLoss(one, shares), loss)
        names = getattr(model, "output_names", None)
        model._compile_loss = CompileLoss(shared, loss_weights, output_names=names)
    return shares


def compiled_arguments(model: keras.Model, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the model was compiled with where the trainer is given no loss; what it is given goes first."""
    config = getattr(model, "_compile_config", None)
    config = getattr(config, "config", None) or {}
    found = {key: config.get(key) if value is None else value for key, value in given.items()}
    if found["loss"] is None and not config and type(model).compute_loss is keras.Model.compute_loss:
        found["loss"] = DEFAULT_LOSS
    return found


def rate_of(optimizer: keras.optimizers.Optimizer | Named) -> float:
    """Returns the learning rate of a Keras optimizer that has a constant one, else 0.1."""
    rate = getattr(optimizer, "_learning_rate", None)
    return float(np.asarray(rate)) if isinstance(rate, keras.Variable) else 0.1


def get_metric(
    identifier: keras.metrics.Metric | Named | Callable[..., Any] | None,
) -> keras.metrics.Metric | str | None:
    """Returns a metric from a name, a dict with `"name"` and its arguments, a Keras metric, or a function.

    `"accuracy"` is what Keras makes of it: binary, categorical or sparse, by the shapes of labels and outputs.
    """
    if isinstance(identifier, str) and identifier in _ACCURACIES:
        return Accuracy(identifier)
    if identifier is None or isinstance(identifier, keras.metrics.Metric):
        return identifier
    if _is_named_part(identifier):
        return _METRICS.get(identifier)
    if isinstance(identifier, str):
        return _by_name(_METRICS, keras.metrics, identifier)
    if callable(identifier):
        return keras.metrics.get(identifier)
    raise RequestError(f"a metric must be a name, a dict with 'name', a Keras metric or a function, not {identifier!r}")


def _loss(identifier):
    if identifier is None or isinstance(identifier, keras.losses.Loss):
        return identifier
    if _is_named_part(identifier):
        return losses.get(identifier)
    if isinstance(identifier, str):
        if identifier.lower() in ("crossentropy", "ce"):
            return identifier  # Keras chooses by the shapes, once it knows them
        return _by_name(losses.REGISTRY, keras.losses, identifier)
    if callable(identifier):
        return keras.losses.get(identifier)
    raise RequestError(f"a loss must be a name, a dict with 'name', a Keras loss or a function, not {identifier!r}")


def _by_name(registry, module, name):
    """What a string stands for: `compile` keeps Keras's own names as they are, so that histories have them."""
    try:
        module.get(name)
    except ValueError:
        return registry.get(name)
    return name


def _is_named_part(value):
    return hasattr(value, "items") and isinstance(value.get("name"), str)


def _listed(metrics):
    """A single metric, or a tuple of them, as the list that `compile` wants."""
    if metrics is None or isinstance(metrics, list) or (hasattr(metrics, "items") and not _is_named_part(metrics)):
        return metrics
    return list(metrics) if isinstance(metrics, tuple) else [metrics]


def _each(function, structure):
    """Returns the structure with `function` of each part, which may be a dict with a name."""
    if isinstance(structure, (list, tuple)):
        return type(structure)(_each(function, value) for value in structure)
    if hasattr(structure, "items") and not _is_named_part(structure):
        return {key: _each(function, value) for key, value in structure.items()}
    return function(structure)


def _first_line(error):
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
