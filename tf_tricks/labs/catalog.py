"""Which labs there are, by section of the lecture; each is the file of its name, in which a class has its name too."""

import ast
import dataclasses
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from tf_tricks.errors import unknown

if TYPE_CHECKING:
    from tf_tricks.labs.bench.lab import Lab

TENSORFLOW, JAX = "tensorflow", "jax"


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the lecture.

    Attributes:
        number: from 1.
        title: as the lecture has it.
        labs: by name, the backend on which each is faster.
    """

    number: int
    title: str
    labs: dict[str, str]


SECTIONS = (
    Section(
        1,
        "Initialisation",
        {
            "symmetry": JAX,
            "too_big": JAX,
            "small_normal": TENSORFLOW,
            "variance": TENSORFLOW,
            "relu_funnel": TENSORFLOW,
            "deep_relu": TENSORFLOW,
        },
    ),
    Section(
        2,
        "Hyper-parameters",
        {
            "random_search": TENSORFLOW,
            "effective_dimension": TENSORFLOW,
            "coarse_to_fine": TENSORFLOW,
        },
    ),
    Section(
        3,
        "Learning rate and batch size",
        {
            "noise_scale": TENSORFLOW,
            "linear_scaling": TENSORFLOW,
        },
    ),
    Section(
        4,
        "Optimizers",
        {
            "momentum": JAX,
            "adagrad": JAX,
            "adam": JAX,
            "marginal_value": JAX,
        },
    ),
    Section(
        5,
        "Pre-processing, batch normalization, dropout",
        {
            "standardize": JAX,
            "batch_norm": JAX,
            "dropout_scale": JAX,
            "dropout": JAX,
        },
    ),
    Section(
        6,
        "Finite data",
        {},
    ),
    Section(
        7,
        "Software",
        {
            "frameworks": TENSORFLOW,
            "tpu": TENSORFLOW,
        },
    ),
)


def names() -> list[str]:
    """Returns the names of all labs, in the lecture's order.

    Example:
        >>> "relu_funnel" in names()
        True
    """
    return [name for section in SECTIONS for name in section.labs]


def section_of(name: str) -> Section:
    """Returns the section that a lab belongs to.

    Raises:
        RequestError: there is no such lab.
    """
    for section in SECTIONS:
        if name in section.labs:
            return section
    raise unknown("lab", name, names())


def claim_of(name: str) -> str:
    """Returns what a lab is about, the first line of its file, without importing Keras.

    Example:
        >>> claim_of("relu_funnel").startswith("Whether ")
        True
    """
    return (ast.get_docstring(_parsed(name)) or "").splitlines()[0]


def takes_data(name: str) -> bool:
    """Returns whether a lab takes a data set, without importing Keras.

    Example:
        >>> takes_data("relu_funnel")
        False
    """
    of_class = next(part for part in _parsed(name).body if isinstance(part, ast.ClassDef) and part.name == _class(name))
    names = [target for part in of_class.body if isinstance(part, ast.Assign) for target in part.targets]
    return any(isinstance(target, ast.Name) and target.id == "dataset" for target in names)


def get(name: str) -> "Lab":
    """Returns the lab of a name.

    Raises:
        RequestError: there is none.
    """
    section_of(name)
    module = importlib.import_module(f"tf_tricks.labs.{name}")
    return getattr(module, _class(name))()


def _class(name):
    return "".join(map(str.capitalize, name.split("_")))


def _parsed(name):
    section_of(name)
    return ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
