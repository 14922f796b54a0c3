from __future__ import annotations

import json
import subprocess
import sys
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
from packshot.models.licensing.clauses import Duty, MonthlyUsersThreshold, RevenueThreshold
from packshot.models.licensing.licences import (
    UNKNOWN,
    Part,
    judge,
    licence_ids,
    load_licence,
    load_profile,
    parts_of_card,
)
from packshot.models.licensing.parts import known_files, origin_of_file, origin_of_metadata, parts_of_files
from packshot.models.licensing.profile import COUNTRIES, EUROPEAN_UNION, Attestation, Profile
from packshot.run.weights import weights_of_graph, weights_of_run
from packshot.workflow import Workflow
from support.places import DATA

SHOP = {
    "annual_revenue_usd": 500000, "monthly_active_users": 20000, "publish_territories": ["US"],
    "server_territory": "US", "purpose": "production", "hosted_for_others": False, "trains_on_outputs": False,
}  # fmt: skip
ORDER = {"allow": 0, "duties": 1, "refuse": 2}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty settings folder in place of the user's."""
    for name in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    folder = tmp_path / "packshot"
    folder.mkdir()
    return folder


def profile(**changes: Any) -> Profile:
    return Profile.model_validate({**SHOP, **changes})


# -- the data ----------------------------------------------------------------------------------------------------------


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


def test_every_attestation_lifts_some_clause() -> None:
    lifted = {
        clause.unless
        for licence in map(load_licence, licence_ids())
        for clause in licence.clauses
        if not isinstance(clause, Duty)
    }
    assert lifted - {None} == set(get_args(Attestation))


@pytest.mark.parametrize("card_id", card_ids())
def test_the_licences_of_a_card_are_known(card_id: str) -> None:
    licences = {part.licence for part in parts_of_card(load_card(card_id))}
    assert licences <= set(licence_ids()) - {UNKNOWN, "own"}


def test_the_licences_of_well_known_files_are_known() -> None:
    table = known_files().files
    assert {licence for one in table for licence in one.licences} <= set(licence_ids())
    assert len({one.pattern for one in table}) == len(table)
    assert all(one.pattern == one.pattern.lower() for one in table), "names are compared in lower case"


# -- profiles ----------------------------------------------------------------------------------------------------------


def test_a_profile_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(
        "annual_revenue_usd: 500000\npublish_territories: [us, NO, EU]\nserver_territory: NO\n"
        "declared: {loras/brand.safetensors: own}\n"
    )
    read = load_profile(file)
    assert read.publish_territories == ("US", "NO", "EU"), "YAML takes a bare NO for false"
    assert read.server_territory == "NO"
    assert read.declared == {"brand.safetensors": "own"}
    assert read.file == file
    assert read.purpose is None


def test_without_a_file_nothing_is_said(settings: Path) -> None:
    empty = load_profile(None)
    assert empty == Profile()
    assert empty.file == settings / "profile.yaml"
    (settings / "profile.yaml").write_text("purpose: evaluation\n")
    assert load_profile(None).purpose == "evaluation"
    (settings / "profile.yaml").write_text("")
    assert load_profile(None) == Profile()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("revenue: 5", "revenue: a licence profile has no such line"),
        ("annual_revenue_usd: '5'", "annual_revenue_usd: must be a number in digits"),
        ("annual_revenue_usd: 1e6", "annual_revenue_usd: must be a number in digits"),  # a text, to YAML 1.1
        ("annual_revenue_usd: true", "annual_revenue_usd"),
        ("annual_revenue_usd: -1", "annual_revenue_usd"),
        ("annual_revenue_usd: .nan", "annual_revenue_usd"),
        ("monthly_active_users: 1.5", "monthly_active_users"),
        ("publish_territories: [UK]", "the United Kingdom is GB"),
        ("publish_territories: [Germany]", "GERMANY"),
        ("publish_territories: DE", "publish_territories: must be a list"),
        ("server_territory: EU", "one country"),
        ("purpose: testing", "purpose"),
        ("hosted_for_others: 'no'", "hosted_for_others: must be true or false"),
        ("attestations: [bfl]", "attestations"),
        ("[1, 2]", "must be lines of NAME: VALUE"),
        ("purpose: [", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "profile.yaml"
    file.write_text(text)
    with pytest.raises(InputInvalid) as caught:
        load_profile(file)
    assert said in caught.value.message
    assert caught.value.place == str(file)


def test_a_profile_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="no such licence profile"):
        load_profile(tmp_path / "none.yaml")
    with pytest.raises(InputInvalid, match="cannot be read"):
        load_profile(tmp_path)


def test_the_union_has_27_members_and_their_outermost_regions() -> None:
    regions = {"AX", "GF", "GP", "MF", "MQ", "RE", "YT"}
    assert len(EUROPEAN_UNION - regions) == 27
    assert EUROPEAN_UNION < COUNTRIES
    assert len(COUNTRIES) == 249
    assert not EUROPEAN_UNION & {"GB", "CH", "NO", "IS", "TR", "UA"}


# -- decisions ---------------------------------------------------------------------------------------------------------


THRESHOLDS = [
    (licence, clause)
    for licence in licence_ids()
    for clause in load_licence(licence).clauses
    if isinstance(clause, RevenueThreshold | MonthlyUsersThreshold)
]


@pytest.mark.parametrize(("licence", "clause"), THRESHOLDS, ids=lambda value: str(getattr(value, "id", value)))
@given(off=st.integers(-2, 2) | st.integers(-(10**5), 10**9))
def test_a_threshold_is_exact(licence: str, clause: RevenueThreshold | MonthlyUsersThreshold, off: int) -> None:
    money = isinstance(clause, RevenueThreshold)
    limit = clause.usd if isinstance(clause, RevenueThreshold) else clause.users
    stated = profile(**{"annual_revenue_usd" if money else "monthly_active_users": limit + off})
    reasons = judge([Part("model", licence, "test")], stated).reasons
    refused = off > 0 if clause.over == "more-than" else off >= 0
    assert (clause.id in {reason.clause_id for reason in reasons}) == refused


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


def test_a_refusal_names_part_clause_place_and_the_line_to_add(settings: Path) -> None:
    decision = judge([Part("sd3.5_large.safetensors", "stability-community-2024", "test")], load_profile(None))
    answer = decision.as_dict()
    assert answer["decision"] == "refuse"
    assert "not legal advice" in answer["notice"]
    reason = answer["reasons"][0]
    assert reason["component"] == "sd3.5_large.safetensors"
    assert reason["citation"] == "s. III"
    assert "`annual_revenue_usd: …`" in reason["changes_if"]
    assert str(settings / "profile.yaml") in reason["changes_if"]
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


def test_a_file_of_unknown_licence_is_named_with_the_line_that_declares_it(settings: Path) -> None:
    parts = parts_of_files(["loras/ours.safetensors"], [], load_profile(None), lambda _: None)
    (reason,) = judge(parts, load_profile(None)).reasons
    assert reason.component == "loras/ours.safetensors"
    assert "`loras/ours.safetensors: LICENCE` under `declared:`" in reason.changes_if
    (settings / "profile.yaml").write_text("declared: {ours.safetensors: own}\n")
    parts = parts_of_files(["loras/ours.safetensors"], [], load_profile(None), lambda _: None)
    assert judge(parts, load_profile(None)).decision == "allow"


def test_a_refusal_in_a_territory_names_the_countries() -> None:
    stated = profile(publish_territories=["EU", "GB", "US"], server_territory="FR")
    (reason,) = judge([Part("model", "tencent-hunyuan-community", "test")], stated).reasons
    assert "show no picture in EU, GB and run the model outside FR" in reason.changes_if


def test_a_licence_of_the_users_own_adds_and_does_not_replace(settings: Path) -> None:
    folder = settings / "licences"
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


@pytest.mark.parametrize(
    ("metadata", "cards"),
    [
        ({"modelspec.architecture": "flux-1-dev/lora"}, ("flux1-dev", "flux1-schnell")),
        ({"ss_base_model_version": "sd_v1"}, ("sd15",)),
        ({"ss_base_model_version": "something new"}, ()),
        ({}, ()),
    ],
)
def test_metadata_say_what_a_lora_was_made_for(metadata: dict[str, str], cards: tuple[str, ...]) -> None:
    assert origin_of_metadata(metadata).cards == cards


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


def test_a_file_without_a_header_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "upscaler.pth").write_bytes(b"not looked at")
    assert origin_of_file(tmp_path / "upscaler.pth") is None


# -- what a workflow loads ---------------------------------------------------------------------------------------------


def workflow(*nodes: tuple[str, Any, int]) -> Workflow:
    raw = [
        {"id": number, "type": kind, "mode": mode, "widgets_values": values}
        for number, (kind, values, mode) in enumerate(nodes)
    ]
    return Workflow({"nodes": raw, "links": []}, "test")


def test_a_workflow_file_names_its_weights_and_cards() -> None:
    found = weights_of_graph(
        workflow(
            ("UNETLoader", ["klein.safetensors", "default"], 0),
            ("LoraLoaderModelOnly", ["muted.safetensors", 1.0], 2),
            ("LoraLoaderModelOnly", ["bypassed.safetensors", 1.0], 4),
            ("Power Lora Loader", [{"on": True, "lora": "brands\\ours.safetensors", "strength": 1}], 0),
            ("UpscaleModelLoader", {"model_name": "4x.pth"}, 0),
            ("CLIPTextEncode", ["a mug\nas on shop.pt"], 0),
            ("PackshotLoadModel", ["flux2-klein-4b", "auto", "settings"], 0),
        ).graph
    )
    assert found.files == {"klein.safetensors", "brands\\ours.safetensors", "4x.pth"}
    assert found.cards == {"flux2-klein-4b"}


def test_the_values_of_a_run_take_the_place_of_the_artists() -> None:
    info = json.loads((DATA / "object_info.json").read_text(encoding="utf-8"))
    info["VAELoader"]["input"]["required"]["vae_name"] = [["a.safetensors", "b.safetensors", "c.safetensors"]]
    info["PackshotLoadModel"] = {"input": {"required": {"card": ["COMBO", {"options": ["sdxl", "starter"]}]}}}
    flow = workflow(
        ("VAELoader", ["a.safetensors"], 0),
        ("VAELoader", ["b.safetensors"], 0),
        ("PrimitiveStringMultiline", ["as on shop.pt"], 0),
        ("PackshotLoadModel", ["sdxl"], 0),
    )
    flow.data["extra"] = {
        "packshot": {
            "inputs": {
                "vae": {"node": 0, "widget": "vae_name"},
                "prompt": {"node": 2, "widget": "value"},
                "card": {"node": 3, "widget": "card"},
            }
        }
    }
    prepared = flow.prepare(info)
    found = weights_of_run(prepared, info)
    assert (found.files, found.cards) == ({"a.safetensors", "b.safetensors"}, {"sdxl"})
    given = {"vae": ["c.safetensors", "a.safetensors"], "card": ["starter"], "prompt": ["one more shop.pt"]}
    found = weights_of_run(prepared, info, given)
    assert (found.files, found.cards) == ({"a.safetensors", "b.safetensors", "c.safetensors"}, {"starter"})
    assert weights_of_run(prepared, info, {"vae": ["c.safetensors"]}).files == {"b.safetensors", "c.safetensors"}


# -- the command -------------------------------------------------------------------------------------------------------


def ask(*arguments: object, code: int = 0) -> Any:
    command = [sys.executable, "-m", "packshot", "models", "licence", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def test_the_command_answers_for_cards_workflows_and_files(settings: Path) -> None:
    assert ask("starter")["decision"] == "allow"
    answer = ask("product-shot@1.0.0")
    assert answer["decision"] == "allow"
    assert len(answer["components"]) == 3
    assert ask("flux2-dev", code=2)["reasons"][0]["clause_id"] == "non-commercial"
    assert ask("starter", "4x-UltraSharp.pth", code=2)["decision"] == "refuse"
    file = settings / "other.yaml"
    file.write_text(yaml.safe_dump({**SHOP, "purpose": "evaluation"}))
    assert ask("flux2-dev", "--profile", file)["decision"] == "duties"
    assert "did you mean 'flux2-dev'?" in ask("flux2-def", code=2)["error"]["remedy"]
