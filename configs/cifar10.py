"""ResNet-20 on CIFAR-10: step decay, or its twin that grows the batch (Smith et al. 2018, arXiv:1711.00489).

    tf-tricks train --config=configs/cifar10.py --workdir=runs/cifar10            # decay
    tf-tricks train --config=configs/cifar10.py:grow --workdir=runs/cifar10_grow  # growth: about a third of the updates

The architecture and the augmentation are those of He et al. 2015 (arXiv:1512.03385), who report 91.25 % test accuracy
for this depth; the schedule is that of Smith et al. The twins differ in one thing only: where the one multiplies the
learning rate by 1/5, the other multiplies the batch by 5. A run wants a GPU or a TPU: on two CPU cores an epoch takes
minutes. With several replicas choose a batch that they divide, for example --config.batch_size.initial=128.
"""

import ml_collections


def get_config(variant="decay"):
    """Returns the config; `variant` is "decay" or "grow"."""
    config = ml_collections.ConfigDict()
    config.seed, config.epochs = 0, 200
    config.data = dict(name="cifar10", validation_fraction=0.1)
    config.model = dict(name="resnet", depth=20)
    config.augment = dict(name="standard", flip=True, pad=4, cutout=0)
    config.optimizer = dict(name="momentum", momentum=0.9, nesterov=True)
    config.l2 = 2.5e-4  # what the papers call a weight decay of 5e-4: the gradient of 2.5e-4 |θ|² is 5e-4 θ
    if variant == "decay":
        config.learning_rate = dict(name="step_decay", initial=0.1, epochs=(60, 120, 160), factor=0.2)
        config.batch_size = 128
    elif variant == "grow":
        config.learning_rate = 0.1
        config.batch_size = dict(name="grow", initial=128, epochs=(60, 120, 160), factor=5, maximum=5120)
    else:
        raise ValueError(f"there is no variant {variant!r} of this config: say decay or grow")
    return config
