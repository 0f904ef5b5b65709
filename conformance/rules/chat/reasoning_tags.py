"""The tags with which models mark their thoughts: they are for the server, and reach no client."""

from collections.abc import Iterator

from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.content import pointer_to
from conformance.rules.chat.extra_needs import THINKING
from conformance.rules.chat.reasoning import FIELDS, TAGS, delta_of, on_thoughts, with_delta
from conformance.rules.mutate import Chunk
from conformance.rules.need import babbles
from conformance.rules.needs import STREAM
from conformance.rules.rule import SHOULD, rule
from conformance.rules.sources import SUITE


def _asks_for_tags(exchange: Exchange) -> bool:
    """Thoughts within the text were asked for, or the request has such tags itself."""
    raw = exchange.member("reasoning_format") in ("raw", "none") or exchange.member("separate_reasoning") is False
    return raw or TAGS.search(str(exchange.request.body)) is not None


@on_thoughts
def not_parsed(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    """The server knows nothing of this model's tags, so that its thoughts are text."""
    for chunk in found:
        delta_of(chunk)["content"] = delta_of(chunk).pop("reasoning_content")
    delta_of(found[0])["content"] = "<think>" + delta_of(found[0])["content"]
    delta_of(found[-1])["content"] += "</think>\n\n"
    return chunks


@on_thoughts
def end_tag_left_in(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    """It comes in two pieces, and the parser looks at one piece at a time."""
    tag = [with_delta(found[-1], {"content": piece}) for piece in ("</thi", "nk>\n")]
    last = next(i for i, chunk in enumerate(chunks) if chunk is found[-1]) + 1
    return [*chunks[:last], *tag, *chunks[last:]]


@rule(
    id="chat/reasoning-tags/none-in-the-reply",
    level=SHOULD,
    says="The text of the reply has no tags around thoughts.",
    source=(
        SUITE.at("unless the request has them, asks for raw reasoning, or for more than the model has to say"),
        FIELDS,
    ),
    needs=STREAM,
    broken_by=(not_parsed, end_tag_left_in),
)
def none_in_the_reply(stream: View) -> Iterator[Finding]:
    if babbles(stream.exchange):
        return
    for choice in stream.choices.values():
        text = choice.text
        found = TAGS.search(text)
        if found and not _asks_for_tags(stream.exchange):
            step = choice.step_at(found.start())
            got = show(text[max(0, found.start() - 40) : found.end() + 40])
            yield stream.finding("the reply alone", got, step, pointer=pointer_to(step, choice.index))


@on_thoughts
def tag_in_the_thoughts(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    delta_of(found[0])["reasoning_content"] = "<think>\n" + delta_of(found[0])["reasoning_content"]
    return chunks


@rule(
    id="chat/reasoning-tags/none-within",
    level=SHOULD,
    says="Reasoning comes without the tags of the model around it.",
    source=(FIELDS, SUITE.at("the member says already what it is")),
    needs=THINKING,
    broken_by=(tag_in_the_thoughts,),
)
def none_within(stream: View) -> Iterator[Finding]:
    for index, thought in stream.thoughts.items():
        found = TAGS.search(thought.text)
        if found and not _asks_for_tags(stream.exchange):
            position = found.start()
            for step, name, piece in thought.pieces:
                position -= len(piece)
                if position < 0:
                    got = show(thought.text[max(0, found.start() - 20) : found.end() + 40])
                    yield stream.finding("thoughts alone", got, step, pointer=pointer_to(step, index, name))
                    break


RULES = (none_in_the_reply, none_within)
