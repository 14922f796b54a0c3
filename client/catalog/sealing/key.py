"""The user's key: it signs audits (Ed25519, RFC 8032) and gives the code that proves verdicts (HMAC, RFC 2104).

It lies in the settings folder, where only the user may read it, and is made on first use. Verdicts are written inside
ComfyUI, which need not have the library that signs, and a code needs Python alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path

from ...errors import InputInvalid, KeyRefused
from ...paths import config_dir
from ...private_file import read_private, write_private

FILE_NAME = "audit.key"
_BEGIN, _END = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
_HEAD = bytes.fromhex("302e020100300506032b657004220420")  # PKCS #8 before the 32 bytes of an Ed25519 key (RFC 8410)
_SEED = 32
_CONTEXT = b"packshot audit\n"  # so that no signature passes for one of something else


class AuditKey:
    """The key in the user's settings folder.

    Raises:
        KeyRefused: others may read or change it, or it is none.
    """

    def __init__(self, path: Path) -> None:
        lines = read_private(path).decode("ascii", "replace").split()
        body = "".join(lines).removeprefix(_BEGIN.replace(" ", "")).removesuffix(_END.replace(" ", ""))
        try:
            content = base64.b64decode(body, validate=True)
        except ValueError:
            content = b""
        if not content.startswith(_HEAD) or len(content) != len(_HEAD) + _SEED:
            raise KeyRefused("is no Ed25519 key in PEM", place=str(path), remedy="move it away, and a new one is made")
        self._seed = content[len(_HEAD) :]
        self._secret = hashlib.sha256(b"packshot verdicts\n" + self._seed).digest()
        self._public = ""

    @classmethod
    def of_user(cls) -> AuditKey:
        """Read the user's key; make it where there is none.

        Raises:
            KeyRefused: others may read or change it.
            OutputUnwritable: there is none, and the settings folder refuses.
        """
        path = config_dir() / FILE_NAME
        if not path.exists():
            body = base64.b64encode(_HEAD + os.urandom(_SEED)).decode()
            write_private(path, f"{_BEGIN}\n{body}\n{_END}\n".encode())
        return cls(path)

    @classmethod
    def present(cls) -> AuditKey | None:
        """Read the user's key; None where there is none yet, or none that may be used."""
        try:
            return cls(config_dir() / FILE_NAME)
        except KeyRefused:
            return None

    @property
    def public(self) -> str:
        """The public key, 64 hexadecimal digits."""
        if not self._public:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

            self._public = Ed25519PrivateKey.from_private_bytes(self._seed).public_key().public_bytes_raw().hex()
        return self._public

    @property
    def fingerprint(self) -> str:
        """What tells the codes of this key from those of others: 16 hexadecimal digits."""
        return hashlib.sha256(b"packshot fingerprint\n" + self._secret).hexdigest()[:16]

    def sign(self, content: bytes) -> str:
        """Sign bytes: 128 hexadecimal digits."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._seed).sign(_CONTEXT + content).hex()

    def code(self, content: bytes) -> str:
        """Give the code of bytes that only this key gives: 32 hexadecimal digits of HMAC-SHA-256."""
        return hmac.digest(self._secret, content, "sha256").hex()[:32]


def signature_holds(public: str, signature: str, content: bytes) -> bool:
    """Whether the owner of a public key signed these bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), _CONTEXT + content)
    except (ValueError, InvalidSignature):
        return False
    return True


def read_public_key(text: str) -> str:
    """Read a public key that somebody names: its 64 hexadecimal digits.

    Raises:
        InputInvalid: it is none.
    """
    try:
        if len(bytes.fromhex(text)) == _SEED:
            return text.casefold()
    except ValueError:
        pass
    raise InputInvalid(
        "is no public key", place=text[:80], remedy="give the 64 digits that `packshot catalog audit` says of the run"
    )
