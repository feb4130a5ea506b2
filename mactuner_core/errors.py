"""The errors a person may see. Core raises them; the edges (page, server, command line) turn them into what they show.

Each carries a message code and its values, not a finished sentence, so that the same error reads well in Korean and in
English. The sentences are in `mactuner_core/messages/`.
"""

from __future__ import annotations

from dataclasses import dataclass

from mactuner_core.messages import text


class MacTunerError(Exception):
    """An error with a message for people: `code` names the sentence, `values` fill it."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def text(self, language: str | None = None) -> str:
        """Return the sentence in `language` ("ko" or "en"), or in the current language."""
        return text(self.code, language, **self.values)

    def __str__(self) -> str:
        return self.text()

    def as_dict(self) -> dict[str, object]:
        """Return code and values as JSON-ready data, so that another process can show the error in its own language."""
        return {
            "code": self.code,
            "values": {k: v if isinstance(v, int | float) else str(v) for k, v in self.values.items()},
        }


class InputError(MacTunerError):
    """What the person gave is wrong: exit code 2, HTTP 400."""


class NotFoundError(InputError):
    """The person named something that is not there: exit code 2, HTTP 404."""


class WorkError(MacTunerError):
    """The machine could not do it (disk, memory, network, port): exit code 1, HTTP 500."""


@dataclass(frozen=True)
class SettingProblem:
    """One wrong setting: `code` names the sentence, `values` (with `name` and `value`) fill it."""

    code: str
    values: dict[str, object]

    def text(self, language: str | None = None) -> str:
        """Return the sentence in `language`, or in the current language."""
        return text(self.code, language, **self.values)


class ConfigError(InputError):
    """All problems of one set of settings at once, in `problems`."""

    def __init__(self, problems: list[SettingProblem]) -> None:
        super().__init__("config.problems", count=len(problems))
        self.problems = problems

    def text(self, language: str | None = None) -> str:
        """Return a headline and one line for each problem."""
        lines = [text("config.problems", language, count=len(self.problems))]
        return "\n".join(lines + [f"- {problem.text(language)}" for problem in self.problems])

    def as_dict(self) -> dict[str, object]:
        """Return the problems as JSON-ready data."""
        problems = [{"code": p.code, "values": {k: str(v) for k, v in p.values.items()}} for p in self.problems]
        return {"code": self.code, "values": {"count": len(self.problems)}, "problems": problems}


def error_from_dict(data: dict[str, object]) -> MacTunerError:
    """Rebuild an error that another process wrote with `as_dict`."""
    problems = data.get("problems")
    if isinstance(problems, list):
        return ConfigError([SettingProblem(p["code"], p["values"]) for p in problems])
    values = data.get("values")
    return MacTunerError(str(data["code"]), **(values if isinstance(values, dict) else {}))
