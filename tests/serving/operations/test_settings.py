"""Where the server's settings come from and which of them do not go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mactuner_core.config import settings_of
from mactuner_core.errors import ConfigError, InputError
from serving.settings import KEYS_VARIABLE, ServeSettings
from serving.settings_sources import settings_from

MODEL = ["--model", "a.gguf"]


@pytest.fixture(autouse=True)
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of whoever runs the tests would allow more."""
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)


def test_flags_win_over_variables_over_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("model: from-file.gguf\nport: 1\nn_ctx: 1024\nn_parallel: 2\n", encoding="utf-8")
    environment = {"MACTUNER_SERVE_PORT": "2", "MACTUNER_SERVE_N_CTX": "2048"}
    settings = settings_from(["--config", str(file), "--port", "3"], environment)
    assert (settings.port, settings.n_ctx, settings.n_parallel, settings.n_batch) == (3, 2048, 2, 2048)
    assert settings.model == ["from-file.gguf"]
    assert settings_from([], {"MACTUNER_SERVE_CONFIG": str(file)}).n_parallel == 2


def test_lists_come_from_flags_variables_and_files(tmp_path: Path) -> None:
    assert settings_from(["--model", "a", "--model", "b"], {}).model == ["a", "b"]
    environment = {"MACTUNER_SERVE_MODEL": "a.gguf, b.gguf", "MACTUNER_SERVE_CORS_ORIGIN": "http://a\nhttp://b:3000"}
    settings = settings_from([], environment)
    assert (settings.model, settings.cors_origin) == (["a.gguf", "b.gguf"], ["http://a", "http://b:3000"])
    file = tmp_path / "server.yaml"
    file.write_text("model: [a.gguf, b.gguf]\n", encoding="utf-8")
    assert settings_from(["--config", str(file)], {}).model == ["a.gguf", "b.gguf"]
    assert settings_from([*MODEL, "--config", str(file)], {}).model == ["a.gguf"]
    assert ServeSettings.check({"model": "x"}).model == ["x"]


def test_switches_can_be_turned_both_ways() -> None:
    assert settings_from(MODEL, {}).prefix_cache
    assert not settings_from([*MODEL, "--no-prefix-cache"], {}).prefix_cache
    assert not settings_from(MODEL, {"MACTUNER_SERVE_PREFIX_CACHE": "false"}).prefix_cache
    assert settings_from([*MODEL, "--prefix-cache"], {"MACTUNER_SERVE_PREFIX_CACHE": "0"}).prefix_cache


@pytest.mark.parametrize(
    ("content", "words"),
    [("port: 99999\nmodel: x", "99999"), ("modell: x", "modell"), ("- x", "name: value"), (None, "server.yaml")],
)
def test_a_file_that_does_not_fit_is_explained(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "server.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        settings_from(["--config", str(file)], {})


def test_help_says_unit_range_and_default_of_every_setting(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setenv("MACTUNER_LANG", "en")
    with pytest.raises(SystemExit):
        settings_from(["--help"], {})
    said = " ".join(capsys.readouterr().out.split())
    for one in settings_of(ServeSettings):
        flag = "--" + one.name.replace("_", "-")
        assert flag in said
        line = said.split(one.help["en"])[1][:60]
        if one.minimum is not None:
            assert f"[{one.minimum:.0f} – {one.maximum:.0f}{' ' + one.unit if one.unit else ''}]" in line
        if one.kind is bool:
            assert f"(default: {'on' if one.default else 'off'})" in line
        elif one.default not in (None, []):
            assert f"(default: {one.default})" in line
        assert not one.choices or "|".join(one.choices) in said


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"model": []}, "model", "missing"),
        ({"model": ["a", "b"], "name": "n"}, "name", "single model"),
        ({"adapter": ["a.gguf"]}, "adapter", "NAME=FILE.gguf"),
        ({"adapter": ["n=a.bin"]}, "adapter", "NAME=FILE.gguf"),
        ({"model": ["a", "b"], "adapter": ["n=x.gguf"]}, "adapter", "@MODEL"),
        ({"adapter": ["n=x.gguf", "n=y.gguf"]}, "adapter", "twice"),
        ({"cors_origin": ["*"]}, "cors_origin", "API keys"),
        ({"cors_origin": ["https://a.example/path"]}, "cors_origin", "no origin"),
        ({"cors_origin": ["a.example"]}, "cors_origin", "no origin"),
        ({"cors_origin": ["null"]}, "cors_origin", "no origin"),
        ({"speculation": "maybe"}, "speculation", "auto, on, off"),
        ({"n_batch": 31}, "n_batch", "32"),
    ],
)
def test_what_does_not_go_together(
    values: dict[str, Any], name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACTUNER_LANG", "en")
    with pytest.raises(ConfigError) as caught:
        ServeSettings.check({"model": "x.gguf", **values})
    assert [problem.values["name"] for problem in caught.value.problems] == [name]
    assert words in caught.value.text()


@pytest.mark.parametrize(
    ("written", "name", "path", "model"),
    [
        ("law=law.gguf", "law", "law.gguf", None),
        ("law=dir.gguf/law v2.gguf", "law", "dir.gguf/law v2.gguf", None),
        ("law=/a=b/law.gguf@base:Q4_K_M", "law", "/a=b/law.gguf", "base:Q4_K_M"),
        ("법률=법.gguf@x.gguf", "법률", "법.gguf", "x.gguf"),
    ],
)
def test_adapters_are_read(written: str, name: str, path: str, model: str | None) -> None:
    (adapter,) = ServeSettings.check({"model": "x.gguf", "adapter": written}).adapters()
    assert (adapter.name, str(adapter.path), adapter.model) == (name, path, model)


def test_keys_from_the_environment_count_as_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, "one-key")
    settings = ServeSettings.check({"model": "x", "host": "0.0.0.0", "cors_origin": ["*"]})  # noqa: S104
    assert "one-key" not in settings.to_yaml()


def test_settings_there_and_back(tmp_path: Path) -> None:
    settings = ServeSettings.check({"model": ["a", "b"], "adapter": ["n=x.gguf@a"], "log_format": "json"})
    (tmp_path / "server.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    assert settings_from(["--config", str(tmp_path / "server.yaml")], {}) == settings
