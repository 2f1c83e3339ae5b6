"""A short run in which much changes: growing batch, dropout, a moving average, augmentation, what a callback knows."""

import ml_collections


def get_config():
    config = ml_collections.ConfigDict()
    config.seed, config.epochs = 3, 8
    config.data = dict(name="digits", validation_fraction=0.2)
    config.model = dict(name="mlp", hidden=(16,), dropout=0.3, batch_norm=True)
    config.augment = dict(name="standard", flip=False, pad=1)
    config.optimizer = dict(name="momentum", momentum=0.9, use_ema=True, ema_momentum=0.95)
    config.learning_rate = dict(name="exponential_decay", initial=0.05, decay_rate=0.97)
    config.batch_size = dict(name="grow", initial=8, epochs=(3, 6), factor=2)
    config.callbacks = (dict(name="reduce_lr_on_plateau", monitor="val_loss", factor=0.7, patience=1),)
    config.keep_best = "val_loss"
    config.log_every = 10
    config.checkpoint_minutes = 0.002
    return config
