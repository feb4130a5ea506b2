"""Answers with a shape: JSON that follows a schema, tool calls, and reasoning kept apart from the content.

How an endpoint uses it, once for a request and once more for each of its `n` answers:

    plan = prepare(model, messages, tools=…, tool_choice=…, parallel_tool_calls=…, response_format=…)
    prompt = render(model.chat_template, plan.messages, tools=plan.tools, add_generation_prompt=True, …)
    answer = plan.answer(prompt)                     # a fresh constraint and parser for each answer
    Generation(…, constraint=answer.constraint, special=plan.special)
    for piece in answer.parser.push(delta.text): …   # and answer.parser.finish() at the end
    finish_reason = answer.parser.finish_reason(finished.reason)

A piece is `Content(text)`, `Reasoning(text)`, `CallStart(index, id, name)` or `CallArguments(index, text)`; the texts of a
call's arguments joined are valid JSON unless the answer was cut off. `prepare` takes the request's values as plain JSON
data, in the shape of chat completions or of the Responses API, and raises ApiError 400 for what is wrong or cannot be
enforced. It compiles grammars, so call it outside the event loop.
"""

from serving.structured.parser import AnswerParser
from serving.structured.pieces import CallArguments, CallStart, Content, Piece, Reasoning
from serving.structured.plan import Answer, Plan, prepare
from serving.structured.response_format import constraint_for

__all__ = [
    "Answer",
    "AnswerParser",
    "CallArguments",
    "CallStart",
    "Content",
    "Piece",
    "Plan",
    "Reasoning",
    "constraint_for",
    "prepare",
]
