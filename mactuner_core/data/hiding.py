"""What is written beside masked rows holds no names either: the recipe, the facts about the chat, the file's name.

Only where names are masked. The saved recipe still gives the same rows from the same file: who takes part is read from the
file again, `me` is a mark. Names that a person typed in besides cannot be found again; the recipe says how many there were.
"""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

from mactuner_core.config import Config
from mactuner_core.data.kakaotalk.speakers import named_speaker, speaker_mark
from mactuner_core.data.privacy import KINDS, Masker, MaskPolicy
from mactuner_core.data.recipe import Recipe


def hides_names(recipe: Recipe) -> bool:
    """Return whether a person asked for names to be masked."""
    return recipe.privacy is not None and recipe.privacy.name != "keep"


class Hider:
    """Takes names out of texts about rows that are masked by `policy`; `speakers` with their messages, most first."""

    def __init__(self, policy: MaskPolicy, speakers: dict[str, int]) -> None:
        self.speakers = speakers
        self.known = sorted({*speakers, *policy.names}, key=len, reverse=True)
        # a text that is not a row keeps its place: dropping is out, and invented values belong to the rows
        tags = {kind: "tag" for kind in KINDS if policy.action(kind) != "keep"}
        self._masker = Masker(policy.model_copy(update={**tags, "names": self.known}))

    def text(self, text: str) -> str:
        """Return a sentence without names and other personal data."""
        return self._masker.mask(normalize("NFC", text)).text

    def file_name(self, name: str) -> str:
        """Return the name of a file without names, also where only `_` divides it into words."""
        name = normalize("NFC", name)
        for known in self.known:
            name = name.replace(normalize("NFC", known), KINDS["name"].tag)
        return self.text(name)

    def recipe(self, recipe: Recipe) -> Recipe:
        """Return the recipe as it is saved."""
        assert recipe.privacy is not None  # noqa: S101 (hides_names)
        typed = [name for name in recipe.privacy.names if name not in self.speakers]
        privacy = recipe.privacy.model_copy(update={"names": [], "names_left_out": len(typed)})
        changed: dict[str, Config] = {"privacy": privacy, "read": self._templates(recipe.read)}
        if recipe.kakaotalk:
            me = named_speaker(recipe.kakaotalk.me, self.speakers) or ""
            pairs = recipe.kakaotalk.model_copy(update={"me": speaker_mark(me, self.speakers)})
            changed["kakaotalk"] = self._templates(pairs)
        return recipe.model_copy(update=changed)

    def facts(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Return the facts about a source with numbers for names, the one who wrote most first."""
        facts = facts | {"source": self.file_name(facts["source"])}
        if "chat" in facts:
            counts = {f"speaker {number}": count for number, count in enumerate(self.speakers.values(), start=1)}
            facts["chat"] = facts["chat"] | {"title": None, "speakers": counts}
        return facts

    def _templates(self, section: Config) -> Config:
        """Return a section with the texts that a person wrote into it masked."""
        written = {name: getattr(section, name, None) for name in ("system_prompt", "instruction")}
        return section.model_copy(update={name: self.text(words) for name, words in written.items() if words})
