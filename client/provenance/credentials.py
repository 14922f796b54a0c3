"""Who signs: the user's certificate, or one made for a test that says so in its own name."""

from __future__ import annotations

import datetime
import functools
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputInvalid
from ..paths import config_dir
from ..private_file import read_private

if TYPE_CHECKING:
    from cryptography.x509 import KeyUsage, Name

_log = logging.getLogger(__name__)

#: The organisation in a test certificate, by which a signature made with one is known.
TEST_ORGANISATION = "TEST CERTIFICATE - NOT TRUSTED"
_DAYS = 30


#: Certificates of C2PA's own tools and test suite, whose keys are public.
_TEST_SIGNER = "C2PA Test"


def is_test_signer(organisation: str) -> bool:
    """Whether a certificate says of itself that it is for tests, and so proves nothing of who signed."""
    return organisation == TEST_ORGANISATION or organisation.startswith(_TEST_SIGNER)


def trusted_certificates() -> str:
    """The certificates that the user trusts, as PEM: of his own chain, and of every ``.pem`` in ``c2pa/trusted/``.

    Both lie in the settings folder; a file without certificates is left out. A signer is known whose certificate was
    issued under one of these.
    """
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificates

    folder = config_dir() / "c2pa"
    texts = []
    for path in (folder / "chain.pem", *sorted((folder / "trusted").glob("*.pem"))):
        try:
            texts += [
                certificate.public_bytes(Encoding.PEM) for certificate in load_pem_x509_certificates(path.read_bytes())
            ]
        except (OSError, ValueError) as error:
            _log.info("no certificates in %s: %s", path, error)
    return b"".join(texts).decode()


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate chain and its key.

    Attributes:
        chain: PEM, the signer's certificate first.
        key: PEM, PKCS #8, without a password.
        algorithm: of C2PA: ``es256``, ``es384``, ``es512``, ``ps256`` or ``ed25519``.
        timestamps: address of a time-stamping authority (RFC 3161), asked at every signature; none by default.
    """

    chain: str
    key: str = field(repr=False)
    algorithm: str
    timestamps: str | None = None


def load_credentials(chain: Path, key: Path, timestamps: str | None = None) -> Credentials:
    """The user's own, from two PEM files.

    Raises:
        KeyRefused: others may read or change the key.
        InputInvalid: a file cannot be read, the key does not belong to the certificate, or its kind is not for C2PA.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        chain_text, key_text = chain.read_text("ascii"), read_private(key).decode("ascii")
        certificate = x509.load_pem_x509_certificate(chain_text.encode())
        private = serialization.load_pem_private_key(key_text.encode(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise InputInvalid(
            f"cannot be read: {error}", place=f"{chain}, {key}", remedy="give PEM files, the key without a password"
        ) from error
    if private.public_key() != certificate.public_key():
        raise InputInvalid("the key is not that of the certificate", place=f"{chain}, {key}", remedy="give its own key")
    algorithm = ""
    if isinstance(private, ec.EllipticCurvePrivateKey):
        algorithm = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}.get(private.curve.name, "")
    elif isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        algorithm = "ps256"
    elif isinstance(private, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    if not algorithm:
        raise InputInvalid(
            "C2PA does not sign with this kind of key",
            place=str(key),
            remedy="use ECDSA P-256, P-384, P-521, RSA or Ed25519",
        )
    return Credentials(chain_text, key_text, algorithm, timestamps)


@functools.lru_cache(maxsize=1)
def make_test_credentials() -> Credentials:
    """A certificate made here and now, for trying out: no one trusts it, and it says so. Valid for 30 days.

    Raises:
        InputInvalid: the library cryptography is not installed, as in a ComfyUI without the client.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID
    except ImportError as error:
        raise InputInvalid(
            "a test certificate cannot be made: cryptography is not installed", remedy="pip install cryptography"
        ) from error

    now = datetime.datetime.now(datetime.timezone.utc)
    issuer_key, signer_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def begun(subject: Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_named("Packshot test issuer"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=_DAYS))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        )

    # C2PA 2.1, 14.5.1: what a signer's certificate may be used for.
    issuer = (
        begun(_named("Packshot test issuer"), issuer_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    signer = (
        begun(_named("Packshot test signer"), signer_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = signer_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Credentials((signer.public_bytes(pem) + issuer.public_bytes(pem)).decode(), key.decode(), "es256")


def _named(name: str) -> Name:
    from cryptography import x509

    return x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, TEST_ORGANISATION),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
        ]
    )


def _usage(*, signs: bool) -> KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=signs,
        key_cert_sign=not signs,
        crl_sign=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
