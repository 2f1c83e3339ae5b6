"""Where a user's files lie: paths on this machine and in object stores, as `etils.epath.Path`."""

from tf_tricks.storage.atomic import atomic, write_atomically
from tf_tricks.storage.mirror import Mirror
from tf_tricks.storage.places import fetched, is_place, is_remote, local_copy, path_of
from tf_tricks.storage.remote_path import RemotePath, StorageError

__all__ = [
    "Mirror",
    "RemotePath",
    "StorageError",
    "atomic",
    "fetched",
    "is_place",
    "is_remote",
    "local_copy",
    "path_of",
    "write_atomically",
]
