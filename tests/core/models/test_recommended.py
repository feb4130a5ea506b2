"""The list of recommended models says nothing that the installed libraries contradict."""

from __future__ import annotations

import re

import pytest

from mactuner_core.export.converter import default_cache
from mactuner_core.models.check import needs_own_code
from mactuner_core.models.hub import check_repo_id
from mactuner_core.models.recommended import recommended


def test_every_entry_is_whole() -> None:
    entries = recommended()
    assert len({entry.id for entry in entries}) == len(entries) >= 10
    for entry in entries:
        assert check_repo_id(entry.id)
        assert set(entry.why) == {"ko", "en"}
        assert re.search("[가-힣]", entry.why["ko"])
        assert 10**8 < entry.parameters < 10**10


def test_the_families_people_ask_for_are_there() -> None:
    names = " ".join(entry.id.lower() for entry in recommended())
    for family in ("qwen3-0.6b", "qwen3-1.7b", "exaone", "kanana", "hyperclovax", "gemma-3", "eeve", "polyglot-ko"):
        assert family in names


def test_a_licence_that_forbids_or_restricts_business_is_marked() -> None:
    free = {entry.license for entry in recommended() if entry.commercial == "yes"}
    assert free <= {"apache-2.0", "mit"}
    assert all(entry.commercial == "no" for entry in recommended() if entry.license in ("exaone", "cc-by-nc-4.0"))


def test_what_needs_its_own_code_is_what_transformers_does_not_know() -> None:
    types = {"ExaoneForCausalLM": "exaone", "Exaone4ForCausalLM": "exaone4", "PhiForCausalLM": "phi"}
    for entry in recommended():
        kind = types.get(entry.architecture, "llama")
        assert needs_own_code({"model_type": kind, "auto_map": {}}) == entry.own_code


def test_the_converter_knows_every_architecture_that_is_said_to_be_convertible() -> None:
    files = [*default_cache().glob("llama.cpp-*/conversion/__init__.py")]
    if not files:
        pytest.skip("the converter is not unpacked here; the set-up does that")
    known = set(re.findall(r'"(\w+)": "\w+"', files[0].read_text(encoding="utf-8").split("MMPROJ_MODEL_MAP")[0]))
    for entry in recommended():
        assert (entry.architecture in known) == entry.gguf, entry.id
