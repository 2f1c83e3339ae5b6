"""What the other libraries do in augment_cpu.py, and the processes that do it image by image.

Run as a script it serves one part of each batch: `augment_peers.py INPUT BATCHES HEIGHT WIDTH CHANNELS` reads lines of
JSON, [library, name] to make ready or [library, number] to augment so many batches of the file INPUT, one after the
other, and answers each with null or with what went wrong. It runs without TensorFlow, since torch cannot be imported
beside it everywhere.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

ABSENT = "has no such augmentation"
COVERS_QUARTER = {"scale": (0.25, 0.25), "ratio": (1.0, 1.0)}
THREADS_OFF = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # files there are memory


def albumentations_transforms(size):
    """Returns functions (image) -> image by the names of our augmentations."""
    import albumentations as a
    import cv2

    cv2.setNumThreads(0)
    pad, hole = size // 8, size // 2
    flip, crop = a.HorizontalFlip(p=0.5), a.Compose([a.Pad(pad), a.RandomCrop(size, size)])
    sizes = {"num_holes_range": (1, 1), "hole_height_range": (hole, hole), "hole_width_range": (hole, hole)}
    cutout, invert = a.CoarseDropout(**sizes, p=1), a.InvertImg(p=1)
    kept = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0), "p": 1}
    transforms = {
        "flip": flip,
        "translation": a.Affine(translate_percent=(-0.1, 0.1), p=1),
        "rotation": a.Rotate(20, p=1),
        "zoom": a.Affine(scale=(0.8, 1.25), p=1),
        "shear": a.Affine(shear=(-10, 10), p=1),
        "pad_and_crop": crop,
        "random_resized_crop": a.RandomResizedCrop((size, size)),
        "gaussian_noise": a.GaussNoise((0.1, 0.1), p=1),
        "cutout": cutout,
        "random_erasing": a.Erasing(p=1),
        "brightness": a.ColorJitter(**kept | {"brightness": (0.5, 1.5)}),
        "contrast": a.ColorJitter(**kept | {"contrast": (0.5, 1.5)}),
        "saturation": a.ColorJitter(**kept | {"saturation": (0.5, 1.5)}),
        "hue": a.HueSaturationValue(18, 0, 0, p=1),
        "sharpness": a.Sharpen(kernel_size=3, p=1),
        "blur": a.GaussianBlur((9, 9), (0.1, 2.0), p=1),
        "solarize": a.Solarize((0.5, 0.5), p=1),
        "posterize": a.Posterize(4, p=1),
        "equalize": a.Equalize(p=1),
        "autocontrast": a.AutoContrast(p=1),
        "invert": invert,
        "grayscale": a.ToGray(p=1),
        "sequence": a.Compose([flip, crop, cutout]),
        "apply": a.InvertImg(p=0.5),
        "one_of": a.OneOf([invert, crop], p=1),
        "standard": a.Compose([flip, crop, cutout]),
    }
    return {name: lambda image, t=transform: t(image=image)["image"] for name, transform in transforms.items()}


def torchvision_transforms(size):
    """Returns functions (image) -> image by the names of our augmentations; those of a whole batch are marked *."""
    import torch
    import torchvision.transforms.v2 as t

    torch.set_num_threads(1)
    pad, linear = size // 8, {"interpolation": t.InterpolationMode.BILINEAR}
    flip, crop, cutout = t.RandomHorizontalFlip(), t.RandomCrop(size, padding=pad), t.RandomErasing(1, **COVERS_QUARTER)
    invert = t.RandomInvert(1)

    def mixing(transform):
        return lambda images: transform(images, torch.arange(len(images)) % 10)[0]

    return {
        "flip": flip,
        "translation": t.RandomAffine(0, translate=(0.1, 0.1), **linear),
        "rotation": t.RandomRotation(20, **linear),
        "zoom": t.RandomAffine(0, scale=(0.8, 1.25), **linear),
        "shear": t.RandomAffine(0, shear=(-10, 10, -10, 10), **linear),
        "pad_and_crop": crop,
        "random_resized_crop": t.RandomResizedCrop(size),
        "gaussian_noise*": t.GaussianNoise(0, 0.1),
        "cutout": cutout,
        "random_erasing": t.RandomErasing(1),
        "mixup*": mixing(t.Compose([t.ToDtype(torch.float32), t.MixUp(alpha=0.2, num_classes=10)])),
        "cutmix*": mixing(t.CutMix(num_classes=10)),
        "brightness": t.ColorJitter(brightness=0.5),
        "contrast": t.ColorJitter(contrast=0.5),
        "saturation": t.ColorJitter(saturation=0.5),
        "hue": t.ColorJitter(hue=0.1),
        "sharpness*": t.RandomAdjustSharpness(1.5, 1),
        "blur": t.GaussianBlur(9, (0.1, 2.0)),
        "solarize*": t.RandomSolarize(128, 1),
        "posterize*": t.RandomPosterize(4, 1),
        "equalize*": t.RandomEqualize(1),
        "autocontrast*": t.RandomAutocontrast(1),
        "invert*": invert,
        "grayscale*": t.RandomGrayscale(1),
        "sequence": t.Compose([flip, crop, cutout]),
        "apply": t.RandomInvert(0.5),
        "one_of": t.RandomChoice([invert, crop]),
        "standard": t.Compose([flip, crop, cutout]),
        "rand_augment": t.RandAugment(**linear),
        "trivial_augment": t.TrivialAugmentWide(**linear),
        "aug_mix": t.AugMix(),
    }


def imgaug_augmenters(size):
    """Returns functions (images) -> images by the names of our augmentations."""
    np.sctypes = {"float": [np.float16, np.float32, np.float64]}  # NumPy 2 has dropped it, and imgaug 0.4 asks for it
    np.sctypes |= {"int": [np.int8, np.int16, np.int32, np.int64], "uint": [np.uint8, np.uint16, np.uint32, np.uint64]}
    import cv2
    import imgaug.augmenters as i

    cv2.setNumThreads(0)
    pad, invert = size // 8, i.Invert(1)
    crop = i.Sequential([i.Pad(px=pad, keep_size=False), i.CropToFixedSize(size, size)])
    cutout = i.Cutout(1, size=0.5, squared=True, fill_mode="constant", cval=0)
    small = i.Sequential([i.Fliplr(0.5), crop, cutout])
    both = {"x": (-0.1, 0.1), "y": (-0.1, 0.1)}
    augmenters = {
        "flip": i.Fliplr(0.5),
        "translation": i.Affine(translate_percent=both),
        "rotation": i.Rotate((-20, 20)),
        "zoom": i.Affine(scale=(0.8, 1.25)),
        "shear": i.Affine(shear={"x": (-10, 10), "y": (-10, 10)}),
        "pad_and_crop": crop,
        "gaussian_noise": i.AdditiveGaussianNoise(scale=25.5, per_channel=True),
        "cutout": cutout,
        "random_erasing": i.Cutout(1, size=(0.14, 0.57), squared=False, fill_mode="constant", cval=0),
        "brightness": i.Multiply((0.5, 1.5)),
        "contrast": i.LinearContrast((0.5, 1.5)),
        "saturation": i.MultiplySaturation((0.5, 1.5)),
        "hue": i.AddToHue((-25, 25)),
        "sharpness": i.Sharpen((0.0, 0.5), 1.0),
        "blur": i.GaussianBlur((0.1, 2.0)),
        "solarize": i.Solarize(1, threshold=128),
        "posterize": i.Posterize(4),
        "equalize": i.pillike.Equalize(),
        "invert": invert,
        "grayscale": i.Grayscale(1.0),
        "sequence": small,
        "apply": i.Invert(0.5),
        "one_of": i.OneOf([invert, crop]),
        "standard": small,
        "rand_augment": i.RandAugment(2, 9),
    }
    return {name: lambda images, a=augmenter: a(images=images) for name, augmenter in augmenters.items()}


def part_run(library, name, batches):
    """Returns a function () that makes a new array of the augmented images of the next of `batches`.

    Args:
        library: the peer.
        name: of the augmentation, as we have it.
        batches: uint8 [batches, n, h, w, c].
    """
    size = batches.shape[2]
    if library == "torchvision":
        import torch

        batches = torch.from_numpy(np.moveaxis(batches, 4, 2).copy())  # channels first
        transforms, stack = torchvision_transforms(size), torch.stack
    elif library == "imgaug":
        transforms, stack = {f"{name}*": found(imgaug_augmenters(size), name)}, np.stack
    else:
        transforms, stack = albumentations_transforms(size), np.stack
    in_turn = itertools.cycle(batches)
    if f"{name}*" in transforms:
        augment_all = transforms[f"{name}*"]
        return lambda: augment_all(next(in_turn))
    augment = found(transforms, name)
    return lambda: stack([augment(image) for image in next(in_turn)])


def found(transforms, name):
    """Returns the transform of that name, or raises an error."""
    if name not in transforms:
        raise LookupError(ABSENT)
    return transforms[name]


class Workers:
    """Processes, each with an equal part of every batch, uint8 [batches, n, h, w, c]."""

    def __init__(self, images, number):
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.processes = []
        for i, part in enumerate(np.split(images, number, axis=1)):
            file = os.path.join(self.folder.name, str(i))
            part.tofile(file)
            command = [sys.executable, __file__, file, *map(str, (len(images), *images.shape[2:]))]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
            self.processes.append(subprocess.Popen(command, **pipes, env=os.environ | THREADS_OFF))

    def ask(self, library, task):
        """Has all of them do the task, or raises an error if one could not."""
        for process in self.processes:
            process.stdin.write(json.dumps([library, task]) + "\n")
        for answer in [json.loads(process.stdout.readline()) for process in self.processes]:
            if answer:
                raise RuntimeError(answer)

    def run_of(self, library, name):
        """Returns a function that augments the batch so many times."""
        self.ask(library, name)
        return lambda number: self.ask(library, number)

    def close(self):
        """Ends the processes."""
        for process in self.processes:
            process.communicate()
        self.folder.cleanup()


def serve(answers, file, number, *shape):
    """Does what the lines of the standard input tell."""
    batches = np.memmap(file, "uint8", "r+").reshape(int(number), -1, *map(int, shape))
    runs = {}
    for line in sys.stdin:
        library, task = json.loads(line)
        answer = None
        try:
            if isinstance(task, str):
                runs[library] = part_run(library, task, batches)
            else:
                for _ in range(task):
                    runs[library]()
        except Exception as error:  # what a library cannot do is not to stop the others
            answer = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    serve(answers, *sys.argv[1:])
