"""What a stream says, before and behind the gateway: how it ends, its texts, calls, roles, usage. Knows no clock."""

from collections.abc import Iterator

from conformance.protocols.exchange import Ending
from conformance.protocols.finding import show

from .answers import error_changes, outcome
from .change import Change
from .meaning import Told
from .pair import Pair
from .saying import change
from .usages import usage_changes

CUT = "peer closed connection"
"""How h11 calls an answer without its end, which is looked at apart."""


def stream_changes(pair: Pair) -> Iterator[Change]:
    """The upstream streamed: what became of it."""
    u, c = pair.upstream, pair.client
    if pair.got.ending in (Ending.TIMEOUT, Ending.CUT):
        yield change(pair, "no-end", f"ended after {pair.given.ended_at or 0:.1f} s", outcome(pair))
        return
    if pair.situation.refusal and pair.got.status < 400:
        yield change(pair, "not-refused", "a request that OpenAI refuses", outcome(pair))
    flaw = pair.got.transport.flaw if pair.got.transport else ""
    if flaw and pair.got.head is not None and not flaw.startswith(CUT):
        yield change(pair, "framing", "HTTP/1.1 in order", flaw)
    if not c.streamed:
        yield from _not_streamed(pair)
        return
    told = bool(c.errors) or not c.clean
    yield from _ending(pair, told=told)
    if c.unreadable != u.unreadable and len(c.unreadable) > len(u.unreadable):
        extra = next((text for text in c.unreadable if text not in u.unreadable), c.unreadable[0])
        yield change(pair, "unreadable", "JSON in every message", show(extra))
    if told and pair.situation.ends in ("well", "broken"):
        if pair.situation.ends == "well" and not c.errors:
            yield from _texts(pair)
        return
    yield from _texts(pair)
    yield from _calls(pair)
    yield from _roles(pair)
    if not told:
        yield from _finishes(pair)
        yield from usage_changes(pair)


def _not_streamed(pair: Pair) -> Iterator[Change]:
    told = pair.got.status >= 400 or (isinstance(pair.got.document, dict) and "error" in pair.got.document)
    match pair.situation.ends, told:
        case "well", _:
            name = "not-a-stream" if pair.got.body else "text-lost" if pair.client.clean else "stream-broken"
        case "failed", False:
            name = "error-became-cut" if not pair.client.clean else "error-lost"
        case _, True:
            name = "cut-told"
        case _:
            name = "text-lost"
    yield change(pair, name, _said(pair), outcome(pair))


def _ending(pair: Pair, *, told: bool) -> Iterator[Change]:
    u, c = pair.upstream, pair.client
    match pair.situation.ends:
        case "well" if c.errors and not u.errors:
            yield change(pair, "error-invented", "a good stream", show({"error": c.errors[0]}))
        case "well" if not c.clean:
            yield change(pair, "stream-broken", "a good stream, to its end", outcome(pair))
        case "well":
            yield from _done(pair)
        case "cut" | "reset" as how:
            yield from _broken_off(pair, how)
        case "unfinished":
            yield from _unfinished(pair, told=told)
        case "failed":
            yield from _failed(pair)
        case "broken" if u.unreadable and u.unreadable[0] not in c.unreadable:
            name = "line-told" if told else "line-lost"
            yield change(pair, name, show(u.unreadable[0]), outcome(pair))


def _done(pair: Pair) -> Iterator[Change]:
    u, c = pair.upstream, pair.client
    if u.done and not c.done:
        yield change(pair, "done-lost", "[DONE]", outcome(pair))
    elif c.done and not u.done:
        yield change(pair, "done-repaired", "no [DONE]", "[DONE]")


def _broken_off(pair: Pair, how: str) -> Iterator[Change]:
    c = pair.client
    said = "connection closed inside the answer" if how == "cut" else "connection reset inside the answer"
    if how == "cut" and pair.served[-1].version == "1.0":
        said += " (asked in HTTP/1.0, where that looks like the end)"
    if any(each.finishes for each in c.choices.values()):
        yield change(pair, "finish-invented", said, outcome(pair))
    elif c.done:
        yield change(pair, "done-invented", said, outcome(pair))
    elif c.clean and not c.errors:
        yield change(pair, "cut-hidden", said, outcome(pair))
    elif c.errors:
        yield change(pair, "cut-told", said, show({"error": c.errors[0]}))


def _unfinished(pair: Pair, *, told: bool) -> Iterator[Change]:
    u, c = pair.upstream, pair.client
    if any(each.finishes for each in c.choices.values()):
        yield change(pair, "finish-invented", _said(pair), outcome(pair))
    elif c.done and not u.done:
        yield change(pair, "done-invented", _said(pair), outcome(pair))
    elif c.errors:
        yield change(pair, "cut-told", _said(pair), show({"error": c.errors[0]}))
    elif u.done and not c.done and not told:
        yield change(pair, "done-lost", _said(pair), outcome(pair))


def _failed(pair: Pair) -> Iterator[Change]:
    u, c = pair.upstream, pair.client
    if any(each.finishes for each in c.choices.values()):
        yield change(pair, "finish-invented", show({"error": u.errors[0]}), outcome(pair))
    if not c.errors:
        name = "error-lost" if c.clean else "error-became-cut"
        yield change(pair, name, show({"error": u.errors[0]}), outcome(pair))
        return
    yield from error_changes(pair, u.errors[0], c.errors[0])
    if u.done and not c.done:
        yield change(pair, "done-dropped", "[DONE] behind the error", "no [DONE]")


def _texts(pair: Pair) -> Iterator[Change]:
    breaks = pair.situation.ends in ("cut", "reset") and not pair.client.clean
    for index, u in pair.upstream.choices.items():
        where = f"choice {index}: " if len(pair.upstream.choices) > 1 else ""
        if index not in pair.client.choices:
            yield change(pair, "choice-lost", f"choice {index}", f"choices {sorted(pair.client.choices)}")
            continue
        c = pair.client.of(index)
        if c.text != u.text:
            yield change(
                pair,
                _text_sort(u.text, c.text, breaks=breaks),
                where + show(u.text),
                where + _difference(u.text, c.text),
            )
        if c.thoughts != u.thoughts:
            yield change(pair, "thoughts-lost", where + show(u.thoughts), where + show(c.thoughts))
    strangers = [index for index in pair.client.choices if index not in pair.upstream.choices]
    if any(pair.client.of(index).text for index in strangers):
        yield change(pair, "text-invented", f"choices {sorted(pair.upstream.choices)}", f"choices {sorted(strangers)}")


def _text_sort(u: str, c: str, *, breaks: bool) -> str:
    if breaks and c and u.startswith(c):
        return "tail-lost"
    if len(c) < len(u) and _is_part(c, u):
        return "text-lost"
    return "text-invented" if len(c) > len(u) and _is_part(u, c) else "text-changed"


def _is_part(part: str, whole: str) -> bool:
    """Whether `part` is `whole` with pieces left out."""
    letters = iter(whole)
    return all(letter in letters for letter in part)


def _difference(u: str, c: str) -> str:
    """The text that came, from where it is another; all of it where it is short."""
    if len(c) < 100:
        return show(c)
    same = next((at for at, (one, other) in enumerate(zip(u, c, strict=False)) if one != other), min(len(u), len(c)))
    return f"{len(c)} of {len(u)} characters, another from character {same + 1}: {show(c[same : same + 40])}"


def _calls(pair: Pair) -> Iterator[Change]:
    for index, u in pair.upstream.choices.items():
        c = pair.client.of(index)
        if u.calls != c.calls:
            yield change(pair, "call-lost", _call_text(u), _call_text(c))


def _call_text(told: Told) -> str:
    return ", ".join(f"{call.name}({call.arguments}) {call.id}" for call in told.calls.values()) or "no call"


def _roles(pair: Pair) -> Iterator[Change]:
    for index, u in pair.upstream.choices.items():
        if index not in pair.client.choices:
            continue
        c = pair.client.of(index)
        if u.roles and not c.roles:
            yield change(pair, "role-lost", f"a role for choice {index}", "no role")
        elif c.roles and not u.roles:
            yield change(pair, "role-invented", "no role", f"a role on {c.roles} chunk{'' if c.roles == 1 else 's'}")
        elif c.roles < u.roles:
            yield change(pair, "roles-fewer", f"the role on {u.roles} chunks", f"on {c.roles}")


def _finishes(pair: Pair) -> Iterator[Change]:
    for index, u in pair.upstream.choices.items():
        if index not in pair.client.choices:
            continue
        c = pair.client.of(index)
        if u.finishes and not c.finishes:
            yield change(pair, "finish-lost", f"choice {index}: finish_reason {u.finishes[-1]!r}", "none")
        elif u.finishes and set(u.finishes) != set(c.finishes):
            yield change(pair, "finish-changed", f"{u.finishes}", show(c.finishes))
        elif len(c.finishes) < len(u.finishes):
            yield change(pair, "finish-once", f"{len(u.finishes)} times", f"{len(c.finishes)} time")


def _said(pair: Pair) -> str:
    return pair.situation.says
