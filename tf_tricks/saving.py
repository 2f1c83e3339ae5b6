"""Makes the package's Keras objects known to Keras, so that saved models with them can be loaded.

Keras knows a class once its module is imported, and the package's modules are imported when they are first used, so
that `import tf_tricks` costs nothing. Here they are imported as soon as Keras is.
"""

import importlib
import importlib.abc
import importlib.util
import sys

MODULES = ("augment", "layers", "losses", "optimizers", "training.metrics")
"""Those that have classes which a saved model can hold."""


def register_with_keras() -> None:
    """Imports all of `MODULES` if Keras is imported; otherwise when it will be."""
    if "keras" in sys.modules:
        _import_all()
    else:
        sys.meta_path.insert(0, _AfterKeras())


def _import_all():
    for name in MODULES:
        importlib.import_module(f"tf_tricks.{name}")


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Finds Keras as the others do, and adds to the end of its import that of the package's modules.

    Not if it is one of these modules that imports Keras: it is half imported itself then. The rest follows with the
    next name that is taken from the package.
    """

    def find_spec(self, name, path, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and not any(f"tf_tricks.{name}" in sys.modules for name in MODULES):
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                _import_all()

            spec.loader.exec_module = exec_module
        return spec
