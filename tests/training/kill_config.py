"""A run in which everything changes that can: growing batch, decay, dropout, EMA, augmentation, callbacks."""

import ml_collections


def get_config():
    config = ml_collections.ConfigDict()
    config.seed, config.epochs = 3, 60
    config.data = dict(name="digits", validation_fraction=0.2)
    config.model = dict(name="mlp", hidden=(64,), dropout=0.3, batch_norm=True)
    config.augment = dict(name="standard", flip=False, pad=1)
    config.optimizer = dict(name="momentum", momentum=0.9, use_ema=True, ema_momentum=0.95)
    config.learning_rate = dict(name="exponential_decay", initial=0.05, decay_rate=0.97)
    config.batch_size = dict(name="grow", initial=8, epochs=(20, 40), factor=2)
    config.clip_global_norm = 5.0
    config.class_weight = "balanced"
    config.callbacks = (
        dict(name="reduce_lr_on_plateau", monitor="val_loss", factor=0.7, patience=2),
        dict(name="early_stopping", monitor="val_loss", patience=1000, restore_best_weights=True),
    )
    config.keep_best = "val_loss"
    config.log_every = 10
    config.checkpoint_epochs = 3
    config.checkpoint_minutes = 0.002
    return config
