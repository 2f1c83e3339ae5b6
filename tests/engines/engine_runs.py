"""Trains the same networks from equal weights and writes what came out: python engine_runs.py OUTPUT REPLICAS [NAME…].

All of them are smooth: where a network has kinks, a rounding error decides now and then on which side an input lies.
"""

import sys

import keras
import numpy as np

import tf_tricks as tt

K = keras.layers
N, BATCH, UPDATES = 80, 16, 20
RNG = np.random.RandomState(0)
X = RNG.randn(N, 6).astype("float32")
Z = RNG.randn(N, 4).astype("float32")
CLASSES = RNG.randint(0, 3, N)
REAL = (X @ RNG.randn(6, 1)).astype("float32")
WEIGHTS = RNG.uniform(0.2, 2.0, N).astype("float32")
TOKENS = RNG.randint(1, 30, (N, 10)) * (np.arange(10) < RNG.randint(3, 11, (N, 1)))
TAGS = RNG.randint(0, 4, (N, 10))
IMAGES = RNG.randint(0, 256, (N, 8, 8, 3)).astype("uint8")


def mlp():
    return keras.Sequential([keras.Input((6,)), K.Dense(8, activation="tanh"), K.Dense(3)])


def masked():
    stack = [keras.Input((6,)), K.Dense(8, activation="tanh"), K.Dropout(0.3, seed=1), K.BatchNormalization()]
    return keras.Sequential([*stack, K.Dense(3)])


def convnet():
    stack = [keras.Input((8, 8, 3)), K.Rescaling(1 / 255), K.Conv2D(4, 3), K.BatchNormalization()]
    return keras.Sequential([*stack, K.Activation("tanh"), K.GlobalAveragePooling2D(), K.Dense(3)])


def attention():
    tokens = keras.Input((10,), dtype="int32")
    x = K.Embedding(30, 8, mask_zero=True)(tokens)
    x = x + K.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(tokens, K.Dense(4)(K.LayerNormalization()(x)))


def tagger():
    return keras.Sequential(
        [keras.Input((10,), dtype="int32"), K.Embedding(30, 8, mask_zero=True), K.GRU(6), K.Dense(3)]
    )


def several():
    x, z = keras.Input((6,), name="x"), keras.Input((4,), name="z")
    h = K.Dense(8, activation="tanh")(K.Concatenate()([x, z]))
    return keras.Model({"x": x, "z": z}, {"u": K.Dense(3, name="u")(h), "v": K.Dense(1, name="v")(h)})


DROPOUT = "dropout"  # whose masks are other ones on another backend
SPARSE = {"name": "sparse_categorical_crossentropy", "from_logits": True}
GROWING = {"name": "grow", "initial": 8, "epochs": [2], "factor": 2}
RUNS = {
    "momentum, L2, clipping": (
        mlp,
        (X, CLASSES),
        dict(loss=SPARSE, l2=0.01, clip_global_norm=0.5),
    ),
    "adamw, decay, clipped values": (
        mlp,
        (X, CLASSES),
        dict(optimizer="adamw", learning_rate=0.01, loss=SPARSE, weight_decay=0.1, clip_value=0.05, clip_norm=0.1),
    ),
    "batch norm, augmented": (convnet, (IMAGES, CLASSES), dict(loss=SPARSE, augment=["flip", "pad_and_crop"])),
    "micro-batches": (convnet, (IMAGES, CLASSES), dict(loss=SPARSE, micro_batch=4, optimizer="lars")),
    "weights, micro-batches": (
        mlp,
        (X, CLASSES, WEIGHTS),
        dict(loss=keras.losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight"), micro_batch=4),
    ),
    "masks": (attention, (TOKENS, TAGS), dict(loss=SPARSE, metrics=["accuracy"], micro_batch=8)),
    "recurrent": (
        tagger,
        (TOKENS, CLASSES),
        dict(loss=SPARSE, optimizer="adam", learning_rate=0.01),
    ),
    "several": (
        several,
        ({"x": X, "z": Z}, {"u": CLASSES, "v": REAL}),
        dict(loss={"u": SPARSE, "v": "mean_squared_error"}, loss_weights={"u": 1.0, "v": 0.1}, metrics={"v": ["mae"]}),
    ),
    "sam, averages": (
        mlp,
        (X, CLASSES),
        dict(optimizer={"name": "sam", "optimizer": {"name": "sgd", "use_ema": True}}, loss=SPARSE),
    ),
    DROPOUT: (masked, (X, CLASSES), dict(loss=SPARSE, metrics=["accuracy"], micro_batch=8)),
    "classes that count": (mlp, (X, CLASSES), dict(loss=SPARSE, class_weight={0: 2.0, 1: 0.5})),
    "growing batches": (
        mlp,
        (X, CLASSES),
        dict(loss=SPARSE, batch_size=GROWING),
    ),
}


def run(name, strategy):
    """The weights after training, the losses of the epochs, and an evaluation."""
    build, data, arguments = RUNS[name]
    rows = keras.tree.map_structure(lambda array: array[:75], data)  # the last batch of an evaluation is smaller
    arguments = {"batch_size": BATCH, "learning_rate": 0.05} | arguments
    augment, class_weight = arguments.pop("augment", None), arguments.pop("class_weight", None)
    model, random = build(), np.random.RandomState(1)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.3, size=weight.shape))
    trainer = tt.Trainer(model, strategy=strategy, **arguments)
    stream = tt.data.Stream(tt.data.ArraySource(*data), seed=5, augment=tt.augment.get(augment))
    history = trainer.fit(stream, UPDATES * BATCH / N, validation=rows, class_weight=class_weight, verbose=0).history
    evaluated = trainer.evaluate(rows)
    found = {f"{name}/weight {i}": np.asarray(w) for i, w in enumerate(model.weights)}
    found |= {f"{name}/{key}": np.asarray(values, "float64") for key, values in history.items()}
    return found | {f"{name}/evaluated {key}": np.asarray(value) for key, value in evaluated.items()}


if __name__ == "__main__":
    chosen = tt.strategy("cpu", replicas=int(sys.argv[2]))
    results = {}
    for one in sys.argv[3:] or RUNS:
        results |= run(one, chosen)
    np.savez(sys.argv[1], **results)
