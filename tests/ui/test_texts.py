"""No text a person reads is written into a page: it comes from the catalogue, in both languages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mactuner_core.messages import catalogue

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "Home.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "ui").glob("*.py"))]
HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
# What Streamlit draws and what takes a text: positional arguments that are texts, by call.
POSITIONAL = {
    **dict.fromkeys(
        [
            "title",
            "header",
            "subheader",
            "markdown",
            "caption",
            "text",
            "write",
            "info",
            "warning",
            "error",
            "success",
            "toast",
        ],
        1,
    ),
    **dict.fromkeys(
        ["button", "download_button", "link_button", "form_submit_button", "page_link", "badge", "popover"], 1
    ),
    **dict.fromkeys(
        [
            "expander",
            "spinner",
            "status",
            "dialog",
            "checkbox",
            "toggle",
            "radio",
            "selectbox",
            "multiselect",
            "slider",
        ],
        1,
    ),
    **dict.fromkeys(
        ["select_slider", "number_input", "text_input", "text_area", "file_uploader", "chat_input", "pills"], 1
    ),
    **dict.fromkeys(["segmented_control", "tabs", "table", "code", "progress"], 1),
    "metric": 3,
}
NAMED = {"label", "body", "help", "placeholder", "text", "title", "delta", "page_title", "alt", "options"}
MARKUP = re.compile(r":material/\w+:|:\w+(?:-badge|-background)?\[|[*#`\]\s·–]")


def texts_in(node: ast.expr) -> list[str]:
    """Return the words written right into an argument, without what is looked up or computed."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return [str(part.value) for part in node.values if isinstance(part, ast.Constant)]
    if isinstance(node, ast.BinOp):
        return texts_in(node.left) + texts_in(node.right)
    if isinstance(node, ast.IfExp):
        return texts_in(node.body) + texts_in(node.orelse)
    if isinstance(node, ast.List | ast.Tuple):
        return [text for element in node.elts for text in texts_in(element)]
    return []


def written_texts(source: str) -> list[str]:
    """Return every text in `source` that goes straight to a drawing call, with its line."""
    found = []
    for call in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        arguments = call.args[: POSITIONAL.get(name, 0)]
        if name in POSITIONAL:
            arguments = [*arguments, *(word.value for word in call.keywords if word.arg in NAMED)]
        words = [text for argument in arguments for text in texts_in(argument)]
        found += [f"{call.lineno}: {text}" for text in words if re.search(r"[^\W\d_]", MARKUP.sub("", text))]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_text_is_written_into_a_page(path: Path) -> None:
    assert written_texts(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_korean_is_written_into_a_page(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert [word for word in words if HANGUL.search(word)] == []


def test_the_test_sees_what_it_should() -> None:
    source = """
st.button("Save")
st.metric(t("a.b"), f"{n} items")
column.caption(":gray[" + name + "]")
st.text_input(t("a.b"), help="why")
st.tabs([t("a.b"), "Rows"])
st.badge("Go" if x else t("a.b"))
st.markdown(f":green[:material/check:] **{name}**")
st.container(key="step-one")
"""
    assert [text.split(": ")[1] for text in written_texts(source)] == ["Save", " items", "why", "Rows", "Go"]


@pytest.mark.parametrize(
    "area", ["ui", "home", "models_page", "data_page", "training_page", "export_page", "chat_page", "monitor"]
)
def test_korean_texts_are_korean(area: str) -> None:
    """A text without a Korean letter is a name, a figure or code, and then it is the same in English."""
    entries = {key: entry for key, entry in catalogue().items() if key.startswith(f"{area}.")}
    assert entries
    for key, entry in entries.items():
        assert HANGUL.search(entry["ko"]) or entry["ko"] == entry["en"], key
        assert not HANGUL.search(entry["en"]) or key == "ui.language_ko", key
