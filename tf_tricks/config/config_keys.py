"""What a config may say: every key, with the value that holds where a config does not say it."""

from typing import Any, NamedTuple


class Key(NamedTuple):
    """A key of a config.

    Attributes:
        default: the value where a config does not say it; None for what it must say, or for nothing.
        meaning: one line.
    """

    default: Any
    meaning: str


KEYS = {
    "seed": Key(0, "Of the initial weights, the order of the examples and all that is drawn; from 0 to 2³² − 1."),
    "epochs": Key(None, "How long to train, a number above 0, which may be a fraction; it must be said."),
    "data": Key(None, "The data set: a name, or a dict with `name` and its arguments; it must be said."),
    "model": Key(None, "The model: a name, or a dict with `name` and its arguments; it must be said."),
    "init_from": Key(None, "A run's folder, or a `.keras`, `.weights.h5` or `.h5` file, whose weights to start with."),
    "init_from_strict": Key(True, "Whether all of them must fit; False takes what fits, so that a new head stays new."),
    "trained_blocks": Key(
        None, "How many of the last blocks below the head are trained: a number, `all`, or a dict of epochs to that."
    ),
    "frozen_batch_norm": Key(True, "With trained_blocks: whether batch normalizations below the head stay frozen."),
    "frozen_features": Key(
        None, "Where the outputs of a model's frozen part are kept, `memory` or `disk`, computed once if that can be."
    ),
    "augment": Key(None, "What is done to the training images: a name, a dict, or a list of those."),
    "augment_on": Key("step", "Where: in the compiled `step`, or on the `host`, in the input pipeline."),
    "optimizer": Key("momentum", "The optimizer: a name, or a dict with `name` and its arguments."),
    "learning_rate": Key(None, "A number, or a schedule of epochs; it must be said, or noise_scale."),
    "batch_size": Key(None, "Examples in an update, over all devices: an integer, or a schedule; or noise_scale."),
    "noise_scale": Key(None, "A schedule of the noise scale, with `by`, in place of learning_rate and batch_size."),
    "loss": Key(None, "The loss: a name, or a dict; None for the one that the labels ask for."),
    "metrics": Key(None, "Names or dicts of metrics; None for those that the labels ask for."),
    "class_weight": Key(None, "What the examples of each class weigh: a dict, or `balanced`."),
    "l2": Key(0.0, "Of a penalty on the weights, l2/2 · the sum of their squares."),
    "weight_decay": Key(None, "Decoupled decay of the weights, of the optimizer; None for its own default."),
    "exclude_from_weight_decay": Key(("bias$", "gamma$", "beta$"), "Patterns of the variables that do not decay."),
    "clip_value": Key(None, "The largest size of each value of a gradient."),
    "clip_norm": Key(None, "The largest norm of each variable's gradient."),
    "clip_global_norm": Key(None, "The largest norm of all gradients together."),
    "micro_batch": Key(None, "Examples that a device takes at once, where a whole batch is too large for it."),
    "evaluation_batch_size": Key(None, "Examples at once in evaluation; None for those of training."),
    "precision": Key("float32", "`float32`, `mixed_bfloat16` or `mixed_float16`."),
    "jit_compile": Key("auto", "Whether XLA compiles the step: True, False, or `auto`, as the device asks for it."),
    "deterministic": Key(True, "Whether the same run gives the same bits."),
    "callbacks": Key((), "Names or dicts of callbacks."),
    "log_every": Key(50, "Updates between two lines of the log."),
    "histograms": Key(False, "Whether TensorBoard gets the weights' histograms."),
    "profile_steps": Key(None, "A pair of updates, from the first to the second of which the profiler runs."),
    "checkpoint_epochs": Key(1, "Epochs between two checkpoints."),
    "checkpoint_minutes": Key(10.0, "Minutes after which there is a checkpoint in the middle of an epoch."),
    "keep": Key(3, "How many checkpoints stay."),
    "keep_best": Key(
        None, "By which value of the history the best model is kept, `val_accuracy`; or a dict with `name` and `mode`."
    ),
}

DEFAULTS = {name: key.default for name, key in KEYS.items()}

RENAMED = {"initial_weights": "init_from"}
"""What keys are called now that had another name."""

FOLDER_OPTIONS = ("log_every", "histograms", "profile_steps", "checkpoint_epochs", "checkpoint_minutes", "keep")
"""The keys that say what the run's folder keeps: arguments of `Trainer.fit`, which may be others when a run goes on."""
