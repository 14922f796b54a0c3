"""The version of Packshot that is installed."""

from __future__ import annotations


def version() -> str:
    """Look the version up in the metadata of the installed distribution, such as ``0.1.0``.

    Raises:
        importlib.metadata.PackageNotFoundError: it runs from a folder that was never installed, as a node pack does.
    """
    from importlib.metadata import version as installed  # costs an import more than all the rest of the package

    return installed("packshot")
