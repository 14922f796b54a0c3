"""A brand kit: what makes pictures of many products look like one brand's.

A kit is a folder with ``brand.yaml`` and the files that it names, or that YAML file itself:

.. code-block:: yaml

    name: Kiln Harbor
    palette:
      - {name: oat, hex: "#EFE6D6", role: background}
    prompt:
      prefix: studio packshot of
      suffix: soft window light from the left
      negative: text, watermark

``docs/brand.md`` shows every section.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, PrivateAttr, StringConstraints, ValidationError

from ..bounded_yaml import read_yaml
from ..budget import OverBudget, read_regular
from ..errors import BrandInvalid
from ..paths import atomic_write, config_dir, resolve_within, shipped, write_text
from .kit_diff import Change, compare
from .kit_faults import refused
from .kit_template import template
from .sections import (
    Approval,
    BrandLora,
    Colour,
    Font,
    ForbiddenColour,
    Locale,
    Logo,
    Name,
    OptionalFileName,
    Photography,
    ProductRules,
    Prompt,
    Section,
    Terms,
    TimeZone,
)

FILE_NAME = "brand.yaml"
_FILE_LIMIT = 256 * 1024  # bytes; a kit is written by hand
LOGO_LIMIT = 32 << 20  # bytes; a master for print, as PNG, has a few

LocaleCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


def kits() -> dict[str, Path]:
    """List the kits to choose from: folders of ``brands`` in the user's settings, and the examples that ship."""
    folders = (shipped("examples") / "brands", config_dir() / "brands")
    return {file.parent.name: file.parent for folder in folders for file in sorted(folder.glob(f"*/{FILE_NAME}"))}


class BrandKit(Section):
    """A brand's colours, words, files, LoRAs and rules.

    Attributes:
        name: 1 to 80 characters.
        version: of the kit, as its owners count them; empty: they do not.
        palette: up to 32 colours, in the brand's own order.
        forbidden_colours: colours that pictures must not show.
        logos, fonts: files of the kit.
        photography: how pictures are taken.
        prompt: the brand's part of every prompt.
        glossary: the brand's own words, for every language.
        locales: what differs for texts in a language: IETF tag -> prompt and glossary.
        loras: what the pictures are made with, in the order in which they are applied.
        products: what may be done to the product.
        channels: ids of the sales channels whose rules the pictures must keep.
        licence_profile: file below the kit's folder that says what the pictures are for, beside the user's own; the
            stricter of both holds.
        time_zone: in which a LoRA's last day ends, such as ``Pacific/Auckland``; empty: once it is over everywhere.
        approvals: who said yes to which state of the kit.
    """

    name: Name
    version: Annotated[str, StringConstraints(max_length=40)] = ""
    palette: Annotated[tuple[Colour, ...], Field(max_length=32, strict=False)] = ()
    forbidden_colours: Annotated[tuple[ForbiddenColour, ...], Field(max_length=32, strict=False)] = ()
    logos: Annotated[tuple[Logo, ...], Field(max_length=32, strict=False)] = ()
    fonts: Annotated[tuple[Font, ...], Field(max_length=32, strict=False)] = ()
    photography: Photography = Photography()
    prompt: Prompt = Prompt()
    glossary: Terms = ()
    locales: Annotated[dict[LocaleCode, Locale], Field(max_length=100)] = Field(default_factory=dict)
    loras: Annotated[tuple[BrandLora, ...], Field(max_length=64, strict=False)] = ()
    products: ProductRules = ProductRules()
    channels: Annotated[tuple[ChannelId, ...], Field(max_length=32, strict=False)] = ()
    licence_profile: OptionalFileName = ""
    time_zone: TimeZone = ""
    approvals: Annotated[tuple[Approval, ...], Field(max_length=64, strict=False)] = ()

    _folder: Path | None = PrivateAttr(default=None)

    @classmethod
    def new(cls, folder: Path, name: str, colours: Mapping[str, str], logo: Path | None = None) -> BrandKit:
        """Begin a kit: write ``brand.yaml``, with a comment for what is still to be filled in, and copy the logo there.

        Args:
            folder: the kit's new folder.
            name: the brand's.
            colours: name -> a colour as CSS writes it; the first is the background.
            logo: PNG with transparency, or SVG.

        Raises:
            BrandInvalid: there is a kit already, the name or a colour is none, or the logo cannot be read.
            OutputUnwritable: the folder or the disk refuses.
        """
        file = folder / FILE_NAME
        if file.exists():
            remedy = "choose another folder, or edit that file"
            raise BrandInvalid("there is a kit already", place=str(file), remedy=remedy)
        try:
            content = read_regular(logo, LOGO_LIMIT) if logo else b""
        except (OSError, OverBudget) as error:
            said = getattr(error, "strerror", None) or error
            raise BrandInvalid(f"cannot be read: {said}", place=str(logo), remedy="give a PNG or SVG file") from error
        copied = f"logo{logo.suffix.lower()}" if logo else ""
        text = template(name, colours, copied, hashlib.sha256(content).hexdigest() if logo else "")
        cls.parse(text, str(file))  # refuses what would be no kit before anything is written
        if copied:
            with atomic_write(folder / copied) as written:
                written.write(content)
        write_text(file, text)
        return cls.load(file)

    @classmethod
    def load(cls, path: Path) -> BrandKit:
        """Read a kit from its folder or its YAML file.

        Raises:
            BrandInvalid: the file is missing, too large, not YAML, or a field is unknown, missing or out of bounds.
        """
        file = path / FILE_NAME if path.is_dir() else path
        if path.is_dir() and resolve_within(path.resolve(), FILE_NAME) is None:
            message = "is a link that leads out of the kit's folder"
            raise BrandInvalid(message, place=str(file), remedy="put the file itself there, or name it")
        kit = cls._of(_read(file), str(file))
        kit._folder = file.parent.resolve()
        return kit

    @classmethod
    def parse(cls, text: str, place: str) -> BrandKit:
        """A kit from the text of its file, or from :meth:`text`; the files that it names are nowhere.

        Args:
            place: where the text stands, for messages.

        Raises:
            BrandInvalid: as for :meth:`load`.
        """
        data = text.encode(errors="surrogatepass")
        content = None
        with contextlib.suppress(ValueError, RecursionError):
            content = json.loads(data) if len(data) <= _FILE_LIMIT else None
        if not isinstance(content, dict):
            return cls._of(data, place)
        try:
            return cls.model_validate_json(data)  # a date in JSON is a text, which in YAML it must not be
        except ValidationError as error:
            raise refused(cls, place, error) from error

    @classmethod
    def _of(cls, data: bytes, place: str) -> BrandKit:
        content = _parse(data, place)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise refused(cls, place, error) from error

    def text(self) -> str:
        """What the kit says as text that :meth:`parse` reads: JSON, without what is at its default."""
        return self.model_dump_json(exclude_defaults=True)

    def show(self) -> dict[str, Any]:
        """Give what the kit says, with its defaults, and its hash, as ``packshot brand show --json`` prints it."""
        return {**self.model_dump(mode="json"), "hash": self.hash}

    def diff(self, other: BrandKit) -> list[Change]:
        """Say what differs in another kit, or another state of this one, field by field.

        Returns:
            The differences in the order of the kit's sections; the order of entries that have names does not count.
        """
        before, after = (kit.model_dump(mode="json", exclude_defaults=True) for kit in (self, other))
        return compare(before, after)

    @property
    def folder(self) -> Path | None:
        """Where its files are; None for a kit that was not read from a folder."""
        return self._folder

    def path(self, name: str) -> Path:
        """Where one of the kit's files lies, once every link was followed.

        Args:
            name: as the kit has it, below its folder.

        Raises:
            BrandInvalid: a link leads out of the kit's folder, or the kit was read from none.
        """
        folder = self._folder or Path().resolve()
        path = resolve_within(folder, name)
        if path is None:
            remedy = "put the file itself there: a kit may come from anyone, and reads its own files alone"
            raise BrandInvalid(f"'{name}' leads out of the kit's folder", place=str(folder), remedy=remedy)
        return path

    def read(self, name: str, most: int) -> bytes:
        """The content of one of the kit's files.

        Args:
            name: as the kit has it, below its folder.
            most: bytes.

        Raises:
            BrandInvalid: it is not there, too large, no regular file, or a link leads out of the kit's folder.
        """
        path = self.path(name)
        if not path.exists():
            folder = self._folder or Path()
            raise BrandInvalid(
                f"'{name}' cannot be read: there is no such file", place=str(folder), remedy=f"put it in {folder}"
            )
        return _read(path, most)

    @property
    def hash(self) -> str:
        """SHA-256, in hex, of what the kit says, without approvals; layout and the order of keys make no difference.

        A field at its default counts as absent, so that a kit keeps its hash when later versions know more fields.
        """
        said = self.model_dump(mode="json", exclude={"approvals"}, exclude_defaults=True)
        canonical = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Who said yes to the kit as it is now."""
        return tuple(approval.by for approval in self.approvals if approval.of == self.hash)


def _read(file: Path, most: int = _FILE_LIMIT) -> bytes:
    """Read a file of a kit, which is neither a device nor a pipe.

    Raises:
        BrandInvalid: it is not there, is no regular file, or too large.
    """
    try:
        return read_regular(file, most)
    except FileNotFoundError as error:
        raise BrandInvalid(
            "there is no such brand kit", place=str(file), remedy=f"give a folder that holds {FILE_NAME}, or the file"
        ) from error
    except OverBudget as error:
        raise BrandInvalid(
            f"the file has {file.stat().st_size:,} bytes; one of its kind has at most {most:,}",
            place=str(file),
            remedy=f"give a smaller file; a kit begins with its {FILE_NAME}",
        ) from error
    except OSError as error:
        raise BrandInvalid(
            f"cannot be read: {error.strerror or error}", place=str(file), remedy="check the file and its permissions"
        ) from error


def _parse(data: bytes, place: str) -> Any:
    if len(data) > _FILE_LIMIT:
        raise BrandInvalid(
            f"the file has {len(data):,} bytes; a kit has at most {_FILE_LIMIT:,}",
            place=place,
            remedy=f"give the kit's {FILE_NAME}",
        )
    try:
        content = read_yaml(data)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BrandInvalid(
            f"not UTF-8: byte {data[error.start]:#04x} at offset {error.start}",
            place=f"{place}, line {line}",
            remedy="save the file as UTF-8",
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BrandInvalid(
            error.problem or "not valid YAML",
            place=f"{place}, line {mark.line + 1}, column {mark.column + 1}" if mark else place,
            remedy="correct the YAML at this place",
        ) from error
    except OverBudget as error:
        what = "is nested too deeply" if error.limit == "depth" else "stands for too much"
        raise BrandInvalid(
            f"it {what}: {error}", place=place, remedy="correct the file: write it without aliases"
        ) from error
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise BrandInvalid(f"not valid YAML: {said}", place=place, remedy="correct the file") from error
    if not isinstance(content, dict):
        raise BrandInvalid(
            "the file holds no fields", place=place, remedy="a kit begins with 'name:' and the brand's name"
        )
    return content
