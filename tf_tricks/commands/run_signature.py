"""What the model of a run takes and gives: as the run keeps it, else from its data, else from its loss."""

from typing import Any

from tf_tricks.errors import RequestError


def signature_of(folder: Any, config: dict[str, Any] | None, strategy: Any, model: Any) -> tuple[Any, list[Any]]:
    """Returns the `InputSpec`, None where it is not known, and the list of `Output` of a finished run.

    Runs of earlier releases keep neither: of a config the data are loaded then, which is said in a line; of a run of
    `Trainer.fit` the loss tells what it can.

    Args:
        folder: the run's.
        config: its resolved config, or None of a run of `Trainer.fit`.
        strategy: the `tf.distribute.Strategy`.
        model: the run's.
    """
    from tf_tricks.training import signature, workdir

    spec, outputs = signature.kept(workdir.read(folder))
    if outputs is not None:
        return spec, outputs
    if config is None:
        return None, _of_loss(folder, strategy, model)
    print(f"the run in {folder} does not keep what its outputs are, as those of earlier releases: its data are loaded")
    return signature.kept(_of_data(config, strategy, model))  # type: ignore[return-value]


def _of_data(config, strategy, model):
    from tf_tricks.config import parts
    from tf_tricks.training.examples import check_examples
    from tf_tricks.training.signature import signature
    from tf_tricks.training.trainer import Trainer

    built = parts.build(config, strategy)
    trainer = Trainer(model, **built.trainer_arguments)
    check_examples(trainer, built.splits.train, "the training data")  # from here on the losses are known
    return signature(model, built.splits.train)


def _of_loss(folder, strategy, model):
    """The outputs by the loss that the model was saved with: that of a single one, as far as it can be told."""
    import keras

    from tf_tricks.training import outputs, saved_model

    if not getattr(model, "outputs", None):
        raise RequestError(
            f"the run in {folder} does not keep what its outputs are, as those of earlier releases: train on for an "
            "epoch with this one"
        )
    with strategy.scope():
        loss = saved_model.load(folder, compile=True).loss
    single = not keras.tree.is_nested(model.output)
    loss = keras.losses.get(loss) if single and isinstance(loss, str) else loss
    loss = loss if single and isinstance(loss, keras.losses.Loss) else None
    names = outputs.names_of(model, model.output)
    return [
        outputs.describe(name, tensor.shape, loss, None, outputs.last_activation(model, i))
        for i, (name, tensor) in enumerate(zip(names, keras.tree.flatten(model.output)))
    ]
