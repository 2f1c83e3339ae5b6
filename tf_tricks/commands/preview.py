"""Draws what an augmentation does to images: that of a config to its training examples, or each there is to a photo.

tf-tricks preview --config=configs/cifar10.py --output=sheet.png
tf-tricks preview --output=all.png
"""

import sys
from collections.abc import Mapping
from typing import Any

from absl import flags

from tf_tricks.annotations import Tensor
from tf_tricks.commands import output_file, program
from tf_tricks.config import config_file
from tf_tricks.errors import RequestError, check_number

FORMATS = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg"}
MOST = 100
"""Rows, and variants, at most: a picture of more could not be looked at."""

config_file.define("config", "whose augmentation to draw (without it, each that there is in a row)")
flags.DEFINE_string("output", None, "the picture's file, .png or .jpg")
flags.DEFINE_integer("rows", 8, "examples of a config's data set, a row each")
flags.DEFINE_integer("variants", 6, "augmented variants beside each original")


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    return program.run(main, ["config", "output", "rows", "variants"], argv)


def main() -> None:
    """Draws from the flags."""
    given = flags.FLAGS
    for name in ("rows", "variants"):
        check_number(name, getattr(given, name), minimum=1, maximum=MOST, integer=True)
    if not given.output:
        raise RequestError("say where to draw to: --output=sheet.png")
    path = output_file.check(given.output, FORMATS, "the picture")
    format = FORMATS[path.suffix.lower()]
    if given.config is None:
        sheet = of_every_augmentation(given.variants, format)
    else:
        sheet = of_config(given.config, given.rows, given.variants, format)
    output_file.write(path, sheet, "the picture")
    print(f"drawn: {path}")


def of_config(config: Mapping[str, Any], rows: int, variants: int, format: str) -> bytes:
    """Returns the picture of the augmentation of `config`, in a file of the given format."""
    from tf_tricks import data
    from tf_tricks.config import parts
    from tf_tricks.training import contact_sheet

    config = parts.resolve(parts.plain(config))
    if config["augment"] is None:
        raise RequestError("the config has no augmentation to draw: say one, for example --config.augment=standard")
    source = data.get(config["data"], seed=config["seed"]).train
    if not contact_sheet.shows(source):
        shape = list(source.input_shape)
        raise RequestError(f"preview draws images, and the examples of the config's data are {shape}, no images")
    stream = parts.stream(config, source)
    return contact_sheet.of_stream(stream, config["epochs"], rows, variants, format)


def of_every_augmentation(variants: int, format: str) -> bytes:
    """Returns the picture of all augmentations at their defaults, in a file of the given format."""
    import numpy as np

    from tf_tricks import augment
    from tf_tricks.data import ArraySource, Stream
    from tf_tricks.training import contact_sheet

    source = ArraySource(photos(), np.arange(2), label_names=["temple", "flower"])
    sheet = []
    for name in augment.TRICKS:
        try:
            augmentation = augment.get(name, num_classes=2, num_examples=2, total_epochs=1)
        except RequestError as error:
            print(f"not drawn: {error}")
            continue
        stream = Stream(source, augment=augmentation)
        (row,) = contact_sheet.rows_of(stream, rows=1, starts=range(0, 2 * variants, 2), together=2)
        mixed = len(set(row.captions)) > 1
        sheet.append(row._replace(name=name, captions=row.captions if mixed else [""] * len(row.images)))
    return contact_sheet.draw(sheet, ["original"], format)


def photos() -> Tensor:
    """Returns two photos that come with scikit-learn, a temple and a flower, uint8 [2, 128, 128, 3]."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    photos = [Image.fromarray(image) for image in load_sample_images().images]
    squares = [photo.crop((left, 0, left + photo.height, photo.height)) for photo, left in zip(photos, (0, 94))]
    return np.stack([np.asarray(square.resize((128, 128), Image.Resampling.LANCZOS)) for square in squares])


if __name__ == "__main__":
    sys.exit(run(sys.argv))
