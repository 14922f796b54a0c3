"""A catalogue as a file: ``catalog.yaml`` says what the options of ``packshot catalog run`` say, and more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ...brand import BrandKit
from ...errors import CatalogInvalid, nearest
from ...quality.channels import Channel, load_channel
from ...workflow import Workflow
from ..runner.failures import Limits
from ..runner.gate import RETRIES
from ..table.addresses import Reach, is_address
from ..table.photos import SECONDS, PhotoPlaces
from ..table.read import Table, read_table
from .items import Axes, Plan, Rule, plan_items
from .mapping import mapping_for
from .templates import is_template

SUFFIXES = (".yaml", ".yml")
_Name = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleSection(_Section):
    """Rows that are made otherwise; the first rule that fits a row holds.

    Attributes:
        when: an expression over what templates see, such as ``product.type == "Lamp"``.
        workflow: name with or without version, or a path; the catalogue's own by default.
        mapping: templates of these rows, over those of the catalogue where the workflow has the same inputs.
        skip: make nothing of them.
    """

    when: _Name
    workflow: str | None = None
    mapping: dict[str, str] = {}
    skip: bool = False


class RetriesSection(_Section):
    """How often and how long a row is tried.

    Attributes:
        attempts: at one row, after failures that may pass.
        seconds: that one picture may take on its host.
        seeds: tried after the first for a picture that fails its channel's checks.
        smaller: changes of inputs, tried one after the other when a host runs out of memory.
    """

    attempts: int = Field(default=3, ge=1, le=20)
    seconds: float = Field(default=1800.0, gt=0)
    seeds: int = Field(default=RETRIES, ge=0, le=20)
    smaller: list[dict[str, str]] = []


class BudgetSection(_Section):
    """What a run may cost.

    Attributes:
        pictures: a plan with more is refused.
        hours: of the hosts' own time, all together; then the run drains, and what is left stays to be made.
    """

    pictures: int | None = Field(default=None, ge=1)
    hours: float | None = Field(default=None, gt=0)


class PhotosSection(_Section):
    """Where the photographs are that rows name.

    Attributes:
        roots: folders and addresses under which a path is looked for, after the table's own folder; such as a shop's
            media folder, ``https://shop.example/media/catalog/product``.
        headers: what a site wants to see, by its host name: ``{cdn.example: {Authorization: Bearer …}}``.
        allow: what may be asked beside the internet: hosts, ``host:port``, networks such as ``192.168.7.0/24``. The
            host of an address in ``roots`` needs no entry.
        seconds: that fetching the photographs of one row may take.
    """

    roots: list[_Name] = []
    headers: dict[_Name, dict[_Name, str]] = {}
    allow: list[_Name] = []
    seconds: float = Field(default=SECONDS, gt=0)

    @field_validator("allow")
    @classmethod
    def _check_allow(cls, allow: list[str]) -> list[str]:
        Reach.of((), allow)
        return allow

    def places(self, folder: Path | None, literals: Iterable[str] = ()) -> PhotoPlaces:
        """Add the product table's folder, None where it has none, and what stands in place of templates."""
        return PhotoPlaces(
            folder, tuple(self.roots), self.headers, tuple(self.allow), frozenset(literals), self.seconds
        )


class CatalogFile(_Section):
    """A catalogue.

    Attributes:
        table: path or address of the product table. All paths are relative to the file.
        columns: field -> the column of the table that holds it, before what its dialect knows; see docs/tables.md.
        encoding: of the table's text; by default it is told from the bytes.
        workflow: name with or without version, or a path.
        brand: folder of the brand kit.
        channel: whose checks every picture must pass.
        mapping: workflow input -> template.
        rules: see :class:`RuleSection`.
        per_variant: a picture for each variant.
        angles, locales, channels: one picture for each; templates see them as ``angle``, ``locale`` and ``channel``. A
            picture for one of ``channels`` must pass the checks of that one.
        seeds: pictures of the same with other seeds.
        base_seed: from which all seeds derive.
        hosts: addresses; the managed host by default.
        phases: whether prompts are encoded ahead, for a hundred rows at once, so that a small card does not load the
            text encoder for every picture. The pictures are the same.
        photos, retries, budget: see there.
        out: folder of the run.
    """

    table: _Name
    columns: dict[str, _Name | list[_Name]] = {}
    encoding: str | None = None
    workflow: _Name = "product-shot"
    brand: str | None = None
    channel: str | None = None
    mapping: dict[str, str] = {}
    rules: list[RuleSection] = []
    per_variant: bool = False
    angles: list[_Name] = []
    locales: list[_Name] = []
    channels: list[_Name] = []
    seeds: int = Field(default=1, ge=1, le=1000)
    base_seed: int = 0
    hosts: list[_Name] = []
    phases: bool = True
    photos: PhotosSection = PhotosSection()
    retries: RetriesSection = RetriesSection()
    budget: BudgetSection = BudgetSection()
    out: str | None = None

    @classmethod
    def load(cls, path: Path) -> CatalogFile:
        """Read a file; the paths in it become relative to the working directory.

        Raises:
            CatalogInvalid: not there, not YAML, an unknown field, a value of the wrong kind.
        """
        try:
            content = yaml.safe_load(path.read_text("utf-8"))
        except OSError as error:
            raise CatalogInvalid(
                f"cannot be read: {error.strerror}", place=str(path), remedy="check the path"
            ) from error
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            said = " ".join(str(error).split())
            raise CatalogInvalid(f"not valid YAML: {said}", place=str(path), remedy="correct the file") from error
        try:
            loaded = cls.model_validate(content)
        except ValidationError as error:
            raise _refused(path, error) from error
        moved: dict[str, Any] = {
            name: _beside(path, value) for name in ("table", "brand", "out") if (value := getattr(loaded, name))
        }
        moved["photos"] = loaded.photos.model_copy(
            update={"roots": [_beside(path, root) for root in loaded.photos.roots]}
        )
        moved["workflow"] = _beside_file(path, loaded.workflow)
        moved["rules"] = [
            rule.model_copy(update={"workflow": _beside_file(path, rule.workflow)}) if rule.workflow else rule
            for rule in loaded.rules
        ]
        return loaded.model_copy(update=moved)

    @classmethod
    def of(cls, table: str, mapping: Mapping[str, str], **options: Any) -> CatalogFile:
        """What a command or a program asks for: a catalogue file, or a product table by its path or address.

        Args:
            mapping: templates, over those of the file.
            options: fields that go before what the file says; those that are None do not. A section, such as
                ``retries={"seeds": 3}``, leaves what it does not name.

        Raises:
            CatalogInvalid: as for :meth:`load`.
        """
        file = cls.load(Path(table)) if table.lower().endswith(SUFFIXES) else cls(table=table)
        fields = file.model_dump()
        for name, value in {**options, "mapping": dict(mapping)}.items():
            if isinstance(value, dict) and isinstance(fields.get(name), dict):
                fields[name].update(value)
            elif value is not None:
                fields[name] = str(value) if isinstance(value, Path) else value
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise _refused(Path(table), error) from error

    @property
    def literals(self) -> list[str]:
        """What the owner wrote himself in place of a template, and no row can change."""
        mappings = [self.mapping, *(rule.mapping for rule in self.rules), *self.retries.smaller]
        texts = dict.fromkeys(text.strip() for mapping in mappings for text in mapping.values())
        return [text for text in texts if text and not is_template(text)]

    @property
    def limits(self) -> Limits:
        """How long and how often a row is tried."""
        own = self.retries
        return Limits(own.seconds, own.attempts, smaller=tuple(own.smaller), hours=self.budget.hours, seeds=own.seeds)


class Catalog:
    """A catalogue with everything that it names, and its plan.

    Attributes:
        file: what was asked for.
        table, kit: read.
        workflows: by key; the catalogue's own has the empty key.
        checks: the channel whose checks every picture must pass.
        plan: what is to be made.
        beyond: ids of the items beyond ``limit``.

    Args:
        limit: make only the first so many.

    Raises:
        CatalogInvalid, WorkflowInvalid, BrandInvalid, InputUnknown: something that it names cannot be used, or its
            budget is too small for it.
    """

    def __init__(self, file: CatalogFile, *, limit: int | None = None) -> None:
        self.file = file
        own = Workflow.load(file.workflow)
        self.workflows: dict[str, Workflow] = {"": own}
        self.checks: Channel | None = load_channel(file.channel) if file.channel else None
        for channel in file.channels:
            load_channel(channel)
        self.kit = BrandKit.load(Path(file.brand)) if file.brand else None
        self.table: Table = read_table(file.table, columns=file.columns, encoding=file.encoding)
        axes = Axes(file.angles or ("",), file.locales or ("",), file.channels or ("",), tuple(range(file.seeds)))
        plan = plan_items(
            self.table,
            mapping_for(own, file.mapping, self.table),
            self.kit,
            base_seed=file.base_seed,
            per_variant=file.per_variant,
            rules=[self._rule(rule, own) for rule in file.rules],
            axes=axes,
        )
        self.plan = plan if limit is None else Plan(plan.items[:limit], plan.problems)
        self.beyond = tuple(item.item_id for item in plan.items[len(self.plan.items) :])
        most = file.budget.pictures
        if most is not None and len(self.plan.items) > most:
            raise CatalogInvalid(
                f"the plan has {len(self.plan.items):,} pictures, and its budget is {most:,}",
                place=f"{file.table}, budget.pictures",
                remedy="raise the budget, or make less: fewer angles, locales, channels or seeds, or --limit",
            )

    def _rule(self, rule: RuleSection, own: Workflow) -> Rule:
        if rule.skip:
            return Rule(rule.when, skip=True)
        workflow = Workflow.load(rule.workflow) if rule.workflow else own
        key = "" if workflow.sha256 == own.sha256 else workflow.sha256[:16]
        self.workflows[key] = workflow
        shared = {name: text for name, text in self.file.mapping.items() if name in workflow.input_names}
        return Rule(rule.when, key, mapping_for(workflow, {**shared, **rule.mapping}, self.table))


def _beside(path: Path, value: str) -> str:
    return value if is_address(value) or Path(value).is_absolute() else str(path.parent / value)


def _beside_file(path: Path, workflow: str) -> str:
    """A workflow's path; a name in the library stays as it is."""
    return _beside(path, workflow) if workflow.endswith(".json") else workflow


def _refused(path: Path, error: ValidationError) -> CatalogInvalid:
    """The first fault that pydantic found, in the words of the YAML file."""
    first = error.errors(include_url=False)[0]
    location: tuple[int | str, ...] = first["loc"]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    place = f"{path}, {field}" if field else str(path)
    if first["type"] == "extra_forbidden":
        return CatalogInvalid(
            f"there is no field '{location[-1]}'", place=place, remedy=nearest(str(location[-1]), _fields(location))
        )
    if first["type"] == "missing":
        return CatalogInvalid("this field is missing", place=place, remedy=f"add '{location[-1]}:' with its value")
    return CatalogInvalid(first["msg"][:1].lower() + first["msg"][1:], place=place, remedy="correct the value")


def _fields(location: tuple[int | str, ...]) -> list[str]:
    sections: Mapping[Any, type[_Section]] = {
        "rules": RuleSection,
        "photos": PhotosSection,
        "retries": RetriesSection,
        "budget": BudgetSection,
    }
    return list((sections[location[0]] if len(location) > 1 else CatalogFile).model_fields)
