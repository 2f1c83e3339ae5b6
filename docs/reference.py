"""Docstrings as mkdocstrings reads them: our sections `Example:` and `Config:` become blocks of code."""

import re

import griffe


class OurSections(griffe.Extension):
    """Renames the sections before they are parsed."""

    def on_object(self, *, obj, **_):
        """Changes the docstring of a module, class or function."""
        if obj.docstring is not None:
            text = re.sub(r"(?m)^(\s*)Example:$", r"\1Examples:", obj.docstring.value)
            obj.docstring.value = re.sub(r"(?m)^(\s*)Config:$", r"\1A config says it so.\n", text)
