"""Methods and paths that nobody serves. Knows nothing of completions."""

from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import on_answer
from conformance.rules.refusal_needs import METHOD_UNKNOWN, PATH_UNKNOWN
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import RFC9110, SUITE
from conformance.wire.script import Answer, Framing, Send

INDEX = b"<!doctype html>\n<html><body><div id=app></div></body></html>\n"
WITHOUT_A_RESOURCE = (401, 403, 404, 405, 501)
"""What says that nothing is served here; a proxy may want a key first."""


def _got(exchange: Exchange) -> str:
    return f"status {exchange.status} and {show(exchange.body[:200]) if exchange.body else 'an empty body'}"


def _page(answer: Answer) -> Answer:
    """The single-page application that answers to everything."""
    headers = (("content-type", "text/html"), *(h for h in answer.headers if h[0].lower() == "x-request-id"))
    return replace(answer, status=200, headers=headers, acts=(Send(INDEX),), framing=Framing.LENGTH)


@on_answer
def method_taken_for_another(answer: Answer) -> Answer:
    return _page(answer) if answer.status == 405 else answer


@on_answer
def method_breaks_it(answer: Answer) -> Answer:
    return replace(answer, status=500) if answer.status == 405 else answer


@rule(
    id="http/routes/method-refused",
    level=SHOULD,
    says="PUT in place of POST is refused with status 405 or 404.",
    source=(
        RFC9110.at("15.5.6: 405, not supported by the target resource"),
        SUITE.at("PUT: GET lists stored completions at OpenAI"),
    ),
    needs=METHOD_UNKNOWN,
    broken_by=(method_taken_for_another, method_breaks_it),
)
def method_refused(exchange: Exchange) -> Iterator[Finding]:
    if exchange.status not in WITHOUT_A_RESOURCE:
        yield exchange.finding("status 405", _got(exchange))


@on_answer
def allow_left_out(answer: Answer) -> Answer:
    return replace(answer, headers=tuple(h for h in answer.headers if h[0].lower() != "allow"))


@rule(
    id="http/routes/allow",
    level=MUST,
    says="Status 405 comes with the header Allow.",
    source=(RFC9110.at("15.5.6: the origin server generates an Allow header field in a 405 response"),),
    needs=METHOD_UNKNOWN,
    broken_by=(allow_left_out,),
)
def allow(exchange: Exchange) -> Iterator[Finding]:
    if exchange.status == 405 and exchange.head is not None and not exchange.head.get("allow"):
        yield exchange.finding("allow: POST", "no such header")


@on_answer
def application_for_every_path(answer: Answer) -> Answer:
    return _page(answer) if answer.status == 404 else answer


@on_answer
def path_breaks_it(answer: Answer) -> Answer:
    return replace(answer, status=500) if answer.status == 404 else answer


@rule(
    id="http/routes/path-unknown",
    level=SHOULD,
    says="A path that does not exist is answered with status 404.",
    source=(RFC9110.at("15.5.5: 404, no current representation for the target resource"),),
    needs=PATH_UNKNOWN,
    broken_by=(application_for_every_path, path_breaks_it),
)
def path_unknown(exchange: Exchange) -> Iterator[Finding]:
    if exchange.status not in WITHOUT_A_RESOURCE:
        yield exchange.finding("status 404", _got(exchange))


RULES = (method_refused, allow, path_unknown)
