"""Layers that join the training one group after another, from the last one down."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tf_tricks.callbacks.model_state import state_variables
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.patterns import compiled
from tf_tricks.registry import register


@register("callbacks", "gradual_unfreezing", example={"stages": {0: ["logits"], 1: [".*"]}})
class GradualUnfreezing(keras.callbacks.Callback):
    """Trains the last layers first and lets the others join at later epochs, within one run.

    For fine-tuning: Howard & Ruder 2018, arXiv:1801.06146, section 3.3. New last layers send large, useless gradients
    down at first, which would destroy what the pre-trained ones know. A stage says from which epoch on which layers are
    trained; they stay so to the end. What is still frozen has no update at all: no gradient, no weight decay, no L2, no
    moving average; the optimizer's slots wait at zero, its step counter does not. A frozen batch norm runs in inference
    mode and keeps its statistics, as Keras has it.

    All weights that are to join must be trainable when the run starts: those that were frozen before stay frozen. When
    the run ends, all are trainable again. Each stage costs one compilation.

    Use it when a pre-trained model gets a new last layer and a few thousand examples.

    Avoid it when the model starts from random weights, or the new examples are many: then all layers can learn at once.
    The discriminative rates of the same paper (`layer_wise_decay`) do nearly the same, without stages.

    Config:
        config.callbacks = [dict(name="gradual_unfreezing", stages={"0": ["dense.*"], "2": [".*"]})]

    Args:
        stages: dict of the epoch, counted from 0, to a list of regular expressions. A weight joins when one of them
            matches the whole name of its layer, of a layer or model around that, or the weight's own
            (`"conv_1/kernel"`); or, in Python, of layers, with all that they hold. There must be a stage for epoch 0.
            Epochs may be strings, as in JSON.
        layers_per_stage: in place of `stages`: how many more layers join at each stage, counted from the last one;
            layers without weights do not count.
        epochs_per_stage: epochs from one stage to the next with `layers_per_stage`, default 1.

    Raises:
        RequestError: both or neither of `stages` and `layers_per_stage` are given, or they are not that; nothing in the
            model matches an expression; in plain `fit`, the model has no weights yet.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks.callbacks.gradual_unfreezing import GradualUnfreezing
        >>> body, head = keras.layers.Dense(2, name="body"), keras.layers.Dense(1, name="head")
        >>> model = keras.Sequential([keras.Input((2,)), body, head])
        >>> model.compile("sgd", "mean_squared_error")
        >>> watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, body.trainable))
        >>> unfreezing = GradualUnfreezing({0: ["head"], 2: [".*"]})
        >>> _ = model.fit(np.ones((8, 2)), np.ones(8), epochs=3, callbacks=[unfreezing, watch], verbose=0)
        0 False
        1 False
        2 True
    """

    _epoch: int | None

    def __init__(
        self,
        stages: Mapping[int, Sequence[str | keras.layers.Layer]] | Mapping[str, Sequence[str]] | None = None,
        layers_per_stage: int | None = None,
        epochs_per_stage: int = 1,
    ):
        super().__init__()
        if (stages is None) == (layers_per_stage is None):
            raise RequestError("GradualUnfreezing needs either stages or layers_per_stage")
        if layers_per_stage is not None:
            check_number("layers_per_stage", layers_per_stage, minimum=1, integer=True)
        self.stages = None if stages is None else _checked(stages)
        self.layers_per_stage = layers_per_stage
        self.epochs_per_stage = check_number("epochs_per_stage", epochs_per_stage, minimum=1, integer=True)
        self._trainer = None
        self._running = False

    def set_trainer(self, trainer: Any) -> None:
        """Notes the `tt.Trainer`."""
        self._trainer = trainer

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Looks up what joins when."""
        del logs
        if self._running:  # an earlier run was broken off
            self._unfreeze_all()
        model, optimizer = self.model, self.model.optimizer
        if not model.built:
            raise RequestError(f"the model {model.name!r} has no weights yet to freeze: give it a keras.Input")
        if not optimizer.built:  # it has to know all that will ever be trained
            state_variables(model)  # builds it
        inner = getattr(optimizer, "inner_optimizer", None)  # of a LossScaleOptimizer
        self._optimizers = [_OptimizerVariables(o) for o in (optimizer, inner) if o is not None]
        known = self._optimizers[-1].variables  # in Keras 3.10 a LossScaleOptimizer itself knows none
        parts = [_Part(layer, around, known) for layer, around in _layers_with_weights(model)]
        self._parts = [part for part in parts if part.can_join]
        if self.layers_per_stage is not None:
            for i, part in enumerate(reversed(self._parts)):
                part.join_at(i // self.layers_per_stage * self.epochs_per_stage)
        else:
            self._check_matches(parts)
            for part in self._parts:
                part.join_by_name(self.stages)
        self._running, self._epoch, self._flags = True, None, None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Lets those join whose epoch it is."""
        del logs
        self._set_stage(epoch)
        self._epoch = epoch

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Makes all trainable again that was so before."""
        del logs
        self._unfreeze_all()

    def get_state(self) -> dict[str, Any]:
        """Returns what a checkpoint keeps."""
        return {"epoch": self._epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        """Puts the state of `get_state` back: a resumed run may go on in the middle of an epoch."""
        self._epoch = state["epoch"]
        if self._epoch is not None:
            self._set_stage(self._epoch)

    def _set_stage(self, epoch):
        flags = [flag for part in self._parts for flag in part.set_trainable(epoch)]
        if flags == self._flags:
            return
        self._flags = flags
        for optimizer in self._optimizers:
            optimizer.narrow(joined_after=self._epoch is not None)
        self._rebuild()

    def _unfreeze_all(self):
        for part in self._parts:
            part.set_trainable(math.inf)
        for optimizer in self._optimizers:
            optimizer.widen()
        self._running = False
        self._rebuild()

    def _rebuild(self):
        """Has the training step compiled anew; a change of `trainable` does nothing by itself."""
        if self._trainer is not None:
            self._trainer.run.retrace()
            return
        if hasattr(self.model, "_record_training_state_sharding_spec"):  # Keras 3.10 on JAX: a list for what is trained
            self.model._record_training_state_sharding_spec()
        self.model.make_train_function(force=True)
        self.model.test_function = self.model.predict_function = None  # Keras makes them when it needs them

    def _check_matches(self, parts):
        for pattern in (pattern for patterns in self.stages.values() for pattern in patterns):
            if any(part.matches(pattern) for part in self._parts):
                continue
            shown = getattr(pattern, "pattern", getattr(pattern, "name", pattern))
            if any(part.matches(pattern) for part in parts):
                raise RequestError(
                    f"{shown!r} names only weights that were frozen before the run or before the optimizer "
                    "was built: make them trainable, GradualUnfreezing freezes them itself"
                )
            raise unknown("layer", shown, {name for part in parts for name in part.names})


class _Part:
    """A layer with weights of its own, and the epochs from which on they are trained.

    Args:
        layer: the Keras layer.
        around: it and the layers around it.
        known: the variables that the optimizer knows.
    """

    def __init__(self, layer, around, known):
        self.layer = layer
        self.around = around
        self.names = {one.name for one in around}
        ids = {id(v) for v in known}
        self.variables = [v for v in layer._trainable_variables if v.trainable and id(v) in ids]
        self.can_join = layer.trainable and bool(self.variables or not layer._trainable_variables)

    def matches(self, pattern):
        """Returns whether a pattern matches the layer or one of its weights."""
        weights = [*self.layer._trainable_variables, *self.layer._non_trainable_variables]
        return any(self._matches(pattern, variable) for variable in weights)

    def join_at(self, epoch):
        """Lets all weights join at an epoch."""
        self._layer_start, self._starts = epoch, [epoch] * len(self.variables)

    def join_by_name(self, stages):
        """Lets the weights join at the stages that name them."""

        def start(matches):
            return min((e for e, patterns in stages.items() if any(map(matches, patterns))), default=math.inf)

        self._layer_start = start(self.matches)
        self._starts = [start(lambda pattern, v=v: self._matches(pattern, v)) for v in self.variables]

    def set_trainable(self, epoch):
        """Sets layer and weights as they are to be at an epoch; returns the flags."""
        # Not the public property of the layer, which would set all weights and sublayers, too.
        self.layer._trainable = epoch >= self._layer_start
        for variable, start in zip(self.variables, self._starts):
            variable.trainable = epoch >= start
        return [self.layer._trainable, *(v.trainable for v in self.variables)]

    def _matches(self, pattern, variable):
        if isinstance(pattern, keras.layers.Layer):
            return any(pattern is layer for layer in self.around)
        names = [*self.names, variable.path, f"{self.layer.name}/{variable.name}"]
        return any(pattern.fullmatch(name) for name in names)


class _OptimizerVariables:
    """The variables that a Keras optimizer was built with, narrowed to those that are trained now.

    An optimizer updates any subset of its variables that it is given. But on JAX it insists on getting all of "its"
    variables, and everywhere it pairs them with its moving averages by their order. So the three attributes that say
    which variables are its own are replaced; the slots, which are found by index, stay where they are.
    """

    _NAMES = ("_trainable_variables", "_trainable_variables_indices", "_model_variables_moving_average")

    def __init__(self, optimizer):
        self._optimizer = optimizer
        self._all = {name: vars(optimizer)[name] for name in self._NAMES if name in vars(optimizer)}
        self.variables = list(optimizer._trainable_variables)

    def narrow(self, joined_after):
        """Leaves the optimizer with the trainable variables.

        Args:
            joined_after: whether training has gone on without those that join; their averages start now.
        """
        optimizer = self._optimizer
        before = {id(v) for v in optimizer._trainable_variables}
        places = [i for i, v in enumerate(self.variables) if v.trainable]
        trained = [self.variables[i] for i in places]
        new = {
            "_trainable_variables": trained,
            "_trainable_variables_indices": {optimizer._var_key(v): i for v, i in zip(trained, places)},
        }
        if optimizer.use_ema:
            averages = [self._all["_model_variables_moving_average"][i] for i in places]
            new["_model_variables_moving_average"] = averages
            for variable, average in zip(trained, averages):
                if joined_after and id(variable) not in before:
                    average.assign(np.asarray(variable))
        vars(optimizer).update(new)  # past the attribute tracking of Keras and TensorFlow: none of them is a new part

    def widen(self):
        """Gives the optimizer all its variables back."""
        vars(self._optimizer).update(self._all)


def _layers_with_weights(model):
    """Returns pairs of a layer that has weights of its own and a list of layers: itself and those around it."""
    found = {}

    def visit(layer, around):
        for part in layer._layers:
            part_around = [*around, part]
            if part._trainable_variables or part._non_trainable_variables:
                found.setdefault(id(part), (part, []))[1].extend(part_around)
            visit(part, part_around)

    if model._trainable_variables or model._non_trainable_variables:  # a subclass with weights of its own
        found[id(model)] = (model, [model])
    visit(model, [])
    return list(found.values())


def _patterns(epoch, given):
    if not isinstance(given, (list, tuple)):
        return compiled(f"stages[{epoch}]", given)
    layers = [one for one in given if isinstance(one, keras.layers.Layer)]
    return [*layers, *compiled(f"stages[{epoch}]", [one for one in given if one not in layers])]


def _checked(stages):
    """Returns the stages as a dict of integers to lists of compiled patterns."""
    try:
        checked = {int(epoch): _patterns(epoch, given) for epoch, given in stages.items()}
    except RequestError:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        raise RequestError(
            f"stages must be a dict of epochs to lists of regular expressions, not {stages!r}"
        ) from error
    if 0 not in checked or min(checked) < 0:
        raise RequestError(f"stages must begin at epoch 0, not at {min(checked, default='none')}")
    return checked
