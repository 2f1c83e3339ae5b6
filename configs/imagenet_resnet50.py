"""ResNet-50 on ImageNet with large batches (Goyal et al. 2017, arXiv:1706.02677).

    tfds build imagenet2012 --file_format=array_record      # once; needs the archives, see TFDS's page of the set
    tf-tricks train --config=configs/imagenet_resnet50.py --workdir=runs/imagenet

256 images a device and linear scaling: on 1 device a batch of 256 at 0.1, on 32 devices a batch of 8192 at 3.2, the
same config. The first 5 epochs warm up, from the rate of a single device; the last batch norm of each residual block
starts at zero; no decay of biases and batch norm. The paper reports 23.60 % top-1 error at batch 256 and 23.74 % at
8192, after 90 epochs.
"""

import ml_collections


def get_config():
    """Returns the config; the number of replicas decides the batch, and the batch decides the rate."""
    config = ml_collections.ConfigDict()
    config.seed, config.epochs = 0, 90
    config.data = dict(name="imagenet2012", image_size=224, resize="random_resized_crop", validation_fraction=0.01)
    config.model = dict(name="resnet", depth=50, zero_gamma=True)
    config.augment = dict(name="standard", flip=True, pad=0)  # the random-resized crop comes with decoding
    config.optimizer = dict(name="momentum", momentum=0.9, nesterov=True)
    config.l2 = 5e-5  # the paper's weight decay of 1e-4
    config.batch_size = dict(name="per_replica", batch_size=256)
    config.learning_rate = dict(
        name="warm_up",
        schedule=dict(
            name="linear_scaling",
            schedule=dict(name="step_decay", initial=0.1, epochs=(30, 60, 80), factor=0.1),
            base_batch_size=256,
        ),
        epochs=5,
    )
    config.checkpoint_minutes = 30.0
    return config
