"""What trials of leaving ask for: a long answer in every form, and one that takes long to begin. Sends nothing.

`Bench.long` has the messages of the long answer; what is here makes the other forms of it.
"""

from typing import Any

from conformance.probes.probe import FIXED, Body
from conformance.rules.chat.leaving_needs import HALF_CLOSED

from .bench import Bench, Tempo

STORY = "Write a story of ten thousand words. Do not stop early and leave nothing out."
LONG: Body = {"messages": [{"role": "user", "content": STORY}], "stream": True, **FIXED}
"""Asked for where the target does not say what it answers at length."""
FILLER = "the river runs past the old mill and the miller counts the sacks before the rain comes "
WORDS = 3000
"""Words of a long prompt."""
PROMPT_TOKENS = 4000
"""Read as so many, roughly."""
WARM = 0.7
"""A temperature at which two answers may differ."""
SHORT = 16
"""Tokens of an answer that only has to come."""
OF_CHAT = ("messages", "max_completion_tokens", "tools", "tool_choice", "stream_options", "reasoning_effort")
"""Members of a chat request that a text completion has not."""
BY_TOOL = "Write a story of ten thousand words with the tool."
WRITE_STORY: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "write_story",
        "description": "Keeps the text of a story.",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string", "description": "All of the story."}},
            "required": ["text"],
            "additionalProperties": False,
        },
    },
}


def long_of(prompt: str, members: Body) -> Body:
    """The long request of a target that says what it answers at length; "" and {} where it does not."""
    messages = {"messages": [{"role": "user", "content": prompt}]} if prompt else {}
    return {**LONG, **messages, **members}


def long(bench: Bench, **members: object) -> Body:
    """The long answer, streamed, with as many tokens as the tempo says unless `members` say otherwise."""
    return {**bench.long, **limited(bench, bench.tempo.tokens), **members}


def limited(bench: Bench, tokens: int) -> Body:
    """The limit of tokens, under the name that the target's own long request has for it."""
    name = "max_completion_tokens" if "max_completion_tokens" in bench.long else "max_tokens"
    return {name: tokens}


def after_a_long_prompt(bench: Bench, mark: str) -> Body:
    """The long answer after a prompt that takes long to read, and that no cache has seen: its first words are new."""
    body = long(bench)
    text = f"Note {mark}: " + FILLER * (WORDS // len(FILLER.split()))
    return {**body, "messages": [{"role": "user", "content": text}, *body["messages"]]}


def tool_call(bench: Bench) -> Body:
    """A call with long arguments."""
    choice = {"type": "function", "function": {"name": "write_story"}}
    messages = [{"role": "user", "content": BY_TOOL}]
    return long(bench, messages=messages, tools=[WRITE_STORY], tool_choice=choice)


def choices(bench: Bench) -> Body:
    """Two long answers in one stream. Some servers refuse several where all of them would be the same."""
    return long(bench, n=2, temperature=WARM)


def not_streamed(bench: Bench) -> Body:
    """The long answer in one piece."""
    return {name: value for name, value in long(bench).items() if name not in ("stream", "stream_options")}


def completion(bench: Bench) -> Body:
    """The long answer as a text completion, with what makes it long but for what only chat knows."""
    members = {name: value for name, value in bench.long.items() if name not in OF_CHAT}
    return {**FIXED, **members, "prompt": prompt_of(bench.long), "stream": True, "max_tokens": bench.tempo.tokens}


def short(bench: Bench, tokens: int = SHORT) -> Body:
    """The beginning of the long answer, to its end."""
    return long(bench, **limited(bench, min(tokens, bench.tempo.tokens)))


def half(bench: Bench) -> Body:
    """A long answer, for a client that reads on."""
    return long(bench, messages=[{"role": "user", "content": HALF_CLOSED}])


def some_seconds(tempo: Tempo, seconds: float) -> int:
    """Tokens that the target makes in that time, eight at the least."""
    return max(8, min(tempo.tokens, round(seconds / tempo.gap) if tempo.gap > 0 else tempo.tokens))


def prompt_of(body: Body) -> str:
    """The text of the last message."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else {}
    content = last.get("content") if isinstance(last, dict) else None
    return content if isinstance(content, str) else STORY
