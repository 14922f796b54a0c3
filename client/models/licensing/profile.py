"""Who uses a model and what for: the licence profile that licences are judged against.

A profile is a YAML file, by default ``profile.yaml`` in the user's settings folder. Nothing in it has a default: what a
clause depends on and the profile does not say cannot be decided, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from ...bounded_yaml import read_yaml
from ...budget import OverBudget, read_regular
from ...errors import InputInvalid, nearest
from ...paths import config_dir

Attestation = Literal[
    "bfl-commercial", "stability-enterprise", "ltx-commercial", "playground-commercial", "tencent-commercial"
]
#: What each attestation states, in words that follow "you hold".
ATTESTATIONS: Mapping[Attestation, str] = {
    "bfl-commercial": "a commercial licence of Black Forest Labs for this model",
    "stability-enterprise": "an enterprise licence of Stability AI",
    "ltx-commercial": "a commercial licence of Lightricks for LTX-2",
    "playground-commercial": "a commercial licence of Playground",
    "tencent-commercial": "a licence of Tencent for more monthly users",
}

PROFILE_LIMIT = 256 * 1024  # bytes; a profile is written by hand

# The officially assigned codes of ISO 3166-1 alpha-2.
_ASSIGNED = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_ASSIGNED.split())
_UNION = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK AX GF GP MF MQ RE YT"
#: The 27 members of the European Union, and the parts of them that are Union territory with a code of their own:
#: Åland, French Guiana, Guadeloupe, Saint-Martin, Martinique, Réunion, Mayotte (Articles 349 and 355 TFEU).
EUROPEAN_UNION = frozenset(_UNION.split())
_REGIONS = {"EU": EUROPEAN_UNION, "WORLD": COUNTRIES}


def expand(territories: tuple[str, ...]) -> frozenset[str]:
    """Country codes, with ``EU`` and ``WORLD`` replaced by the countries that they stand for."""
    return frozenset().union(*(_REGIONS.get(code, {code}) for code in territories))


class Profile(BaseModel):
    """What a user says of themselves and of what they do. None: not said.

    Attributes:
        annual_revenue_usd: of the last year in US dollars, affiliates included, from whatever source.
        monthly_active_users: of all products and services together.
        publish_territories: ISO 3166-1 alpha-2 codes of where pictures are shown; ``EU`` and ``WORLD`` stand for their
            countries. A shop that ships only at home and can be opened from everywhere is shown in ``WORLD``.
        server_territory: where the model runs.
        purpose: ``evaluation`` is testing in a non-production environment that nobody is paid for.
        hosted_for_others: third parties use the model through your service, as against pictures that you make.
        trains_on_outputs: pictures are used to train, fine-tune, distil or improve a model.
        attestations: licences that the user states to hold.
        declared: file name -> licence id, for files that no card lists; ``own`` is the user's own work.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    annual_revenue_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False, strict=True)
    monthly_active_users: int | None = Field(default=None, ge=0, strict=True)
    publish_territories: tuple[str, ...] | None = None
    server_territory: str | None = None
    purpose: Literal["production", "evaluation"] | None = None
    hosted_for_others: bool | None = Field(default=None, strict=True)
    trains_on_outputs: bool | None = Field(default=None, strict=True)
    attestations: tuple[Attestation, ...] = ()
    declared: dict[str, str] = Field(default_factory=dict)

    _file: Path = PrivateAttr(default_factory=lambda: config_dir() / "profile.yaml")

    @property
    def file(self) -> Path:
        """Where it was read from, or would be: the file that advice names. It need not exist."""
        return self._file

    @field_validator("publish_territories", mode="before")
    @classmethod
    def _codes(cls, value: object) -> object:
        return [_code(code) for code in value] if isinstance(value, list) else value

    @field_validator("server_territory", mode="before")
    @classmethod
    def _country(cls, value: object) -> object:
        code = None if value is None else _code(value)
        if code in _REGIONS:
            raise ValueError(f"a server stands in one country, not in {code}")
        return code

    @field_validator("declared")
    @classmethod
    def _names(cls, declared: dict[str, str]) -> dict[str, str]:
        return {base_name(name): licence for name, licence in declared.items()}


# What pydantic says of Python's types, for people who write YAML.
_PLAIN = {
    "tuple_type": "must be a list, in square brackets",
    "float_type": "must be a number in digits, such as 500000",
    "int_type": "must be a whole number in digits, such as 20000",
    "bool_type": "must be true or false",
    "dict_type": "must be lines of FILE NAME: LICENCE",
    "model_type": "must be lines of NAME: VALUE",
    "extra_forbidden": "a licence profile has no such line",
}


def _code(value: object) -> str:
    """One territory. YAML reads a bare ``NO`` as false, which in a list of countries can only mean Norway."""
    code = "NO" if value is False else str(value).upper()
    if code not in COUNTRIES and code not in _REGIONS:
        hint = "; the United Kingdom is GB" if code == "UK" else ""
        raise ValueError(f"'{code}' is no ISO 3166-1 alpha-2 code, nor EU or WORLD{hint}")
    return code


def base_name(name: str) -> str:
    """The last part of a file's name, whichever slashes it has."""
    return name.replace("\\", "/").rpartition("/")[2]


def load_profile(path: Path | None = None) -> Profile:
    """The profile in a file, or the user's own; where that does not exist, one that says nothing.

    Raises:
        InputInvalid: the file that was named is not there, or its content is no profile.
    """
    file = path or config_dir() / "profile.yaml"
    try:
        return parse_profile(read_regular(file, PROFILE_LIMIT), file)
    except FileNotFoundError as error:
        if path is not None:
            raise InputInvalid(
                "there is no such licence profile", place=str(path), remedy="docs/licences.md shows what it says"
            ) from error
        return parse_profile(b"", file)
    except (OSError, OverBudget) as error:
        raise _unreadable(error, file) from error


def parse_profile(content: bytes, file: Path) -> Profile:
    """The profile in the content of its file.

    Args:
        file: where it stands, for messages and advice.

    Raises:
        InputInvalid: it is no profile.
    """
    try:
        data = read_yaml(content)
        profile = Profile.model_validate({} if data is None else data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        unknown = first["type"] == "extra_forbidden"
        said = _PLAIN.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise InputInvalid(
            f"{field + ': ' if field else ''}{said}",
            place=str(file),
            remedy=nearest(field, Profile.model_fields)
            if unknown
            else "correct the line; docs/licences.md shows what a licence profile says",
        ) from error
    except (ValueError, yaml.YAMLError, OverBudget) as error:
        raise _unreadable(error, file) from error
    profile._file = file
    return profile


def _unreadable(error: Exception, file: Path) -> InputInvalid:
    message = f"cannot be read as a licence profile: {error}"
    return InputInvalid(message, place=str(file), remedy="docs/licences.md shows one")
