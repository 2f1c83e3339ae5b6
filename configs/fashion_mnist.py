"""A small convnet on Fashion-MNIST (28×28 gray images, 10 classes) that trains on a laptop's CPU.

    tf-tricks train --config=configs/fashion_mnist.py --workdir=runs/fashion_mnist

Expect 0.937 test accuracy in seven to eight minutes on two CPU cores.

TFDS downloads the data set (30 MB) the first time; without network, point TFDS_DATA_DIR at a folder that has it.
"""

import ml_collections


def get_config():
    """Returns the config: Keras's Nesterov momentum, a short warm-up, cosine decay to zero, flips, label smoothing."""
    config = ml_collections.ConfigDict()
    config.seed, config.epochs = 0, 13
    config.data = dict(name="fashion_mnist", validation_fraction=0.05)
    config.model = dict(name="convnet", filters=(16, 48, 96, 192), convolutions=(1, 2, 2, 1), dropout=0.3)
    config.augment = dict(name="standard", flip=True, pad=0)
    config.optimizer = dict(name="sgd", momentum=0.9, nesterov=True)
    config.loss = dict(name="sparse_categorical_crossentropy", from_logits=True, label_smoothing=0.05)
    config.l2 = 5e-4
    config.learning_rate = dict(name="warm_up", schedule=dict(name="cosine_decay", initial=0.1), epochs=2)
    config.batch_size = 128
    return config
