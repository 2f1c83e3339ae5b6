"""A bucket, gs://bucket, that is a local folder: etils reaches it as it does a remote one."""

import builtins
import contextlib
import os
from unittest import mock

from etils.epath import gpath, testing


@contextlib.contextmanager
def bucket(folder):
    """Within this context gs://bucket is `folder`, a local path."""

    def here(path):
        return os.fspath(path).replace("gs://bucket", os.fspath(folder))

    functions = {
        "open": lambda original, path, mode="r": builtins.open(here(path), mode),
        "exists": lambda original, path: os.path.exists(here(path)),
        "isdir": lambda original, path: os.path.isdir(here(path)),
        "listdir": lambda original, path: os.listdir(here(path)),
        "makedirs": lambda original, path, exist_ok, mode=None: os.makedirs(here(path), exist_ok=exist_ok),
        "mkdir": lambda original, path, exist_ok, mode=None: os.makedirs(here(path), exist_ok=exist_ok),
    }
    with testing.mock_epath(**functions), mock.patch.object(gpath, "_is_tf_installed", return_value=False):
        yield
