"""For SGD with momentum: learning rate, momentum, batch size, L2.

tf-tricks search --config=digits --space=sgd --workdir=runs/search
"""

from tf_tricks.search import choice, log_uniform
from tf_tricks.search.space import rate_path


def get_space(config):
    """Returns the space; the learning rate is where the config has it."""
    return {
        rate_path(config): log_uniform(1e-3, 1.0),
        "optimizer": choice(*(dict(name="momentum", momentum=m, nesterov=True) for m in (0.8, 0.9, 0.95))),
        "batch_size": choice(32, 64, 128),
        "l2": log_uniform(1e-6, 1e-2),
    }
