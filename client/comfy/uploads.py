"""Files in a host's input folder, named by their content: sent once, and proved to be there before a job names them.

A name proves nothing. An upload that was cut off leaves half a file under it, and whoever may upload to the host can
put another one there.
"""

from __future__ import annotations

import hashlib
from typing import IO

from ..errors import OutputDamaged
from .http import HostApi


def put_file(api: HostApi, file: IO[bytes], sha256: str, name: str, folder: str) -> str:
    """Have a file in a subfolder of the host's input folder; it is sent only where it is not there already.

    Args:
        sha256: of the file, in hexadecimal.

    Returns:
        the name that nodes take.

    Raises:
        OutputDamaged: whatever is sent, the host has something else under that name.
        InputInvalid, HostUnreachable, HostLost: see :meth:`.HostApi.upload`.
    """
    place = f"{folder}/{name}"
    if _sha256(api, name, folder) != sha256:
        # Half a file, or somebody else's, is replaced.
        place = api.upload(file, name, folder, overwrite=True)
        if place != f"{folder}/{name}" or _sha256(api, name, folder) != sha256:
            raise OutputDamaged(
                f"the host does not have the file that it was sent as {name}",
                place=api.url,
                remedy="see to the host's disk, and to who else writes into its input folder",
            )
    return place


def _sha256(api: HostApi, name: str, folder: str) -> str | None:
    """The SHA-256 of a file there, None where there is none. A host without our node pack has to send it back."""
    tells, digest = api.input_sha256(f"{folder}/{name}")
    if tells:
        return digest
    chunks = api.view(name, folder, "input")
    if chunks is None:
        return None
    received = hashlib.sha256()
    for chunk in chunks:
        received.update(chunk)
    return received.hexdigest()
