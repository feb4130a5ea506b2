"""What a draft's file and recipe give, stage by stage, each computed once: rows, cleaned, masked, split, figures.

A large file is worked on with its first rows only (`WORK_ROWS`); saving takes all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import streamlit as st

from mactuner_core.catalog import Catalog
from mactuner_core.data.cleaning.clean import CleanResult, Effect, clean, preview
from mactuner_core.data.cleaning.near import comparable, near_groups, numbers_of
from mactuner_core.data.cleaning.row_filters import CleanContext
from mactuner_core.data.cleaning.steps import Step
from mactuner_core.data.importing import settled
from mactuner_core.data.inspect import Inspection, inspect_reading
from mactuner_core.data.masking import mask_rows
from mactuner_core.data.pipeline import policy_for
from mactuner_core.data.privacy import Masker
from mactuner_core.data.reading import Reading, open_reading
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.rows import Example
from mactuner_core.data.rules.keep import keep_passing
from mactuner_core.data.splitting import Split, split
from mactuner_core.data.statistics.chat import chat_statistics
from mactuner_core.data.statistics.compute import compute
from mactuner_core.data.statistics.overlap import with_overlap
from mactuner_core.data.statistics.part import Statistics, groups
from mactuner_core.errors import MacTunerError, NotFoundError
from mactuner_core.workspace import Workspace
from ui import data_draft
from ui.data_draft import Draft

WORK_ROWS = 50_000
NEAR_GROUPS, NAME_CHARACTERS = 30, 24
ALL_SECTIONS = ("read", "kakaotalk", "clean", "privacy", "rules", "split")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Masked:
    """The rows after masking; `left` is what a second scan still found."""

    examples: list[Example]
    masker: Masker
    left: int
    dropped: Counter[str] = field(default_factory=Counter)


class Desk:
    """The draft on the page, and what its stages give."""

    def __init__(self, workspace: Workspace, catalog: Catalog, draft: Draft) -> None:
        self.workspace = workspace
        self.catalog = catalog
        self.draft = draft
        self.recipe = data_draft.recipe_of(draft)
        self.path = data_draft.path_of(workspace, draft)

    def change(self, **values: Any) -> None:
        """Change fields of the draft and draw the page anew when any is new."""
        before = self.draft
        self.draft = data_draft.change(self.workspace, before, **values)
        if self.draft != before:
            st.rerun()

    def change_recipe(self, **sections: Any) -> None:
        """Change sections of the recipe and draw the page anew when any is new."""
        before = self.draft
        changed = data_draft.with_sections(before, **sections)
        if changed.recipe != before.recipe:
            self.change(recipe=changed.recipe, job_id="")

    def forget_rules(self) -> None:
        """Take the rules away, of the file and of the recipe, and draw the page anew."""
        draft = data_draft.with_sections(self.draft, rules=None)
        self.change(rules="", recipe=draft.recipe, edits=draft.edits + 1, job_id="")

    @property
    def model(self) -> str:
        """The model whose tokens are counted, or ""."""
        return str(self.draft.extra.get("model", ""))

    @property
    def tokenizer(self) -> Path | None:
        """The folder of that model."""
        try:
            return Path(self.catalog.model(self.model).path) if self.model else None
        except NotFoundError:
            return None

    def reading(self) -> Reading:
        """Return the file, recognised; raises InputError that names the person's file."""
        try:
            return self.kept("reading", ("read",), lambda: open_reading(self.path, self.recipe.read))
        except MacTunerError as problem:
            raise data_draft.in_own_words(problem, self.path, self.draft.source_name) from problem

    def found(self) -> Inspection:
        """Return what is in the file; raises InputError that names the person's file."""
        reading = self.reading()
        try:
            sections = ("read", "kakaotalk")
            return self.kept("rows", sections, lambda: inspect_reading(reading, self.recipe, WORK_ROWS))
        except MacTunerError as problem:
            raise data_draft.in_own_words(problem, self.path, self.draft.source_name) from problem

    def cleaned(self) -> CleanResult:
        """Return the rows after the cleaning steps."""
        rows, context = self.found().examples, CleanContext(tokenizer_path=self.tokenizer)
        sections = ("read", "kakaotalk", "clean")
        return self.kept("clean", sections, lambda: clean(rows, self.recipe.clean, context), self.model)

    def effect_of(self, step: Step) -> Effect:
        """Return what one more step would do."""
        rows, context = self.cleaned().examples, CleanContext(tokenizer_path=self.tokenizer)
        more = f"{self.model} {step.model_dump_json()}"
        return self.kept("preview", ("read", "kakaotalk", "clean"), lambda: preview(rows, step, context=context), more)

    def masked(self) -> Masked | None:
        """Return the rows after masking, or None without masking."""
        policy = self.recipe.privacy
        if policy is None:
            return None
        rows, reading = self.cleaned().examples, self.reading()

        def mask() -> Masked:
            masker = Masker(policy_for(reading, policy))
            done = Masked([], masker, 0)
            for row in mask_rows(rows, masker, workers=1):
                if isinstance(row, Example):
                    done.examples.append(row)
                else:
                    done.dropped[row.code] += 1
            left = len(masker.rescan(example.as_row() for example in done.examples))
            return Masked(done.examples, masker, left, done.dropped)

        return self.kept("mask", ("read", "kakaotalk", "clean", "privacy"), mask, self.model)

    def checked(self) -> list[Example]:
        """Return the rows that rules are held against: cleaned and masked."""
        masked = self.masked()
        return masked.examples if masked else self.cleaned().examples

    def finished(self) -> list[Example]:
        """Return the rows as they will be saved: with rules in the recipe only those that pass."""
        rules, rows = self.recipe.rules, self.checked()
        if rules is None:
            return rows

        def keep() -> list[Example]:
            passing = keep_passing(rows, rules, self.tokenizer, Counter())
            return [row for row in passing if isinstance(row, Example)]

        return self.kept("passing", ("read", "kakaotalk", "clean", "privacy", "rules"), keep, self.model)

    def settled(self) -> Recipe:
        """Return the recipe with the split that is usual for the file."""
        return settled(self.recipe, self.reading())

    def parts(self) -> Split:
        """Return training and validation rows; raises InputError when they cannot be divided."""
        rows, recipe = self.finished(), self.settled().split
        return self.kept("split", ALL_SECTIONS, lambda: split(rows, recipe), self.model)

    def overlap(self) -> Statistics:
        """Return the figures of both sides, with the validation rows that are training rows too."""
        parts, threshold = self.parts(), self.settled().split.near_duplicate_threshold

        def find() -> Statistics:
            return with_overlap(compute(parts.train, parts.validation), parts.train, parts.validation, threshold)

        return self.kept("overlap", ALL_SECTIONS, find, self.model)

    def statistics(self, *, words: bool = False, tokens: bool = False) -> Statistics:
        """Return the figures of the cleaned rows; raises InputError when there is no analyser or no tokenizer."""
        rows, folder = self.cleaned().examples, self.tokenizer if tokens else None
        more = f"{self.model} {words} {bool(folder)}"
        return self.kept(
            "statistics",
            ("read", "kakaotalk", "clean"),
            lambda: compute(rows, tokenizer_folder=folder, words=words),
            more,
        )

    def near_statistics(self) -> Statistics:
        """Return the figures with the groups of rows that are nearly the same, largest first."""
        rows, statistics = self.cleaned().examples, self.statistics()

        def find() -> Statistics:
            found = near_groups([comparable(row) for row in rows], [numbers_of(row) for row in rows])
            largest = sorted(found, key=len, reverse=True)[:NEAR_GROUPS]
            names = [comparable(rows[group[0]])[:NAME_CHARACTERS] for group in largest]
            return statistics.with_part("near_duplicates", groups(names, largest))

        return self.kept("near", ("read", "kakaotalk", "clean"), find, self.model)

    def chat_statistics(self) -> Statistics | None:
        """Return who wrote when, of a chat export."""
        chat = self.reading().chat
        return self.kept("chat", ("read",), lambda: chat_statistics(chat)) if chat else None

    def kept(self, stage: str, sections: tuple[str, ...], make: Callable[[], Made], more: str = "") -> Made:
        recipe = self.recipe.model_dump_json(include=set(sections))
        return cast(Made, _kept(stage, f"{self.draft.mark} {recipe} {more}", make))


@st.cache_resource(max_entries=24, show_spinner=False)
def _kept(stage: str, key: str, _make: Callable[[], Any]) -> Any:
    return _make()
