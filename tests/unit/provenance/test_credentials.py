"""Certificates to sign with."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from packshot.errors import InputInvalid, KeyRefused
from packshot.provenance.credentials import load_credentials
from packshot.provenance.writer import WriteOptions, write_picture
from support.planted import STATEMENT, product


def own_certificate(folder: Path, key: object) -> tuple[Path, Path]:
    """A certificate of an organisation of one's own, made with any kind of key."""
    now = datetime.datetime.now(datetime.timezone.utc)
    issuer = ec.generate_private_key(ec.SECP256R1())

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, text)])

    certificate = (
        x509.CertificateBuilder()
        .subject_name(named("Aldern Quay"))
        .issuer_name(named("Some issuer"))
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
        .sign(issuer, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    private.chmod(0o600)
    return chain, private


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "es256"),
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
    ],
    ids=["P-256", "P-384", "RSA", "Ed25519"],
)
def test_a_certificate_of_ones_own(key: object, algorithm: str, tmp_path: Path) -> None:
    mine = load_credentials(*own_certificate(tmp_path, key))
    assert mine.algorithm == algorithm
    manifest = write_picture(product(), tmp_path, "a.jpg", STATEMENT, WriteOptions(credentials=mine)).manifest
    assert manifest is not None
    assert (manifest.state, manifest.signer, manifest.test) == ("valid", "Aldern Quay", False)
    assert "PRIVATE KEY" not in repr(mine)


def test_certificates_that_do_not_serve(tmp_path: Path) -> None:
    chain, key = own_certificate(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    (tmp_path / "other").mkdir()
    _, other = own_certificate(tmp_path / "other", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(InputInvalid, match="not that of the certificate"):
        load_credentials(chain, other)
    with pytest.raises(KeyRefused, match="others on this machine may read or change it"):
        load_credentials(key, chain)
    chain.chmod(0o600)
    with pytest.raises(InputInvalid, match="cannot be read"):
        load_credentials(key, chain)
    with pytest.raises(InputInvalid, match="cannot be read"):
        load_credentials(tmp_path / "none.pem", key)
    with pytest.raises(InputInvalid, match="kind of key"):
        load_credentials(*own_certificate(tmp_path, ec.generate_private_key(ec.SECP256K1())))
