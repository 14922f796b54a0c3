"""C2PA manifests: signed into a picture, and read back by C2PA's own validator (the extra ``c2pa``)."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import InputInvalid
from .credentials import Credentials, is_test_signer, trusted_certificates
from .marking import Statement

MIME = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
# Nothing is fetched: neither a manifest that lies elsewhere nor a certificate's status. No thumbnails are embedded.
_SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
_UNTRUSTED = "signingCredential.untrusted"


#: Who signed: somebody that the user trusts, anybody, a certificate for tests; empty where nobody did.
Trust = Literal["known", "unknown", "test", ""]


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A picture that another one was made from.

    Attributes:
        file: JPEG, PNG or WebP.
        role: ``product``: its pixels are in the picture. ``original``: the picture is an edit of it.
    """

    file: Path
    role: Literal["product", "original"] = "product"


@dataclass(frozen=True, slots=True)
class ManifestReport:
    """What a picture's manifest says, and whether it holds.

    Attributes:
        state: ``valid``: unchanged since it was signed. ``trusted``: and by a signer that the user trusts.
            ``invalid``: it does not hold. ``absent``: there is none. ``unread``: c2pa-python is not installed.
        signer: the organisation in the signer's certificate. Anybody can write any name into a certificate of his own.
        test: it was signed with a certificate for tests, which proves nothing of who signed.
        source_type: IPTC's digital source type that its actions state.
        actions: such as ``c2pa.created``, in order.
        ingredients: titles.
        problems: codes of C2PA's validation that failed, without that of an unknown signer.
    """

    state: str
    signer: str = ""
    test: bool = False
    source_type: str = ""
    actions: tuple[str, ...] = ()
    ingredients: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def trust(self) -> Trust:
        """Whether it is proven who signed; see :func:`~.credentials.trusted_certificates`."""
        if not self.signer:
            return ""
        return "test" if self.test else "known" if self.state == "trusted" else "unknown"

    @property
    def holds(self) -> bool:
        return self.state in ("valid", "trusted")


def sign(
    data: bytes,
    file_format: str,
    statement: Statement,
    credentials: Credentials,
    *,
    tool: tuple[str, str],
    ingredients: Sequence[Ingredient] = (),
) -> bytes:
    """A picture with a signed manifest in it.

    Args:
        data: an encoded picture; its pixels and other metadata stay as they are.
        file_format: ``JPEG``, ``PNG`` or ``WEBP``.
        tool: name and version of what made it.

    Raises:
        InputInvalid: c2pa-python is not installed, an ingredient cannot be read, or the certificate is not accepted.
    """
    c2pa = _library()
    definition, named = _definition(statement, file_format, tool, ingredients)
    signed = io.BytesIO()
    chain, key = credentials.chain.encode(), credentials.key.encode()
    try:
        context = c2pa.Context.from_dict(_SETTINGS)
        signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(credentials.algorithm.encode(), chain, key, credentials.timestamps)
        )
        builder = c2pa.Builder.from_json(definition, context)
        for ingredient, described in named:
            builder.add_ingredient(described, _mime(ingredient.file), io.BytesIO(ingredient.file.read_bytes()))
        builder.sign(signer, MIME[file_format], io.BytesIO(data), signed)
    except OSError as error:
        raise InputInvalid(
            f"an ingredient cannot be read: {error.strerror}", place=str(error.filename), remedy="check the file"
        ) from error
    except c2pa.C2paError as error:
        raise InputInvalid(
            f"the picture cannot be signed: {error}",
            place="C2PA manifest",
            remedy="check that the certificate is one for C2PA: ECDSA or RSA, for signing, with its issuer's after it",
        ) from error
    return signed.getvalue()


def read_manifest(data: bytes, file_format: str) -> ManifestReport:
    """What C2PA's validator says of a picture's manifest. Nothing is fetched from anywhere."""
    try:
        c2pa = _library()
    except InputInvalid:
        # The manifest lies in a JUMBF box, whose kind and label stand in the file as they are.
        return ManifestReport("unread" if b"jumb" in data and b"c2pa" in data else "absent")
    if file_format not in MIME:
        return ManifestReport("absent")
    try:
        anchors = trusted_certificates()
        context = c2pa.Context.from_dict({**_SETTINGS, **({"trust": {"user_anchors": anchors}} if anchors else {})})
        reader = c2pa.Reader.try_create(MIME[file_format], io.BytesIO(data), context=context)
        if reader is None:
            return ManifestReport("absent")
        state, manifest = reader.get_validation_state() or "Invalid", reader.get_active_manifest() or {}
        found = (reader.get_validation_results() or {}).get("activeManifest", {}).get("failure", [])
    except c2pa.C2paError as error:
        return ManifestReport("invalid", problems=(str(error),))
    codes = tuple(str(one.get("code")) for one in found)
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    signer = str(manifest.get("signature_info", {}).get("issuer", ""))
    return ManifestReport(
        state=state.casefold(),
        signer=signer,
        test=is_test_signer(signer),
        source_type=next((str(action["digitalSourceType"]) for action in actions if "digitalSourceType" in action), ""),
        actions=tuple(str(action.get("action", "")) for action in actions),
        ingredients=tuple(str(one.get("title", "")) for one in manifest.get("ingredients", [])),
        problems=tuple(code for code in codes if code != _UNTRUSTED),
    )


def _definition(
    statement: Statement, file_format: str, tool: tuple[str, str], ingredients: Sequence[Ingredient]
) -> tuple[str, list[tuple[Ingredient, str]]]:
    """The manifest, and each ingredient as it names it.

    C2PA 2.1, 18.14: the first action is ``c2pa.opened`` with the picture that was edited, or ``c2pa.created``.
    """
    agent = {"name": tool[0], "version": tool[1]}
    named, ids = [], {}
    for index, ingredient in enumerate(ingredients):
        ids[index] = f"ingredient-{index}"
        described = {
            "title": ingredient.file.name,
            "relationship": "parentOf" if ingredient.role == "original" else "componentOf",
            "instance_id": ids[index],
        }
        named.append((ingredient, json.dumps(described)))
    originals = [ids[i] for i, one in enumerate(ingredients) if one.role == "original"]
    placed = [ids[i] for i, one in enumerate(ingredients) if one.role != "original"]
    if len(originals) > 1:
        raise InputInvalid(
            "a picture is an edit of one original", place="ingredients", remedy="name the others products"
        )
    marked: dict[str, Any] = {"digitalSourceType": statement.source_type, "softwareAgent": agent}
    actions: list[dict[str, Any]] = []
    if originals:
        actions.append({"action": "c2pa.opened", "parameters": {"ingredientIds": originals}})
        actions.append({"action": "c2pa.edited", **marked})
    else:
        actions.append({"action": "c2pa.created", **marked})
    actions += [{"action": "c2pa.placed", "parameters": {"ingredientIds": [one]}} for one in placed]
    definition = {
        "claim_generator_info": [agent],
        "title": statement.title,
        "format": MIME[file_format],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }
    return json.dumps(definition), named


def _mime(file: Path) -> str:
    endings = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
    kind = endings.get(file.suffix.casefold())
    if kind is None:
        raise InputInvalid("an ingredient is a JPEG, PNG or WebP", place=str(file), remedy="convert it")
    return MIME[kind]


def _library() -> Any:
    try:
        import c2pa
    except ImportError as error:
        raise InputInvalid("c2pa-python is not installed", remedy="pip install 'packshot[c2pa]'") from error
    return c2pa
