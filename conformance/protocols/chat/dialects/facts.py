"""An exchange as lines of text, so that what is known of vendors can be data: patterns on lines. Knows no vendor.

    header server: llama.cpp
    /usage/prompt_tokens = 9            a member of a message or document, its value as JSON
    /choices/*/delta/content = "Hi"     array positions are not told apart
    order choices,created,id            the members of a message or its error, in the order they were sent
    comment OPENROUTER PROCESSING
    event error                         the event field of a message

Bounded: the first and last messages of a stream, so many members of each, so much of each value.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import shorten, show
from conformance.protocols.payload import parse
from conformance.wire.events import Comment, Message

Item = TypeVar("Item")
MESSAGES = 8
"""Messages that are looked at, at either end of a stream."""
MEMBERS = 300
"""Members that are looked at in one message."""
DEPTH = 8
"""Levels of nesting that are looked at."""
LONGEST = 64 * 1024
"""Characters of a message beyond which it is passed over."""
SHOWN = 100
"""Characters of a value."""


def facts(exchange: Exchange) -> Iterator[str]:
    """What an exchange shows, line by line; no line says the same twice in the same message."""
    if exchange.head is not None:
        for name, value in exchange.head.headers:
            yield shorten(f"header {name.lower()}: {value}", SHOWN + 40)
    for message in chain([exchange.document], _messages(exchange)):
        yield from _orders(message)
        yield from members(message)
    for event in _ends(exchange.events):
        if isinstance(event, Comment):
            yield shorten(f"comment {event.text.strip()}", SHOWN)
        elif isinstance(event, Message) and event.name:
            yield shorten(f"event {event.name}", SHOWN)


def members(value: object) -> Iterator[str]:
    """The members of a JSON value, each with its path."""
    return islice(_members(value, "", 0), MEMBERS)


def _members(value: object, path: str, depth: int) -> Iterator[str]:
    if isinstance(value, dict) and depth < DEPTH:
        for key, child in value.items():
            yield from _members(child, f"{path}/{shorten(str(key), SHOWN)}", depth + 1)
    elif isinstance(value, list) and depth < DEPTH:
        for child in value:
            yield from _members(child, f"{path}/*", depth + 1)
    if path and not (isinstance(value, dict | list) and value and depth < DEPTH):
        yield f"{path} = {show(value, SHOWN)}"


def _orders(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield shorten(f"order {','.join(islice(value, 20))}", 2 * SHOWN)
        if isinstance(error := value.get("error"), dict):
            yield shorten(f"order /error {','.join(islice(error, 20))}", 2 * SHOWN)


def _messages(exchange: Exchange) -> Iterable[object]:
    if exchange.steps:
        return (step.chunk for step in _ends(exchange.steps) if step.chunk is not None)
    texts = (event.data for event in _ends(exchange.events) if isinstance(event, Message))
    return (parse(text)[0] for text in texts if text.startswith("{") and len(text) < LONGEST)


def _ends(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return items if len(items) <= 2 * MESSAGES else items[:MESSAGES] + items[-MESSAGES:]
