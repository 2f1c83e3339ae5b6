"""The tricks of the optimizer: its average of the weights, the kind of its momentum, its decay of the weights."""

from typing import Any

import keras

from tf_tricks import optimizers
from tf_tricks.config import parts
from tf_tricks.errors import RequestError
from tf_tricks.optimizers.momentum import Momentum
from tf_tricks.optimizers.traits import keeps_averages
from tf_tricks.search.ablation.handle import Config, Handle, as_part, without

_DECAY = 5e-4
_SHARE = 0.05  # of the updates, that an average reaches back over
_AVERAGE = ("use_ema", "ema_momentum")
_AVERAGING = ("exponential_moving_average", "stochastic_weight_averaging")  # the callbacks


def weight_averaging(config: Config, splits: Any) -> Handle:
    """The moving average of the weights, of the optimizer or of a callback."""
    core = _core(config["optimizer"])
    callbacks = [callback for callback in _callbacks(config) if _name(callback) in _AVERAGING]
    arguments = {key: core[key] for key in _AVERAGE if key in core} if core.get("use_ema") else {}

    def put(config, setting):
        plain = without(_core(config["optimizer"]), *_AVERAGE)
        others = [callback for callback in _callbacks(config) if _name(callback) not in _AVERAGING]
        setting = {} if setting is None else setting
        changed = _with_core(config["optimizer"], plain | setting.get("optimizer", {}))
        if not callbacks and "callbacks" not in setting:
            return config | {"optimizer": changed}
        return config | {"optimizer": changed, "callbacks": others + setting.get("callbacks", [])}

    def default():
        if keeps_averages(optimizers.get(config["optimizer"])):
            raise RequestError(f"weight_averaging: the optimizer {core['name']!r} keeps averages of its own")
        return {"optimizer": {"use_ema": True, "ema_momentum": _ema_momentum(config, splits)}}

    def given(value):
        default()
        return {"optimizer": {"use_ema": True, "ema_momentum": value}}

    own = {"optimizer": arguments} | ({"callbacks": callbacks} if callbacks else {})
    return Handle(own if arguments or callbacks else None, default, put, given)


def momentum_correction(config: Config, splits: Any) -> Handle:
    """`momentum` in place of `sgd`, whose velocity keeps the learning rates of the past."""
    core = _core(config["optimizer"])
    made = optimizers.get(core)
    corrects = isinstance(made, Momentum)
    momentum = getattr(made, "momentum", 0.0) or 0.0

    def put(config, setting):
        now = _core(config["optimizer"])
        if setting is None:
            plain = now | {"name": core["name"] if not corrects else "sgd", "momentum": momentum}
        else:
            plain = now | {"name": core["name"] if corrects else "momentum", "momentum": momentum}
            if corrects and "momentum" not in core:
                plain = without(plain, "momentum")
        return config | {"optimizer": _with_core(config["optimizer"], plain)}

    def default():
        if not corrects and type(made) is not keras.optimizers.SGD:
            raise RequestError(
                f"momentum_correction is of the optimizers momentum and sgd, and the config's is {core['name']!r}"
            )
        if not momentum:
            raise RequestError("momentum_correction: the optimizer has no momentum, as in momentum=0.9, to correct")
        return True

    return Handle(True if corrects and momentum else None, default, put, _only_whether("momentum_correction", default))


def nesterov(config: Config, splits: Any) -> Handle:
    """The gradient ahead of the step, in place of the heavy ball."""
    core = _core(config["optimizer"])

    def put(config, setting):
        plain = without(_core(config["optimizer"]), "nesterov")
        changed = plain if setting is None else plain | {"nesterov": True}
        return config | {"optimizer": _with_core(config["optimizer"], changed)}

    def default():
        made = optimizers.get(core)
        if "nesterov" not in made.get_config():
            raise RequestError(
                f"nesterov is of the optimizers momentum and sgd, and the config's is {core['name']!r}, which has no "
                "such argument"
            )
        if not getattr(made, "momentum", 0.0):
            raise RequestError("nesterov: the optimizer has no momentum, as in momentum=0.9")
        return True

    return Handle(True if core.get("nesterov") else None, default, put, _only_whether("nesterov", default))


def weight_decay(config: Config, splits: Any) -> Handle:
    """The decoupled decay of the weights, which some optimizers bring themselves."""
    brings = optimizers.get(config["optimizer"]).weight_decay
    said = config["weight_decay"]

    def put(config, setting):
        if setting is None:
            return config | {"weight_decay": 0.0 if brings else None}
        return config | {"weight_decay": said if setting == own else setting}

    own = (brings if said is None else said) or None
    return Handle(own, lambda: _DECAY, put)


def _ema_momentum(config, splits):
    """1 − 1/n for an average that reaches back over n updates, the last twentieth of the run; at most 0.999."""
    _, batch_size = parts.schedules_of(config, splits.train, 1)
    updates = config["epochs"] * splits.train.num_examples / batch_size(0.0)
    return round(1 - 1 / min(max(_SHARE * updates, 2), 1000), 4)


def _only_whether(name, default):
    def given(value):
        if value is not True:
            raise RequestError(f"{name} has no value but True, not {value!r}: say its name alone")
        return default()

    return given


def _core(part):
    """The innermost optimizer of a part of a config, as a dict."""
    part = as_part(part)
    return _core(part["optimizer"]) if "optimizer" in part else part


def _with_core(part, core):
    part = as_part(part)
    return part | {"optimizer": _with_core(part["optimizer"], core)} if "optimizer" in part else core


def _callbacks(config):
    given = config["callbacks"]
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _name(callback):
    return as_part(callback).get("name")
