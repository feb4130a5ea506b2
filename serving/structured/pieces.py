"""What an answer is made of, in the order it is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Content:
    """Text for the reader."""

    text: str


@dataclass(frozen=True)
class Reasoning:
    """What the model thinks before it answers."""

    text: str


@dataclass(frozen=True)
class CallStart:
    """A tool call begins; calls are counted from 0."""

    index: int
    id: str
    name: str


@dataclass(frozen=True)
class CallArguments:
    """The next part of a call's arguments: JSON text."""

    index: int
    text: str


Piece = Content | Reasoning | CallStart | CallArguments
