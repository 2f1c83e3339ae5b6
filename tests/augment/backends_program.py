"""Writes what every augmentation gives on Keras's backend, compiled."""

import sys
import traceback

import jax
import numpy as np
from support import augmentations as cases


def main(output):
    results = {}
    for name in cases.NAMES:
        made = cases.make(name)
        compiled = jax.jit(lambda images, labels, words, made=made: made(images, labels, cases.SEED, words))
        try:
            for dtype in ("uint8", "float32"):
                images, labels = compiled(cases.images(dtype), cases.labels(), cases.words(cases.POSITIONS))
                results |= {f"{name}-{dtype}-images": images, f"{name}-{dtype}-labels": labels}
        except Exception:
            results[f"{name}-error"] = np.array(traceback.format_exc())
    np.savez(output, **results)


if __name__ == "__main__":
    main(sys.argv[1])
