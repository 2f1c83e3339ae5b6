"""From a config to the parts it names, and what a config may say."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras

from tf_tricks import augment, callbacks, data, layers, losses, models, optimizers, schedules
from tf_tricks.config.config_keys import DEFAULTS, FOLDER_OPTIONS, RENAMED
from tf_tricks.data.labels import BINARY, CLASSES, DISTRIBUTIONS, FLOAT_INTEGERS, INTEGERS, MULTI_HOT, ONE_HOT, Labels
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.models.pretrained import described
from tf_tricks.training.freezing import Unfreezing, freeze
from tf_tricks.training.init_from import init_from
from tf_tricks.training.outputs import last_activation

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclasses.dataclass
class Parts:
    """What a config stands for, ready for the trainer."""

    splits: Any
    stream: Any
    model: keras.Model
    trainer_arguments: dict
    fit_arguments: dict
    unfreezing: Unfreezing | None = None


def resolve(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the config as a plain dict with every key of `DEFAULTS`, checked for names that do not exist."""
    given = plain(config)
    for key in given:
        if key not in DEFAULTS:
            raise unknown("config key", key, DEFAULTS, meant=RENAMED.get(key))
    resolved = DEFAULTS | given
    for key in ("epochs", "data", "model"):
        if resolved[key] is None:
            raise RequestError(f"the config does not say {key}")
    if resolved["noise_scale"] is None:
        for key in ("learning_rate", "batch_size"):
            if resolved[key] is None:
                raise RequestError(f"the config does not say {key}")
    check_number("epochs", resolved["epochs"], above=0, maximum=10**9)
    check_number("seed", resolved["seed"], minimum=0, maximum=2**32 - 1, integer=True)
    if resolved["precision"] not in PRECISIONS:
        raise unknown("precision", resolved["precision"], PRECISIONS)
    for key in ("deterministic", "histograms", "init_from_strict", "frozen_batch_norm"):
        if not isinstance(resolved[key], bool):
            raise RequestError(f"{key} must be True or False, not {resolved[key]!r}")
    return resolved


def plain(value: Any) -> Any:
    """Returns a config with its dicts and lists as plain Python."""
    if hasattr(value, "items"):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def build(
    config: dict[str, Any],
    strategy: Any,
    num_replicas: int | None = None,
    load_weights: bool = True,
    splits: data.Splits | None = None,
    model: keras.Model | None = None,
) -> Parts:
    """Returns the `Parts` of a resolved config; `start` gives its model the weights of `init_from`.

    Args:
        config: dict from `resolve`.
        strategy: the `tf.distribute.Strategy` in whose scope the model is made.
        num_replicas: for which the schedules are made; None for those of the strategy.
        load_weights: whether the model reads weights that its part of the config names.
        splits: the data, where they have been read already.
        model: where there is one already.
    """
    keras.utils.set_random_seed(config["seed"])
    keras.config.set_dtype_policy(config["precision"])
    splits = data.get(config["data"], seed=config["seed"]) if splits is None else splits
    source = splits.train
    learning_rate, batch_size = schedules_of(config, source, num_replicas or strategy.num_replicas_in_sync)
    unfreezing = None
    if model is None:
        model = _model(config, strategy, splits, load_weights)
        if config["trained_blocks"] is not None:
            unfreezing = freeze(model, config["trained_blocks"], config["frozen_batch_norm"])
    if config["loss"] is None:
        loss, metrics = default_loss_and_metrics(source.labels)
    else:
        loss, metrics = _loss_of(config["loss"], model), _default_metrics(source.labels)
        if getattr(source.labels, "kind", None) == INTEGERS and _takes_classes(loss):
            metrics = ["accuracy"]  # of each token or pixel
    if config["metrics"] is not None:
        metrics = config["metrics"] if isinstance(config["metrics"], list) else [config["metrics"]]
    same = ("l2", "weight_decay", "exclude_from_weight_decay", "clip_value", "clip_norm", "clip_global_norm")
    same += ("micro_batch", "jit_compile", "evaluation_batch_size")  # type: ignore[assignment]
    return Parts(
        splits=splits,
        stream=stream(config, source),
        model=model,
        trainer_arguments=dict(
            optimizer=optimizers.get(config["optimizer"]),
            learning_rate=learning_rate,
            batch_size=batch_size,
            loss=loss,
            metrics=metrics,
            strategy=strategy,
            **{key: config[key] for key in same},
        ),
        fit_arguments=fit_arguments(config, splits, unfreezing),
        unfreezing=unfreezing,
    )


def _model(config, strategy, splits, load_weights):
    source = splits.train
    with strategy.scope():
        return models.get(
            config["model"],
            load_weights=load_weights,
            input_shape=source.input_shape,
            num_outputs=source.num_outputs,
            input_dtype=source.input_dtype,
            mean=splits.mean,
            variance=splits.variance,
            preprocessing=_adapted(splits),
            vocabulary=splits.vocabulary,
            init_from=config["init_from"],
        )


def start(config: Mapping[str, Any], model: keras.Model) -> str | None:
    """Gives a model the weights that `init_from` of a resolved config names; returns a line of it, None for none.

    A pretrained model has them already.

    Args:
        config: dict from `resolve`.
        model: of `build`.
    """
    origin, name = config["init_from"], config["model"]
    if origin is None:
        return None
    if name == "pretrained" or (hasattr(name, "get") and name.get("name") == "pretrained"):
        return f"starts with the model of {origin}; {described(model)}"
    return init_from(model, origin, config["init_from_strict"])


def fit_arguments(
    config: Mapping[str, Any], splits: data.Splits, unfreezing: Unfreezing | None = None
) -> dict[str, Any]:
    """Returns what a resolved config says of a call of `Trainer.fit`, but for the test.

    Args:
        config: dict from `resolve`.
        splits: the data.
        unfreezing: of the model, or None.
    """
    joining = [] if unfreezing is None else unfreezing.callbacks
    return dict(
        epochs=config["epochs"],
        validation=splits.validation,
        class_weight=_class_weight(config["class_weight"]),
        callbacks=[*joining, *(callbacks.get(c) for c in _listed(config["callbacks"]))],
        frozen_features=config["frozen_features"],
        keep_best=config["keep_best"],
        **{key: config[key] for key in FOLDER_OPTIONS},
    )


def default_loss_and_metrics(labels: Any) -> tuple[keras.losses.Loss, list[Any]]:
    """Returns what the labels are learned by where the config does not say it; the package's models give logits.

    Args:
        labels: of the training examples: a `Labels`, or None.

    Raises:
        RequestError: the config must say it.
    """
    if not isinstance(labels, Labels):
        what = "no labels" if labels is None else "several kinds of labels"
        raise RequestError(f"the data have {what}, so that the config must say the loss, --config.loss=…")
    if labels.kind == FLOAT_INTEGERS:
        raise RequestError(
            f"the labels are floats that are all integers, {labels.minimum:g} to {labels.maximum:g}: if they are "
            "classes, say --config.data.num_classes; if they are values, --config.loss=mean_squared_error"
        )
    if labels.kind == INTEGERS:
        raise RequestError(
            f"the labels are several integers for each example, {labels.minimum:g} to {labels.maximum:g}: if they are "
            "classes, say --config.loss=sparse_categorical_crossentropy; if they are values, "
            "--config.loss=mean_squared_error"
        )
    metrics = _default_metrics(labels)
    if labels.kind in (CLASSES, ONE_HOT, DISTRIBUTIONS):
        return losses.get({"name": "sparse_categorical_crossentropy", "from_logits": True}), metrics
    if labels.kind in (MULTI_HOT, BINARY):
        return losses.get({"name": "binary_crossentropy", "from_logits": True}), metrics
    return losses.get("mean_squared_error"), metrics


def _default_metrics(labels):
    """How the labels are measured where the config does not say it."""
    kind = getattr(labels, "kind", None)
    if kind in (CLASSES, ONE_HOT, DISTRIBUTIONS):
        return ["accuracy"]
    return [{"name": "binary_accuracy", "threshold": 0.0}] if kind in (MULTI_HOT, BINARY) else []


def _loss_of(identifier, model):
    """Returns the loss that a config names; one that takes logits or probabilities knows which the model gives.

    For several outputs it is a list of them, or a dict by their names.
    """
    if isinstance(identifier, (list, tuple)):
        return [_loss_of(one, model) for one in identifier]
    if hasattr(identifier, "items") and "name" not in identifier:
        return {key: _loss_of(one, model) for key, one in identifier.items()}
    arguments = {"name": identifier} if isinstance(identifier, str) else dict(identifier)
    without_smoothing = {key: value for key, value in arguments.items() if key != "label_smoothing"}  # it wants logits
    if "from_logits" in arguments or "from_logits" not in losses.get(without_smoothing).get_config():
        return losses.get(arguments)
    return losses.get(arguments | {"from_logits": last_activation(model) is None})


def _takes_classes(loss):
    return "sparse_categorical" in getattr(loss, "name", "")


def _listed(value):
    """One callback may stand for a list of one."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _class_weight(given):
    """A config's class_weight; a dict that was kept as JSON has text for keys."""
    return {int(key): value for key, value in given.items()} if hasattr(given, "items") else given


def stream(config: Mapping[str, Any], source: Any) -> data.Stream:
    """Returns the `tt.data.Stream` of a resolved config's training examples, augmented as it says.

    Args:
        config: dict from `resolve`.
        source: of the training examples.
    """
    augmentation = augment.get(
        config["augment"],
        num_classes=source.num_classes,
        num_examples=source.num_examples,
        total_epochs=config["epochs"],
    )
    return data.Stream(source, seed=config["seed"], augment=augmentation, augment_on=config["augment_on"])


def _adapted(splits):
    if splits.preprocessing is None:
        return None
    layer = layers.get(splits.preprocessing)
    layer.adapt(splits.train)
    return layer


def schedules_of(config: Mapping[str, Any], source: Any, num_replicas: int) -> tuple[Any, Any]:
    """Returns the schedules of the learning rate and of the batch size.

    Args:
        config: dict from `resolve`.
        source: of the training examples.
        num_replicas: for which they are made.
    """
    known = dict(total_epochs=config["epochs"], num_replicas=num_replicas, num_examples=source.num_examples)
    if config["noise_scale"] is not None:
        for key in ("learning_rate", "batch_size"):
            if config[key] is not None:
                raise RequestError(f"noise_scale decides the learning rate and the batch size: leave {key} out")
        return schedules.get_noise_scale(config["noise_scale"], **known)
    batch_size = schedules.get(config["batch_size"], **known)
    return schedules.get(config["learning_rate"], batch_size=batch_size, **known), batch_size
