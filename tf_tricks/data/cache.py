"""Where what was made from data is kept, so that it need not be made again."""

import os

from etils import epath


def folder() -> epath.Path:
    """Returns the folder of the cache: `TF_TRICKS_CACHE`, or tf_tricks in the user's own folder of caches."""
    own = os.environ.get("TF_TRICKS_CACHE")
    return epath.Path(own or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "tf_tricks")).expanduser()
