"""Streams at the same time: each is whole, and its own. Knows nobody who leaves, and nothing of too many requests.

Every request of these trials has a word of its own repeated, which nobody can guess. How long an answer waits for
others is the target's business.
"""

from collections.abc import Iterator

from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.finding import Finding, show
from conformance.protocols.markers import marker_of, shown_by
from conformance.protocols.overlap import at_the_same_time
from conformance.protocols.viewing import view_of
from conformance.rules.behaviour import Behaviour, Overflow
from conformance.rules.determinism import parting
from conformance.rules.need import asks_stream
from conformance.rules.rule import MAY, MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

from .concurrency_needs import (
    CHOICES_AT_ONCE,
    DOCUMENTS_AT_ONCE,
    EACH_ALONE_TOO,
    MARKED,
    STREAMS_AT_ONCE,
    alone_in,
    crowd_of,
    is_refused,
    name_of,
)
from .concurrency_wholeness import lacks

SHOWN = 3
"""Findings per trial; what goes wrong between many streams goes wrong in many ways."""
LONG = 20
"""Characters; shorter texts may be the same by chance."""
AROUND = 30


def _with_one_choice(request: Request) -> bool:
    return isinstance(request.body, dict) and request.body.get("n", 1) == 1


def _with_two_choices(request: Request) -> bool:
    return isinstance(request.body, dict) and request.body.get("n") == 2


def _streams_one_choice(request: Request) -> bool:
    return _with_one_choice(request) and not _not_streamed(request)


def _not_streamed(request: Request) -> bool:
    return isinstance(request.body, dict) and request.body.get("stream") is not True


def _foreign_words(exchange: Exchange) -> Iterator[Finding]:
    """One finding for each answer that shows the word of another one."""
    crowd = [other for other in crowd_of(exchange) if marker_of(other)]
    for other in crowd:
        text, own = shown_by(other), marker_of(other)
        for word, whose in {marker_of(o): o for o in reversed(crowd)}.items():
            if word != own and word in text:
                wanted = f"the word {show(own)} alone in {name_of(other)}"
                yield exchange.finding(wanted, f"{show(word)}, which {name_of(whose)} asked for")
                break


def _texts(exchange: Exchange) -> dict[int, str]:
    return {index: choice.text for index, choice in view_of(exchange).choices.items()}


def _foreign_answers(exchange: Exchange) -> Iterator[Finding]:
    """The same where no word shows: an answer that is the one which another request got when it was alone.

    That other one must lack it now: a small model that computes in batches may well fall into the same rut twice.
    """
    alone = {marker_of(other): _texts(other) for other in alone_in(exchange)}
    crowd = {marker_of(other): other for other in crowd_of(exchange) if asks_stream(other)}
    beside = {word: _texts(other) for word, other in crowd.items() if word in alone}
    for word, texts in beside.items() if len(alone) > 1 else ():
        others = (w for w, answer in alone.items() if answer == texts != alone[word] and beside.get(w) != answer)
        if len("".join(texts.values())) >= LONG and (whose := next(others, "")):
            wanted = f"{show(''.join(alone[word].values())[:AROUND])} in {name_of(crowd[word])}, as when it was alone"
            yield exchange.finding(wanted, f"{show(''.join(texts.values())[:AROUND])}, the answer about {whose}")


@rule(
    id="chat/concurrency/text-of-its-own",
    level=MUST,
    says="An answer shows nothing of another one that is given at the same time.",
    source=(
        SUITE.at("each request has a word repeated that nobody can guess"),
        issue("FlowiseAI/Flowise#3474"),
        issue("OpenBMB/StaffDeck#137"),
        issue("PostHog/posthog#72287"),
        issue("ggml-org/llama.cpp#10072"),
    ),
    needs=MARKED,
    broken_when=(
        Behaviour(name="text-crosses-over", mixes=True, when=_with_one_choice),
        Behaviour(name="events-cross-over", mixes_events=True, when=_with_one_choice),
    ),
    also_breaks=(
        "chat/concurrency/id-of-its-own",
        "chat/concurrency/text-as-alone",
        "chat/identity/id-constant",
    ),
)
def text_of_its_own(exchange: Exchange) -> Iterator[Finding]:
    found = [*_foreign_words(exchange)] or [*_foreign_answers(exchange)]
    yield from found[:SHOWN]


@rule(
    id="chat/concurrency/choices-of-its-own",
    level=MUST,
    says="A stream with n above 1 shows nothing of another such stream at the same time.",
    source=(SUITE.at("each request has a word repeated that nobody can guess"), issue("OpenBMB/StaffDeck#137")),
    needs=CHOICES_AT_ONCE,
    broken_when=(
        Behaviour(name="text-of-choices-crosses-over", mixes=True, when=_with_two_choices),
        Behaviour(name="events-of-choices-cross-over", mixes_events=True, when=_with_two_choices),
    ),
    also_breaks=("chat/identity/id-constant",),
)
def choices_of_its_own(exchange: Exchange) -> Iterator[Finding]:
    yield from [*_foreign_words(exchange)][:SHOWN]


def _ids(exchange: Exchange) -> list[str]:
    """The ids that an answer has."""
    if isinstance(exchange.document, dict):
        values = [exchange.document.get("id")]
    else:
        values = [(step.chunk or {}).get("id") for _, step in view_of(exchange).distinct("id")]
    return [value for value in values if isinstance(value, str) and value]


@rule(
    id="chat/concurrency/id-of-its-own",
    level=MUST,
    says="Streams at the same time have different ids.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.id: A unique identifier"),
        SUITE.at("streams at the same time are told apart by it"),
        issue("ollama/ollama#4357"),
    ),
    needs=STREAMS_AT_ONCE,
    broken_when=(Behaviour(name="one-id-for-all", shares_ids=True),),
)
def id_of_its_own(exchange: Exchange) -> Iterator[Finding]:
    seen: dict[str, Exchange] = {}
    for other in crowd_of(exchange):
        for value in _ids(other):
            if seen.setdefault(value, other) is not other:
                wanted = f"an id of its own in {name_of(other)}"
                yield exchange.finding(wanted, f"{show(value)}, as in {name_of(seen[value])}")
                return


def _incomplete(exchange: Exchange, wanted: str) -> Iterator[Finding]:
    """One finding for each answer of the crowd that lacks what the one which came alone had; refusals are none."""
    for other in crowd_of(exchange):
        if not is_refused(other) and (lack := lacks(other, exchange)):
            yield exchange.finding(f"{wanted} in {name_of(other)}", lack)


@rule(
    id="chat/concurrency/streams-whole",
    level=MUST,
    says="A stream that comes beside others comes as whole as one alone.",
    source=(
        SUITE.at("as whole as the first stream of the trial, which came alone"),
        issue("BerriAI/litellm#33222"),
        issue("sgl-project/sglang#17321"),
    ),
    needs=STREAMS_AT_ONCE,
    broken_when=(
        Behaviour(name="second-stream-breaks-off", capacity=1, overflow=Overflow.CUT, when=_streams_one_choice),
        Behaviour(name="second-stream-fails", capacity=1, overflow=Overflow.FAIL, when=_streams_one_choice),
    ),
    also_breaks=("http/connection/not-reset",),
)
def streams_whole(exchange: Exchange) -> Iterator[Finding]:
    yield from [*_incomplete(exchange, "a whole stream")][:SHOWN]


@rule(
    id="chat/concurrency/whole-beside-documents",
    level=SHOULD,
    says="Streams and answers that are not streamed come whole beside each other.",
    source=(SUITE.at("as whole as the first stream of the trial, which came alone"),),
    needs=DOCUMENTS_AT_ONCE,
    broken_when=(Behaviour(name="one-document-at-a-time", capacity=1, overflow=Overflow.FAIL, when=_not_streamed),),
)
def whole_beside_documents(exchange: Exchange) -> Iterator[Finding]:
    yield from [*_incomplete(exchange, "a whole answer")][:SHOWN]


@rule(
    id="chat/concurrency/text-as-alone",
    level=MAY,
    says="At temperature 0 a stream beside others has the text that it has alone.",
    source=(SUITE.at("a target that declares itself deterministic; batches may change the last digits of a sum"),),
    needs=EACH_ALONE_TOO,
    broken_when=(Behaviour(name="text-crosses-over", mixes=True, when=_with_one_choice),),
    also_breaks=("chat/concurrency/text-of-its-own",),
)
def text_as_alone(exchange: Exchange) -> Iterator[Finding]:
    alone = {marker_of(other): other for other in alone_in(exchange)}
    for other in crowd_of(exchange):
        before = alone.get(marker_of(other))
        if before is None or lacks(other, exchange) or lacks(before, exchange):
            continue
        for index, text in _texts(before).items():
            got = _texts(other).get(index)
            if got is not None and got != text:
                at = parting(got, text)
                around = slice(max(0, at - AROUND), at + AROUND)
                wanted = f"{show(text[around])} in {name_of(other)}, as when it was alone"
                yield exchange.finding(wanted, f"{show(got[around])} from character {at}")
                return


@rule(
    id="chat/concurrency/at-the-same-time",
    level=MAY,
    says="Streams that are asked for at the same time come at the same time.",
    source=(SUITE.at("a figure: queueing is allowed"),),
    needs=STREAMS_AT_ONCE,
    broken_when=(Behaviour(name="one-after-another", capacity=1),),
)
def at_the_same_time_(exchange: Exchange) -> Iterator[Finding]:
    streams = [other for other in crowd_of(exchange) if not is_refused(other)]
    if at_the_same_time(streams) == 1:
        yield exchange.finding("several streams at a time", f"{len(streams)} streams, one after another")


RULES = (
    text_of_its_own,
    choices_of_its_own,
    id_of_its_own,
    streams_whole,
    whole_beside_documents,
    text_as_alone,
    at_the_same_time_,
)
