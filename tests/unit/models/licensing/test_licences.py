"""Licences and the decisions on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing
from safetensors.numpy import save_file

from packshot.errors import InputInvalid, LicenceRefused
from packshot.models.cards import card_ids, load_card
from packshot.models.licensing.licences import (
    UNKNOWN,
    Part,
    judge,
    licence_ids,
    load_licence,
    load_profile,
    parts_of_card,
)
from packshot.models.licensing.parts import origin_of_file, parts_of_files
from packshot.models.licensing.profile import Attestation, Profile
from support.profiles import SHOP, profile

ORDER = {"allow": 0, "duties": 1, "refuse": 2}


@pytest.mark.parametrize("licence_id", licence_ids())
def test_a_licence_is_an_spdx_expression_with_cited_clauses(licence_id: str) -> None:
    licence = load_licence(licence_id)
    expression = get_spdx_licensing().parse(licence.spdx)
    unknown = set(get_spdx_licensing().unknown_license_keys(expression))
    assert all(key.startswith("LicenseRef-") and "scancode" not in key for key in unknown)
    assert licence.clauses or licence_id == "own"
    assert len({clause.id for clause in licence.clauses}) == len(licence.clauses)
    assert all(alias == alias.casefold() for alias in licence.aliases)
    for clause in licence.clauses:
        assert len(clause.text) > 20
        assert clause.text.endswith((".", ")"))
        assert clause.citation


def test_no_two_licences_have_a_name_in_common() -> None:
    names = [
        name
        for licence in map(load_licence, licence_ids())
        for name in {licence.id, licence.name.casefold(), licence.spdx.casefold(), *licence.aliases}
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("card_id", card_ids())
def test_the_licences_of_a_card_are_known(card_id: str) -> None:
    licences = {part.licence for part in parts_of_card(load_card(card_id))}
    assert licences <= set(licence_ids()) - {UNKNOWN, "own"}


@given(
    st.sampled_from(licence_ids()),
    st.fixed_dictionaries(
        {
            "annual_revenue_usd": st.integers(0, 10**8),
            "monthly_active_users": st.integers(0, 10**9),
            "publish_territories": st.lists(st.sampled_from(["US", "DE", "GB", "KR", "EU", "WORLD"])),
            "server_territory": st.sampled_from(["US", "FR", "KR"]),
            "purpose": st.sampled_from(["production", "evaluation"]),
            "hosted_for_others": st.booleans(),
            "trains_on_outputs": st.booleans(),
            "attestations": st.lists(st.sampled_from(get_args(Attestation))),
        }
    ),
    st.sampled_from([*SHOP, "attestations"]),
)
def test_saying_less_never_allows_more(licence: str, said: dict[str, Any], silent: str) -> None:
    parts = [Part("model", licence, "test")]
    full = judge(parts, Profile.model_validate(said)).decision
    less = judge(parts, Profile.model_validate({k: v for k, v in said.items() if k != silent})).decision
    assert full != "refuse" or less == "refuse"


@given(st.lists(st.sampled_from([*licence_ids(), "no-such-licence"])), st.sampled_from([Profile(), profile()]))
def test_a_decision_is_the_strictest_of_its_parts(licences: list[str], stated: Profile) -> None:
    parts = [Part(f"file {number}", licence, "test") for number, licence in enumerate(licences)]
    alone = [judge([part], stated) for part in parts]
    together = judge(parts, stated)
    assert together.decision == max((one.decision for one in alone), key=ORDER.__getitem__, default="allow")
    assert set(together.duties) == {duty for one in alone for duty in one.duties}
    assert len(together.duties) == len(set(together.duties))
    assert {reason.component for reason in together.reasons} == {
        part.name for part, one in zip(parts, alone, strict=True) if one.decision == "refuse"
    }


def test_a_refusal_names_part_clause_place_and_the_line_to_add(own_settings: Path) -> None:
    decision = judge([Part("sd3.5_large.safetensors", "stability-community-2024", "test")], load_profile(None))
    answer = decision.as_dict()
    assert answer["decision"] == "refuse"
    assert "not legal advice" in answer["notice"]
    reason = answer["reasons"][0]
    assert reason["component"] == "sd3.5_large.safetensors"
    assert reason["citation"] == "s. III"
    assert "`annual_revenue_usd: …`" in reason["changes_if"]
    assert str(own_settings / "profile.yaml") in reason["changes_if"]
    with pytest.raises(LicenceRefused, match=r"sd3.5_large.safetensors may not be used so: .*1,000,000") as caught:
        decision.enforce("product-shot")
    assert "annual_revenue_usd" in caught.value.remedy
    assert (caught.value.place, caught.value.slug) == ("product-shot", "licence-refused")


def test_what_is_allowed_says_what_would_refuse_it() -> None:
    """Every limit that a grown-up profile keeps to is named; a profile beyond it is refused by that clause."""
    beyond = {
        "revenue": {"annual_revenue_usd": 1_000_001},
        "no-foundation-model": {"trains_on_outputs": True},
    }
    part = [Part("model", "stability-community-2024", "test")]
    kept = judge(part, profile(annual_revenue_usd=1_000_000))
    limits = {one.clause_id: one.changes_if for one in kept.grounds if one.changes_if.startswith("refused ")}
    assert (kept.decision, limits.keys()) == ("duties", beyond.keys())
    assert limits["revenue"] == "refused with more than 1,000,000 USD a year"
    assert [one["clause_id"] for one in kept.as_dict()["reasons"]] == [one.clause_id for one in kept.grounds]
    for clause, change in beyond.items():
        refused = judge(part, profile(**{"annual_revenue_usd": 1_000_000, **change}))
        assert [one["clause_id"] for one in refused.as_dict()["reasons"]] == [clause]


def test_a_licence_held_stands_among_the_reasons() -> None:
    held = judge(
        [Part("model", "ltx-2-community", "test")], profile(annual_revenue_usd=10**9, attestations=["ltx-commercial"])
    )
    assert "refused without `ltx-commercial` among the attestations" in {one.changes_if for one in held.grounds}


def test_a_file_of_unknown_licence_is_named_with_the_line_that_declares_it(own_settings: Path) -> None:
    parts = parts_of_files(["loras/ours.safetensors"], [], load_profile(None), lambda _: None)
    (reason,) = judge(parts, load_profile(None)).reasons
    assert reason.component == "loras/ours.safetensors"
    assert "`loras/ours.safetensors: LICENCE` under `declared:`" in reason.changes_if
    (own_settings / "profile.yaml").write_text("declared: {ours.safetensors: own}\n")
    parts = parts_of_files(["loras/ours.safetensors"], [], load_profile(None), lambda _: None)
    assert judge(parts, load_profile(None)).decision == "allow"


def test_a_refusal_in_a_territory_names_the_countries() -> None:
    stated = profile(publish_territories=["EU", "GB", "US"], server_territory="FR")
    (reason,) = judge([Part("model", "tencent-hunyuan-community", "test")], stated).reasons
    assert "show no picture in EU, GB and run the model outside FR" in reason.changes_if


def test_a_licence_of_the_users_own_adds_and_does_not_replace(own_settings: Path) -> None:
    folder = own_settings / "licences"
    folder.mkdir()
    source = {"source": "a contract", "checked": "2026-01-01", "evidence": "primary"}
    for name in ("bought", "flux-dev-nc-2.1"):
        text = {"id": name, "name": f"Ours {name}", "spdx": "LicenseRef-Ours", "sources": [source], "clauses": []}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(text))
    assert judge([Part("model", "bought", "test")], Profile()).decision == "allow"
    assert judge([Part("model", "flux-dev-nc-2.1", "test")], profile()).decision == "refuse"
    (folder / "bought.yaml").write_text("id: bought\nname: 3\n")
    with pytest.raises(InputInvalid, match="spdx"):
        load_licence("bought")


def lora_file(path: Path, width: int, **metadata: str) -> Path:
    """A LoRA for the first double block of a FLUX.2 model of this width: its gated MLP tells it from FLUX.1."""
    key = "diffusion_model.double_blocks.0.img_mlp.0"
    down, up = np.zeros((4, width), np.float16), np.zeros((6 * width, 4), np.float16)
    save_file({f"{key}.lora_A.weight": down, f"{key}.lora_B.weight": up}, path, metadata)
    return path


def test_a_lora_file_stands_under_the_terms_of_the_model_that_it_was_made_for(tmp_path: Path) -> None:
    stated = profile()

    def refused(width: int, **metadata: str) -> set[str]:
        path = lora_file(tmp_path / "brand.safetensors", width, **metadata)
        parts = parts_of_files(["brand.safetensors"], [], stated, lambda _: origin_of_file(path))
        return {reason.licence for reason in judge(parts, stated).reasons}

    assert refused(3072) == set(), "klein 4B"
    assert refused(6144) == {"flux-dev-nc-2.1"}, "dev"
    assert refused(6144, **{"modelspec.license": "Apache-2.0"}) == {"flux-dev-nc-2.1"}
    assert refused(3072, **{"modelspec.license": "cc-by-nc-4.0"}) == {"cc-by-nc-4.0"}
