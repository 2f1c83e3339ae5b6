"""A convnet on scikit-learn's handwritten digits (8×8 pixels, 10 classes): real data that needs no network.

    tf-tricks train --config=configs/digits.py --workdir=runs/digits

Expect 0.99 test accuracy in 15 to 30 seconds on two CPU cores.
"""

import ml_collections


def get_config():
    """Returns the config: SGD with momentum, warm-up and cosine decay, a batch that fits the small data set."""
    config = ml_collections.ConfigDict()
    config.seed, config.epochs = 0, 30
    config.data = dict(name="digits", validation_fraction=0.1)
    config.model = dict(name="convnet", filters=(32, 64), convolutions=2, dropout=0.2)
    config.augment = dict(name="standard", flip=False, pad=1)
    config.optimizer = dict(name="momentum", momentum=0.9, nesterov=True)
    config.l2 = 1e-4
    config.learning_rate = dict(name="warm_up", schedule=dict(name="cosine_decay", initial=0.1), epochs=2)
    config.batch_size = 64
    return config
