"""Servers that are bad on purpose, each in one way: the mock server with a wrong answer to some requests."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from conformance.protocols.exchange import Request
from conformance.rules.behaviour import Behaviour
from conformance.wire.script import Act, Answer, Framing, Send, Wait
from mockserver import answering, routes
from mockserver.answering import Settings
from mockserver.app import MockServer

Body = dict[str, Any]
Wrongly = Callable[[Request, Body, Settings], Answer | None]
"""What is answered in place of the right answer; None where that is right."""
COUNTED = re.compile(rb'"completion_tokens":(\d+)')
TOTAL = re.compile(rb'"total_tokens":(\d+)')


@dataclass(frozen=True)
class Bad:
    """A bad server, and what a campaign has to say of it."""

    name: str
    made: Callable[[], MockServer]
    kinds: tuple[str, ...]
    """One of these kinds has to be found; a kind may have more behind it."""
    needs: Callable[[Any], bool]
    """Whether the shrunk example is as small as it can be."""
    strict: bool = False
    """What it breaks is a SHOULD."""


def answers(wrongly: Wrongly) -> Callable[[], MockServer]:
    """Makes servers that answer some requests wrongly."""

    def respond(request: Request, settings: Settings, journal: Callable[[], object] = dict) -> Answer:
        body = request.body
        if request.path == routes.CHAT and isinstance(body, dict):
            found = wrongly(request, body, settings)
            if found is not None:
                return found
        return routes.respond(request, settings, journal)

    return lambda: MockServer(port=None, respond=respond)


def behaves(**members: Any) -> Callable[[], MockServer]:
    return lambda: MockServer(port=None, behaviour=Behaviour(name="bad", **members))


def good(request: Request, body: Body, settings: Settings) -> Answer:
    """The right answer to another body."""
    answer = routes.respond(replace(request, body=body), settings)
    return replace(answer, acts=tuple(answer.played()), told=None)


def server_error() -> Answer:
    return answering.refusal(500, "'NoneType' object is not subscriptable", "server_error")


def silence() -> Answer:
    return Answer(200, (("content-type", "text/event-stream"),), (), before=(Wait(1e6),))


def stops_of(body: Body) -> list[str]:
    stop = body.get("stop")
    return [s for s in (stop if isinstance(stop, list) else [stop]) if isinstance(s, str)]


def endless(request: Request, body: Body, settings: Settings) -> Answer | None:
    if body.get("n") != 0:
        return None
    chunk = good(request, {**body, "n": 1, "stream": True}, settings).acts[1]
    assert isinstance(chunk, Send)

    def told() -> Iterator[Act]:
        for _ in itertools.count():
            yield chunk
            yield Wait(0.005)

    return Answer(200, (("content-type", "text/event-stream"),), (), told=told)


def emoji(_: Request, body: Body, __: Settings) -> Answer | None:
    return server_error() if any(ord(c) > 0xFFFF for stop in stops_of(body) for c in stop) else None


def empty_parameters(_: Request, body: Body, __: Settings) -> Answer | None:
    tools = body.get("tools") or []
    empty = any(isinstance(t, dict) and t.get("function", {}).get("parameters") == {} for t in tools)
    return silence() if empty else None


def one_more(request: Request, body: Body, settings: Settings) -> Answer | None:
    limit = body.get("max_tokens")
    return good(request, {**body, "max_tokens": limit + 1}, settings) if isinstance(limit, int) and limit > 0 else None


def one_less(request: Request, body: Body, settings: Settings) -> Answer | None:
    limit = body.get("max_tokens")
    return good(request, {**body, "max_tokens": limit - 1}, settings) if isinstance(limit, int) and limit > 1 else None


def leaks_stops(request: Request, body: Body, settings: Settings) -> Answer | None:
    """Looks for stop sequences within one token only."""
    across = [stop for stop in stops_of(body) if " " in stop.lstrip()]
    if not across or len(stops_of(body)) > 4:
        return None
    return good(request, {name: value for name, value in body.items() if name != "stop"}, settings)


def first_choice_counted(request: Request, body: Body, settings: Settings) -> Answer | None:
    if body.get("n") != 2:
        return None
    alone = b"".join(a.data for a in good(request, {**body, "n": 1}, settings).acts if isinstance(a, Send))
    answer, found = good(request, body, settings), COUNTED.search(alone)
    if found is None:
        return None
    total = TOTAL.search(alone)
    assert total is not None

    def told(data: bytes) -> bytes:
        return TOTAL.sub(total.group(), COUNTED.sub(found.group(), data))

    acts = tuple(Send(told(a.data)) if isinstance(a, Send) else a for a in answer.acts)
    return replace(answer, acts=acts)


def drops_the_seed() -> MockServer:
    count = itertools.count()

    def wrongly(request: Request, body: Body, settings: Settings) -> Answer | None:
        if not body.get("temperature") or not isinstance(body.get("seed"), int):
            return None
        return good(request, {**body, "seed": next(count)}, settings)

    return answers(wrongly)()


def calls_in_streams_only(request: Request, body: Body, settings: Settings) -> Answer | None:
    if body.get("stream") is True or not body.get("tools"):
        return None
    kept = {k: v for k, v in body.items() if k not in ("tools", "tool_choice", "parallel_tool_calls")}
    answer = good(request, body, settings)
    return good(request, kept, settings) if answer.status == 200 else answer


def no_top_logprobs(_: Request, body: Body, __: Settings) -> Answer | None:
    """`if top_logprobs` where `is not None` is meant."""
    return server_error() if body.get("logprobs") is True and body.get("top_logprobs") == 0 else None


def nul_in_a_prompt(_: Request, body: Body, __: Settings) -> Answer | None:
    return server_error() if "\\u0000" in json.dumps(body.get("messages")) else None


def empty_stop(_: Request, body: Body, __: Settings) -> Answer | None:
    """Looks for it for ever."""
    return silence() if "" in stops_of(body) else None


def null_is_no_number(_: Request, body: Body, __: Settings) -> Answer | None:
    return server_error() if "temperature" in body and body["temperature"] is None else None


def refuses_cold(_: Request, body: Body, __: Settings) -> Answer | None:
    wrong = body.get("temperature") == 0 and not isinstance(body.get("temperature"), bool)
    return answering.refusal(400, "temperature must be above 0", param="temperature") if wrong else None


def hangs_up(_: Request, body: Body, __: Settings) -> Answer | None:
    return Answer(200, (), (), Framing.RAW) if "\n" in stops_of(body) else None


def types_not_checked(_: Request, body: Body, __: Settings) -> Answer | None:
    stop = body.get("stop")
    return server_error() if isinstance(stop, list) and any(isinstance(s, int) for s in stop) else None


def order_matters(request: Request, body: Body, settings: Settings) -> Answer | None:
    """What stands behind the messages is not read, if that is much."""
    names = list(body)
    if "messages" not in names or "max_tokens" not in names or names.index("max_tokens") > names.index("messages"):
        return None
    return good(request, {**body, "max_tokens": 1}, settings)


def usage_takes_a_token(request: Request, body: Body, settings: Settings) -> Answer | None:
    options = body.get("stream_options")
    limit = body.get("max_tokens")
    if not isinstance(options, dict) or not options.get("include_usage") or not isinstance(limit, int) or limit < 2:
        return None
    return good(request, {**body, "max_tokens": limit - 1}, settings)


# -- what has to be left when all that is not needed is gone -----------------------------------------------------


def only(*names: str, **members: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Besides the messages these members alone may be left; those by name have to be, and so."""

    def small(case: Any) -> bool:
        body = case.body
        left = set(body) - {"messages"}
        return (
            left <= {*names, *members}
            and members.keys() <= left
            and all(wanted(body[name]) for name, wanted in members.items())
            and len(json.dumps(body["messages"])) < 60
        )

    return small


def breaks_by(wrong: str) -> Callable[[Any], bool]:
    return lambda case: case.wrong == wrong and set(case.body) <= {"messages", "stream"}


def steps(*wanted: str) -> Callable[[Any], bool]:
    return lambda case: sorted(step.does for step in case.steps) == sorted(wanted)


BAD = (
    Bad("n 0 is endless", answers(endless), ("fuzz/bounded (n below 1)",), breaks_by("n below 1")),
    Bad("500 on emoji in stop", answers(emoji), ("fuzz/no-server-error",), only(stop=lambda s: len(s) <= 8)),
    Bad(
        "silence on tools with empty parameters",
        answers(empty_parameters),
        ("fuzz/in-time",),
        only(tools=lambda t: len(t) == 1 and t[0]["function"].get("parameters") == {}),
    ),
    Bad(
        "one token too many",
        answers(one_more),
        ("fuzz/limit-kept", "chat/limits/"),
        only("stream", "stream_options", "max_tokens", "n"),
    ),
    Bad(
        "one token too few",
        answers(one_less),
        ("fuzz/limit-reached",),
        only("stream", "stream_options", max_tokens=lambda limit: limit == 2),
    ),
    Bad("text crosses over", behaves(mixes=True), ("fuzz/text-of-its-own",), steps("open", "open", "finish")),
    Bad("text stays behind", behaves(residue=True), ("fuzz/nothing-stale",), lambda case: len(case.steps) <= 6),
    Bad(
        "stop sequences within a token only",
        answers(leaks_stops),
        ("fuzz/stop-cuts", "chat/limits/stop-sequence-cut"),
        only("stream", "max_tokens", "stop"),
    ),
    Bad(
        "usage of the first choice alone",
        answers(first_choice_counted),
        ("fuzz/choices-counted", "chat/"),
        only("stream", "stream_options", "max_tokens", "n"),
    ),
    Bad("drops the seed", drops_the_seed, ("chat/repeat/seed-kept",), only("stream", "max_tokens"), strict=True),
    Bad(
        "calls in streams only",
        answers(calls_in_streams_only),
        ("chat/",),
        only("tools", "tool_choice", "max_tokens", "stream"),
    ),
    Bad(
        "dies after three have left",
        behaves(dies_after=3),
        ("fuzz/alive",),
        lambda case: [step.does for step in case.steps].count("leave") == 3 and len(case.steps) <= 9,
    ),
    Bad(
        "0 is taken for nothing", answers(no_top_logprobs), ("fuzz/no-server-error",), only("logprobs", "top_logprobs")
    ),
    Bad("500 on a prompt with NUL", answers(nul_in_a_prompt), ("fuzz/no-server-error",), only("max_tokens")),
    Bad(
        "silence on an empty stop sequence",
        answers(empty_stop),
        ("fuzz/in-time",),
        only(stop=lambda s: s in ("", [""])),
    ),
    Bad("null is no number", answers(null_is_no_number), ("fuzz/no-server-error",), only("temperature")),
    Bad("refuses temperature 0", answers(refuses_cold), ("fuzz/served",), only("temperature")),
    Bad("hangs up on a line end in stop", answers(hangs_up), ("fuzz/answers",), only("stop")),
    Bad(
        "types are not checked",
        answers(types_not_checked),
        ("fuzz/no-server-error",),
        breaks_by("stop holds a number"),
    ),
    Bad(
        "the order of members matters",
        answers(order_matters),
        ("fuzz/order-of-members", "fuzz/limit-reached"),
        only("max_tokens", "stream"),
    ),
    Bad(
        "asking for usage takes a token",
        answers(usage_takes_a_token),
        ("fuzz/usage-changes-nothing", "fuzz/limit-reached"),
        only("stream", "max_tokens", "stream_options"),
    ),
)
