"""Answers that are no streams: refusals, error objects, pages; and what a gateway answers without its upstream."""

from collections.abc import Iterator
from typing import Any

from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.finding import show

from .change import Change
from .pair import Pair
from .saying import change

SHOWN = 120


def outcome(pair: Pair) -> str:
    """What the client got, in a line."""
    got, c = pair.got, pair.client
    if got.head is None:
        return {Ending.TIMEOUT: "no answer in time", Ending.RESET: "a reset, and no answer"}.get(
            got.ending, "the connection closed, and no answer"
        )
    ends = {
        Ending.TIMEOUT: "no end in time",
        Ending.RESET: "the connection reset",
        Ending.CUT: "more than we read",
    }.get(got.ending, "the end in order" if c.clean else "the connection closed inside the answer")
    if not c.streamed:
        return f"status {got.status}, {_body(got)}, {ends}"
    finishes = [reason for told in c.choices.values() for reason in told.finishes]
    said = [f"{len(c.chunks)} chunks", f"finish_reason {', '.join(finishes)}" if finishes else "no finish_reason"]
    said += [show({"error": c.errors[0]}, SHOWN)] if c.errors else []
    return ", ".join([*said, "[DONE]" if c.done else "no [DONE]", ends])


def _body(exchange: Exchange) -> str:
    return show(exchange.body, SHOWN) if exchange.body else "an empty body"


def error_of(exchange: Exchange) -> dict[str, Any] | None:
    """The error object of a JSON body, as OpenAI writes it."""
    document = exchange.document
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) and isinstance(error.get("message"), str) else None


def refusal_changes(pair: Pair) -> Iterator[Change]:
    """The upstream answered with a document."""
    given, got = pair.given, pair.got
    if got.ending is Ending.TIMEOUT:
        yield change(pair, "no-end", f"status {given.status}", outcome(pair))
        return
    if (error := error_of(given)) is not None:
        yield from _of_error(pair, error)
    elif given.status >= 400:
        yield from _of_page(pair)
    elif got.status >= 400:
        yield change(pair, "status-changed", f"status {given.status}", outcome(pair))


def _of_error(pair: Pair, error: dict[str, Any]) -> Iterator[Change]:
    given, got = pair.given, pair.got
    sent = f"status {given.status}, {show({'error': error}, SHOWN)}"
    arrived = error_of(got)
    if arrived is not None:
        if got.status != given.status:
            name = "error-changed" if given.status < 400 <= got.status else "status-changed"
            yield change(pair, name, f"status {given.status}", f"status {got.status}")
        yield from error_changes(pair, error, arrived)
    elif pair.client.errors:
        name = "error-in-stream" if given.status >= 400 else "error-changed"
        yield change(pair, name, sent, f"status {got.status}, {show({'error': pair.client.errors[0]}, SHOWN)}")
    elif got.status < 400:
        yield change(pair, "error-lost", sent, outcome(pair))
    else:
        if got.status != given.status:
            yield change(pair, "status-changed", f"status {given.status}", f"status {got.status}")
        yield change(pair, "error-object-lost", sent, outcome(pair))


def _of_page(pair: Pair) -> Iterator[Change]:
    given, got = pair.given, pair.got
    if got.status < 400:
        yield change(pair, "error-lost", f"status {given.status}, {_body(given)}", outcome(pair))
        return
    if got.status != given.status:
        yield change(pair, "status-changed", f"status {given.status}", f"status {got.status}")
    if got.body != given.body:
        yield change(pair, "page-changed", _body(given), _body(got))


def error_changes(pair: Pair, sent: dict[str, Any], arrived: dict[str, Any]) -> Iterator[Change]:
    """How one error object differs from the other."""
    known = sent.get("code") is not None  # there is none to branch on otherwise
    if known and sent["code"] != arrived.get("code"):
        yield change(pair, "error-code-changed", f"code {show(sent.get('code'))}", f"code {show(arrived.get('code'))}")
    names = [name for name in dict.fromkeys([*sent, *arrived]) if not (known and name == "code")]
    differing = [name for name in names if sent.get(name) != arrived.get(name)]
    if differing:
        u = {name: sent[name] for name in differing if name in sent}
        c = {name: arrived[name] for name in differing if name in arrived}
        yield change(pair, "error-changed", show(u), show(c))


def self_made_changes(pair: Pair) -> Iterator[Change]:
    """The request never came to the upstream."""
    got = pair.got
    if not pair.situation.own_answer:
        yield change(pair, "not-forwarded", "nothing came", outcome(pair))
    elif got.ending is Ending.TIMEOUT:
        yield change(pair, "no-end", "nothing came", outcome(pair))
    elif 400 <= got.status < 500 and (error := error_of(got)) is not None:
        code = error.get("code")
        said = " (OpenAI's codes are strings)" if code is not None and not isinstance(code, str) else ""
        yield change(pair, "own-refusal", "nothing came", f"status {got.status}, code {show(code)}{said}")
    elif 0 < got.status < 400 and pair.client.clean and got.body:
        yield change(pair, "not-refused", "nothing came", outcome(pair))
    else:
        yield change(pair, "bad-own-refusal", "nothing came; OpenAI: 4xx with an error object", outcome(pair))
