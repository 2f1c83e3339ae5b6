"""What is no trick of a config, or does not go together, is told in a sentence."""

import pytest

from tf_tricks import data
from tf_tricks.config import parts
from tf_tricks.errors import RequestError
from tf_tricks.search.ablation.arms import arms
from tf_tricks.search.ablation.tricks import canonical, find

BASE = {
    "epochs": 10.0,
    "data": {"name": "digits", "validation_fraction": 0.1},
    "model": {"name": "mlp", "hidden": [8]},
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "learning_rate": 0.1,
    "batch_size": 64,
}


@pytest.fixture(scope="module")
def splits():
    return data.get(BASE["data"], seed=0)


def resolved(config, **changes):
    return canonical(parts.resolve(config | changes))


@pytest.mark.parametrize(
    ("text", "changes", "sentence"),
    [
        ("augmnt", {}, "there is no trick 'augmnt'; did you mean 'augment'?"),
        ("label_smoothin", {}, "did you mean 'label_smoothing'?"),
        ("l2,l2=0.1", {}, "the trick l2 is named twice"),
        ("l2,,dropout", {}, "has an empty name"),
        ("epochs=3", {}, "epochs is no trick: runs of other lengths cannot be compared"),
        ("data.validation_fraction=0.2", {}, "runs on other data cannot be compared"),
        ("seed", {}, "seed is no trick"),
        ("model.hidden", {}, "is a path of the config, so it needs a value"),
        ("model.hidden[0]=3", {}, "is a part of a list: say the whole list"),
        ("modl.hidden=3", {}, "there is no config path 'modl'; did you mean 'model'?"),
        ("batch_size.initial=3", {}, "there is no batch_size.initial in the config: batch_size is 64"),
        ("batch_size", {}, "the trick batch_size cannot be left out of a config"),
        ("batch_size=64", {}, "the config has batch_size=64 already: there is nothing to compare it with"),
        ("micro_batch", {}, "the config has no micro_batch that could be removed"),
        ("dropout=0", {}, "the trick dropout=0 is the same as none"),
        ("momentum_correction", {"optimizer": "adam"}, "is of the optimizers momentum and sgd, .* is 'adam'"),
        ("momentum_correction", {"optimizer": "sgd"}, "the optimizer has no momentum"),
        ("momentum_correction=0.9", {}, "has no value but True, not 0.9"),
        ("nesterov", {"optimizer": "adam"}, "nesterov is of the optimizers momentum and sgd"),
        ("nesterov", {"optimizer": "sgd"}, "nesterov: the optimizer has no momentum"),
        ("weight_averaging", {"optimizer": "schedule_free_adam_w"}, "keeps averages of its own"),
        ("label_smoothing", {"loss": "mean_squared_error"}, "is of cross-entropies, and the loss is 'mean_squared"),
        ("label_smoothing=0.1", {"loss": "mean_squared_error"}, "is of cross-entropies, and the loss is 'mean_squared"),
        ("label_smoothing", {"loss": {"left": "huber", "right": "huber"}}, "the config has several losses"),
        ("decay=0.5", {}, "decay is a schedule, as in decay=cosine_decay, not 0.5"),
        ("decay", {"learning_rate": {"name": "concatenate"}}, "is a schedule already, and not known to fall"),
        ("normalization", {"model": "support.requests:dense"}, "the model .* has no argument of that name"),
        (
            "warm_up",
            {"learning_rate": None, "batch_size": None, "noise_scale": {"name": "cosine_decay", "initial": 1.0}},
            "warm_up: the config's noise_scale decides the learning rate",
        ),
    ],
)
def test_what_is_no_trick(text, changes, sentence, splits):
    with pytest.raises(RequestError, match=sentence):
        find(text, resolved(BASE, **changes), splits)


def test_no_augmentation_for_what_is_no_picture():
    config = resolved(BASE, data={"name": "regression"})
    with pytest.raises(RequestError, match="augment: the data are no pictures, so say which"):
        find("augment", config, data.get(config["data"], seed=0))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dropout,model.dropout=0.5", "the tricks dropout and model.dropout=0.5 change the same: leave one out"),
        ("dropout,model=mlp", "the trick dropout changes nothing beside the others: leave it out"),
    ],
)
def test_tricks_that_do_not_go_together(text, sentence, splits):
    config = resolved(BASE)
    with pytest.raises(RequestError, match=sentence):
        arms(config, find(text, config, splits))
