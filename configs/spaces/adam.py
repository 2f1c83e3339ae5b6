"""For Adam with decoupled weight decay: learning rate, β₂, batch size, decay.

tf-tricks search --config=digits --space=adam --workdir=runs/search
"""

from tf_tricks.search import choice, log_uniform
from tf_tricks.search.space import rate_path


def get_space(config):
    """Returns the space; the learning rate is where the config has it."""
    return {
        rate_path(config): log_uniform(1e-4, 1e-1),
        "optimizer": choice(*(dict(name="adam_w", beta_2=beta_2) for beta_2 in (0.99, 0.999))),
        "batch_size": choice(32, 64, 128),
        "weight_decay": log_uniform(1e-5, 1e-1),
    }
