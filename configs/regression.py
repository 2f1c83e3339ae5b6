"""The slides' two-layer regression: N, D_in, H, D_out = 64, 1000, 100, 10 on random numbers, full batch, plain SGD.

    tf-tricks train --config=configs/regression.py --workdir=runs/regression

Expect the training loss to fall to less than a thousandth of its start in a few seconds. The slides sum the squared
errors where Keras takes their mean over 64 × 10 numbers: their rate of 1e-6 is 6.4e-4 here.
"""

import ml_collections


def get_config():
    """Returns the config."""
    config = ml_collections.ConfigDict()
    config.seed, config.epochs = 0, 500
    config.data = dict(name="regression", num_examples=64, num_inputs=1000, num_outputs=10)
    standard_normal = dict(name="random_normal", stddev=1.0)  # as in the slides
    config.model = dict(name="mlp", hidden=(100,), kernel_initializer=standard_normal)
    config.optimizer = "sgd"
    config.learning_rate = 1e-6 * 64 * 10
    config.batch_size = 64
    config.checkpoint_epochs = 100
    return config
