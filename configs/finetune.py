"""Fine-tunes a pretrained model on few examples: `finetune:POLICY`, one policy a variant.

    tf-tricks finetune --config=finetune:last_blocks --config.init_from=runs/base \
        --config.data.name=folder --config.data.path=pictures --workdir=runs/small

"If your data has sufficient similarity to a bigger data set, you're in luck: freeze all but the last few layers and
retrain on your small data; the bigger your data set, the more layers you have to retrain." The policies, from the
fewest examples to the most:

    linear_probe         the head alone; what is below it runs once for each example
    last_blocks          the head and the last two blocks, --config.trained_blocks=K for another number
    auto                 the head and as many blocks as do best in a cross-validation of the training examples
    probe_then_finetune  the head alone, then all of it at a tenth of the rate (Kumar et al. 2022, arXiv:2202.10054)
    gradual              more blocks from epoch to epoch (Howard & Ruder 2018, arXiv:1801.06146)
    layer_wise           all of it, each block at 0.75 of the rate of the one above (Bao et al. 2021, arXiv:2106.08254)
    l2_sp                all of it, held near its start (Li et al. 2018, arXiv:1802.01483)
    full                 all of it

The new head learns at ten times the rate of what is below it, which begins with good weights (but for layer_wise,
whose rates fall from the head down). Batch norm stays frozen below the head in all of them;
--config.frozen_batch_norm=false trains it. The model is that of a run or of a .keras file, `init_from`; a network of
Keras with its weights is --config.model.name=keras_applications/efficientnet_b0 --config.model.weights=imagenet.
"""

import ml_collections

from tf_tricks.errors import unknown

PROBE_EPOCHS = 5
HEAD = {"logits": 10.0}
POLICIES = {
    "linear_probe": dict(trained_blocks=0, rate=1e-3),
    "last_blocks": dict(trained_blocks={"0": 2}, rate=1e-3),
    "auto": dict(trained_blocks="auto", rate=1e-3),
    "probe_then_finetune": dict(trained_blocks={"0": 0, str(PROBE_EPOCHS): "all"}, rate=1e-3),
    "gradual": dict(trained_blocks={"0": 0, "1": 1, "2": 2, "3": 4, "4": 8, "5": "all"}, rate=1e-3),
    "layer_wise": dict(trained_blocks="all", rate=1e-3),
    "l2_sp": dict(trained_blocks="all", rate=3e-4),
    "full": dict(trained_blocks="all", rate=3e-4),
}


def get_config(policy="last_blocks"):
    """Returns the config: AdamW, a short warm-up and cosine decay, for a few thousand examples."""
    if policy not in POLICIES:
        raise unknown("policy", policy, POLICIES)
    chosen = POLICIES[policy]
    config = ml_collections.ConfigDict()
    config.seed, config.epochs = 0, 20
    config.data = dict(name="digits", validation_fraction=0.1)
    config.model = dict(name="pretrained", dropout=0.2)
    config.init_from = None
    config.trained_blocks = chosen["trained_blocks"]
    config.frozen_batch_norm = True
    config.frozen_features = "memory"
    config.optimizer = dict(name="adam_w", weight_decay=1e-4)
    cosine = dict(name="cosine_decay", initial=chosen["rate"])
    config.learning_rate = dict(name="warm_up", schedule=cosine, epochs=1)
    config.batch_size = 32
    inner = config.optimizer.to_dict()
    if policy == "l2_sp":
        inner = dict(name="l2_sp", optimizer=inner, alpha=1e-2, beta=1e-2)
    if policy == "layer_wise":
        config.optimizer = dict(name="layer_wise_decay", optimizer=inner, decay=0.75)
    else:
        config.optimizer = dict(name="learning_rate_multipliers", optimizer=inner, multipliers=HEAD)
    if policy == "probe_then_finetune":
        lower = dict(name="cosine_decay", initial=chosen["rate"] / 10)
        slow = dict(name="warm_up", schedule=lower, epochs=1)
        config.learning_rate = dict(name="concatenate", schedules=[chosen["rate"], slow], epochs=[PROBE_EPOCHS])
    return config
