"""Pairs of requests whose answers have something to do with each other, whatever the answers are. Sends nothing.

Where a rule compares two answers, the second one goes by the name of the probe that the rule knows it by, and the rule
speaks; what no rule compares is compared here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from conformance.probes.way import Way
from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import show
from conformance.protocols.viewing import view_of
from conformance.rules.determinism import parting

from . import oracles
from .members import Json
from .oracles import Fault, Oracle, fault
from .requests import Body, Offer, determined

AROUND = 30
WAYS = (
    ("sent-in-bytes", Way.BYTES),
    ("sent-chunked", Way.CHUNKED),
    ("sent-in-capitals", Way.CAPITALS),
    ("sent-by-clients", Way.OF_CLIENTS),
)
"""Each by the name of the probe that has it."""
TOOLS_TWIN = "tools-twin"
SHORT = 2_000
"""Characters of a body up to which it is sent byte by byte."""

Compare = Callable[[Exchange, Exchange], Iterator[Fault]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Two requests, the second made of the first and of what it got."""

    name: str
    says: str
    first: Callable[[Body, Offer], Body]
    """Of a drawn request, and what the target declares."""
    second: Callable[[Body, Exchange | None, int], Body | None]
    """Of the first request, its answer and a number; None where nothing can be asked. Without an answer: whether the
    request will do at all."""
    compare: Compare
    applies: Callable[[Offer], bool]
    probe: Callable[[Body], str] = lambda _: ""
    """Name of the probe that rules know the second one by."""
    prompt: str = "Count from 1 to 10"
    """What is asked where nothing else is drawn."""
    weight: int = 2
    """How often it is drawn."""
    ways: tuple[tuple[str, Way], ...] = ()
    """Ways to send the second one, each by the name of the probe that has it; the number chooses."""

    def sent_by(self, body: Body, number: int) -> tuple[str, Way]:
        """The probe that rules know the second request by, and how it is sent."""
        return self.ways[number % len(self.ways)] if self.ways else (self.probe(body), Way.WHOLE)


def _determined(offer: Offer) -> bool:
    return offer.deterministic


def _without(body: Body, *names: str) -> Body:
    return {name: value for name, value in body.items() if name not in names}


def _no_comparing(_one: Exchange, _other: Exchange) -> Iterator[Fault]:
    yield from ()


# -- what was said, streamed or not ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """One choice, put together."""

    text: str
    finish: str | None
    called: bool
    """It has tool calls."""


def said(exchange: Exchange) -> dict[int, Said]:
    """What each choice says, of an answer that came to its end; nothing of any other."""
    if exchange.status != 200:
        return {}
    if isinstance(exchange.document, dict):
        return _said_whole(exchange.document)
    view = view_of(exchange)
    if not view.completed:
        return {}
    return {
        choice.index: Said(choice.text, choice.finish, bool(choice.called))
        for choice in view.choices.values()
        if choice.finishes
    }


def _said_whole(document: dict[str, Any]) -> dict[int, Said]:
    found: dict[int, Said] = {}
    for choice in document.get("choices") or ():
        message = choice.get("message") if isinstance(choice, dict) else None
        if isinstance(message, dict) and isinstance(choice.get("index"), int):
            text = message.get("content")
            calls = bool(message.get("tool_calls"))
            found[choice["index"]] = Said(text if isinstance(text, str) else "", choice.get("finish_reason"), calls)
    return found


def counted(exchange: Exchange) -> int | None:
    """completion_tokens of an answer, None where there is none."""
    usage = view_of(exchange).usage or {}
    found = usage.get("completion_tokens")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _plain(exchange: Exchange) -> Said | None:
    """The one choice of an answer that is all text."""
    found = said(exchange)
    return found[0] if len(found) == 1 and 0 in found and not found[0].called else None


def _same(oracle: Oracle, why: str) -> Compare:
    def compare(one: Exchange, other: Exchange) -> Iterator[Fault]:
        before, after = said(one), said(other)
        for index in before.keys() & after.keys():
            if before[index] != after[index]:
                at = parting(before[index].text, after[index].text)
                around = slice(max(0, at - AROUND), at + AROUND)
                wanted = f"{show(before[index].text[around])} ({before[index].finish}), {why}"
                got = f"{show(after[index].text[around])} ({after[index].finish}) from character {at}"
                yield fault(oracle, wanted, got)
                return

    return compare


# -- the relations -----------------------------------------------------------------------------------------------


def _twin_of(body: Body, _answer: Exchange | None, _number: int) -> Body:
    return {**body, "stream": True}


def _twin_probe(body: Body) -> str:
    """The rules of json-twin are about a schema, those of the others about what their names say."""
    if body.get("tools"):
        return TOOLS_TWIN
    if (body.get("response_format") or {}).get("type") == "json_schema":
        return "json-twin"
    return "logprobs-twin" if body.get("logprobs") is True else "twin"


def _several(body: Body, _answer: Exchange | None, _number: int) -> Body:
    return {**body, "n": 2}


def _likeliest(body: Body, offer: Offer) -> Body:
    """As at temperature 0, where some refuse to make several choices."""
    kept = _without(body, "temperature", "top_p", "seed", "n", "stream_options")
    return {**kept, "temperature": 1, "top_p": 0.000001, "seed": 4, "stream": True, **_counting(offer)}


def _counting(offer: Offer) -> Body:
    """Tokens show in usage."""
    return {"stream_options": {"include_usage": True}} if offer.takes("usage") else {}


TOOL: Json = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "boolean"}},
            "required": ["a"],
            "additionalProperties": False,
        },
    },
}


def _with_tools(body: Body, offer: Offer) -> Body:
    """A tool that has to be called, where there is none, and room for the call."""
    kept = _without(determined(body), "stream", "stream_options", "response_format", "logprobs", "top_logprobs", "n")
    tools: Body = {} if kept.get("tools") else {"tools": [TOOL], "tool_choice": "required"}
    return {**determined(kept), **tools, "max_tokens": offer.tokens}


def _more_counted(one: Exchange, other: Exchange) -> Iterator[Fault]:
    before, after, texts = counted(one), counted(other), said(other)
    both = len(texts) > 1 and all(choice.text for choice in texts.values())
    if both and said(one).get(0) == texts.get(0) and before is not None and after is not None and after <= before:
        yield fault(oracles.ALL_COUNTED, f"more than {before} completion_tokens, as of one choice", str(after))


def _stop_seen(body: Body, answer: Exchange | None, number: int) -> Body | None:
    """A piece of the answer as stop sequence; the number chooses which."""
    if answer is None:
        return body
    choice = _plain(answer)
    if choice is None or len(choice.text) < 2:
        return None
    start = number % (len(choice.text) - 1) + 1
    length = number // 7 % 6 + 1
    return {**body, "stop": [choice.text[start : start + length]]}


def _cut_there(one: Exchange, other: Exchange) -> Iterator[Fault]:
    before, after = _plain(one), _plain(other)
    stops = other.member("stop")
    if before is None or after is None or not stops:
        return
    wanted = before.text[: before.text.find(stops[0])]
    if after.text != wanted:
        at = parting(after.text, wanted)
        got = f"{show(after.text[max(0, at - AROUND) : at + AROUND])} from character {at}"
        yield fault(oracles.STOP_CUTS, f"{show(wanted[-2 * AROUND :])}, the text up to {show(stops[0])}", got)
    elif after.finish != "stop" and before.text.find(stops[0]) + len(stops[0]) < len(before.text):
        yield fault(oracles.STOP_FINISHES, "finish_reason stop", show(after.finish))


def _one_less(body: Body, _answer: Exchange | None, _number: int) -> Body | None:
    return {**body, "max_tokens": body["max_tokens"] - 1} if body.get("max_tokens", 0) > 1 else None


def _is_prefix(one: Exchange, other: Exchange) -> Iterator[Fault]:
    longer, shorter = _plain(one), _plain(other)
    if longer is None or shorter is None:
        return
    if not longer.text.startswith(shorter.text.rstrip("\ufffd")):
        at = parting(longer.text, shorter.text)
        around = slice(max(0, at - AROUND), at + AROUND)
        yield fault(oracles.SHORTER, f"{show(longer.text[around])}, or less", show(shorter.text[around]))
    elif longer.finish == "length" and shorter.finish != "length":
        yield fault(oracles.SHORTER, "finish_reason length, as with one token more", show(shorter.finish))


def _usage_asked(body: Body, _answer: Exchange | None, _number: int) -> Body:
    return {**body, "stream": True, "stream_options": {"include_usage": True}}


def _turned_round(body: Body, _answer: Exchange | None, _number: int) -> Body:
    return dict(reversed(body.items()))


def _again(body: Body, _answer: Exchange | None, _number: int) -> Body:
    return body


def _short_enough(body: Body, _answer: Exchange | None, _number: int) -> Body | None:
    return body if len(str(body)) < SHORT else None


def _counted_to(body: Body, _offer: Offer) -> Body:
    """Of plain text, so that a token is a piece of it."""
    return determined(_without(body, "stop", "tools", "tool_choice", "parallel_tool_calls", "response_format", "n"))


RELATIONS: tuple[Relation, ...] = (
    Relation(
        name="twin",
        weight=3,
        says="the same not streamed, then streamed",
        first=lambda body, _: _without(determined(body), "stream", "stream_options"),
        second=_twin_of,
        compare=_no_comparing,
        applies=_determined,
        probe=_twin_probe,
    ),
    Relation(
        name="tools-twin",
        says="the same with tools not streamed, then streamed",
        first=_with_tools,
        second=_twin_of,
        compare=_no_comparing,
        applies=lambda offer: offer.deterministic and offer.takes("tools"),
        probe=lambda _: TOOLS_TWIN,
    ),
    Relation(
        name="again",
        weight=1,
        says="the same twice",
        first=lambda body, _: {**determined(_without(body, "n")), "stream": True},
        second=_again,
        compare=_no_comparing,
        applies=_determined,
        probe=lambda _: "repeat",
    ),
    Relation(
        name="seed",
        prompt="Tell me a story",
        weight=3,
        says="the same twice, with a seed and a temperature above 0",
        first=lambda body, _: {**_without(body, "n", "top_p"), "stream": True, "temperature": 1, "seed": 7},
        second=_again,
        compare=_no_comparing,
        applies=lambda offer: offer.takes("seed"),
        probe=lambda _: "repeat-seed",
    ),
    Relation(
        name="choices",
        says="one choice, then two",
        first=_likeliest,
        second=_several,
        compare=_more_counted,
        applies=lambda offer: offer.deterministic and offer.takes("choices"),
        probe=lambda _: "choices-beside-one",
    ),
    Relation(
        name="usage",
        says="without usage, then with",
        first=lambda body, _: {**_without(determined(body), "stream_options"), "stream": True},
        second=_usage_asked,
        compare=_same(oracles.USAGE_APART, "as without usage"),
        applies=lambda offer: offer.deterministic and offer.takes("usage"),
    ),
    Relation(
        name="stop",
        says="without a stop sequence, then with a piece of that answer as one",
        first=lambda body, _: determined(_without(body, "stop", "n", "tools", "tool_choice", "parallel_tool_calls")),
        second=_stop_seen,
        compare=_cut_there,
        applies=lambda offer: offer.deterministic and offer.takes("stop"),
    ),
    Relation(
        name="shorter",
        says="with a limit, then with one token less",
        first=_counted_to,
        second=_one_less,
        compare=_is_prefix,
        applies=_determined,
    ),
    Relation(
        name="order",
        says="its members in another order",
        first=lambda body, _: determined(body),
        second=_turned_round,
        compare=_same(oracles.SAME_ORDERED, "as in the other order"),
        applies=_determined,
    ),
    Relation(
        name="sent",
        says="the same, then sent in another way",
        first=lambda body, _: {**body, "stream": True},
        second=_short_enough,
        compare=_no_comparing,
        applies=lambda _: True,
        ways=WAYS,
    ),
)


def find(name: str) -> Relation:
    """The relation of that name. Raises LookupError."""
    for relation in RELATIONS:
        if relation.name == name:
            return relation
    raise LookupError(f"no relation {name!r}")


def limit_kept(exchange: Exchange) -> Iterator[Fault]:
    """Whether a text has as many tokens as it was allowed, by the server's own count: no more, and no fewer if it ends
    for its length.
    """
    choice, tokens = _plain(exchange), counted(exchange)
    limit = exchange.member("max_completion_tokens") or exchange.member("max_tokens")
    if choice is None or tokens is None or not isinstance(limit, int):
        return
    if exchange.member("tools") or exchange.member("response_format"):
        return  # part of a call, or of a grammar, may not show, and need not be counted
    if tokens > limit:
        yield fault(oracles.LIMIT_KEPT, f"{limit} completion_tokens at the most", str(tokens))
    elif tokens < limit and choice.finish == "length":
        yield fault(oracles.LIMIT_REACHED, f"{limit} completion_tokens", f"{tokens}, and finish_reason length")
