"""The limits that a request sets: stop sequences and max_tokens, kept and named in the finish_reason."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding, show
from conformance.protocols.viewing import view_of
from conformance.rules.chat.content import WRONG_JSON, pointer_to
from conformance.rules.mutate import Chunk, finish_as, on_chunks, say
from conformance.rules.needs import LIMITED, ONE_TOKEN, STOP
from conformance.rules.refusal_needs import COMPLETION_LIMIT
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

NUMBER = re.compile("[0-9]{1,9}")


def _ends_at(text: str, stops: Sequence[str]) -> bool:
    """The text counts up, and the number that comes next is the one with which a stop sequence begins.

    Or it ends with a stop sequence, which ought to have been cut off.
    """
    if any(stop and text.endswith(stop) for stop in stops):
        return True
    said = NUMBER.findall(text)
    wanted = [int(first.group()) for stop in stops if (first := NUMBER.match(stop))]
    return bool(said) and int(said[-1]) + 1 in wanted


def _was_stopped(exchange: Exchange) -> bool:
    """Some text ends where its stop sequence comes next; a text that never came to it may end in other ways."""
    if not STOP.fits(exchange):
        return False
    stream = view_of(exchange)
    return any(_ends_at(choice.text, stream.stops) for choice in stream.choices.values())


def _never_stopped(exchanges: Sequence[Exchange]) -> str:
    asked = [exchange for exchange in exchanges if STOP.fits(exchange)]
    if not asked or any(map(_was_stopped, asked)):
        return ""
    return "no text of this target ends where its stop sequence would have come"


STOPPED = replace(
    STOP, name="a stream that ends where its stop sequence comes next", fits=_was_stopped, unless=_never_stopped
)


@on_chunks
def stop_sequence_left_in(chunks: list[Chunk]) -> list[Chunk]:
    """The sequence that ended the text is sent as well."""
    return say(chunks, " 4, 5, 7")


@on_chunks
def stop_sequence_passed_over(chunks: list[Chunk]) -> list[Chunk]:
    """The sequence is over two tokens, and nobody looks across them."""
    return say(chunks, " 4, 5", ", 7", ", 8.")


@rule(
    id="chat/limits/stop-sequence-cut",
    level=MUST,
    says="The text does not contain the stop sequence.",
    source=(
        OPENAPI.at("StopConfiguration: the returned text will not contain the stop sequence"),
        issue("vllm-project/vllm#3574"),
        issue("sgl-project/sglang#11462"),
    ),
    needs=STOP,
    broken_by=(stop_sequence_left_in, stop_sequence_passed_over),
    ignored="stop",
)
def stop_sequence_cut(stream: View) -> Iterator[Finding]:
    if stream.exchange.member("include_stop_str_in_output"):  # asks vLLM and SGLang to leave it in
        return
    for choice in stream.choices.values():
        text = choice.text
        for stop in stream.stops:
            if stop and (at := text.find(stop)) >= 0:
                step = choice.step_at(at)
                got = show(text[max(0, at - 40) : at + len(stop) + 40])
                found = stream.finding(
                    f"the text up to {show(stop)}", got, step, pointer=pointer_to(step, choice.index)
                )
                yield replace(found, obeyed=text.endswith(stop))
                break


@on_chunks
def stopped_for_length(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(chunks, "length")


@on_chunks
def stopped_by_a_filter(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(chunks, "content_filter")


@rule(
    id="chat/limits/stop-sequence-finishes-with-stop",
    level=SHOULD,
    says="A text that a stop sequence ended has the finish_reason stop.",
    source=(OPENAPI.at("finish_reason: stop if the model hit a natural stop point or a provided stop sequence"),),
    needs=STOPPED,
    broken_by=(stopped_for_length, stopped_by_a_filter),
)
def stop_sequence_finishes_with_stop(stream: View) -> Iterator[Finding]:
    if stream.max_tokens is not None:  # the limit may have come first
        return
    for choice in stream.choices.values():
        if choice.finish in ("length", "content_filter") and _ends_at(choice.text, stream.stops):
            yield stream.finding("finish_reason stop", choice.finish, choice.finishes[0][0])


@on_chunks
def limit_called_stop(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(chunks, "stop")


@rule(
    id="chat/limits/limit-finishes-with-length",
    level=MUST,
    says="A text that max_tokens 1 cut short has the finish_reason length.",
    source=(
        OPENAPI.at("finish_reason: length if the maximum number of tokens specified in the request was reached"),
        issue("huggingface/transformers#42157"),
        issue("Blaizzy/mlx-vlm#1215"),
    ),
    needs=ONE_TOKEN,
    broken_by=(limit_called_stop,),
)
def limit_finishes_with_length(stream: View) -> Iterator[Finding]:
    for choice in stream.choices.values():
        if choice.texts and choice.finish == "stop":
            got = f"stop, after the one token {show(choice.text)}"
            yield stream.finding("finish_reason length", got, choice.finishes[0][0])


@on_chunks
def goes_on_past_the_limit(chunks: list[Chunk]) -> list[Chunk]:
    return say(chunks, *[" and on"] * 600)


@rule(
    id="chat/limits/limit-kept",
    level=MUST,
    says="The reply is no longer than max_tokens allows.",
    source=(
        OPENAPI.at("max_completion_tokens: an upper bound for the number of tokens that can be generated"),
        issue("llm-d/llm-d-inference-sim#29"),
    ),
    needs=LIMITED,
    broken_by=(goes_on_past_the_limit,),
    also_breaks=("chat/tokens/reply-counted", "chat/twin/same-text", *WRONG_JSON),
    ignored="max_tokens",
)
def limit_kept(stream: View) -> Iterator[Finding]:
    yield from _too_long(stream)


@rule(
    id="chat/limits/completion-limit-kept",
    level=MUST,
    says="The reply is no longer than max_completion_tokens allows.",
    source=(
        OPENAPI.at("max_completion_tokens: an upper bound for the number of tokens that can be generated"),
        SUITE.at("refusing the parameter is another matter: max_tokens is older"),
    ),
    needs=COMPLETION_LIMIT,
    broken_by=(goes_on_past_the_limit,),
    ignored="max_completion_tokens",
)
def completion_limit_kept(stream: View) -> Iterator[Finding]:
    yield from _too_long(stream)


def _too_long(stream: View) -> Iterator[Finding]:
    limit = stream.max_tokens
    if limit is None:
        return
    counted = (stream.usage or {}).get("completion_tokens")
    most = limit * max(stream.choices_asked, len(stream.choices))
    if isinstance(counted, int) and counted > most:
        yield stream.finding(f"at most {most} tokens", f"completion_tokens {counted}", stream.usages[-1])
        return
    for choice in stream.choices.values():
        words = len(choice.text.split())
        if words > limit * 1.5 + 2:  # hardly a token has two words in it
            yield stream.finding(f"at most {limit} tokens", f"{words} words: {show(choice.text)}", choice.texts[-1][0])


RULES = (
    stop_sequence_cut,
    stop_sequence_finishes_with_stop,
    limit_finishes_with_length,
    limit_kept,
    completion_limit_kept,
)
