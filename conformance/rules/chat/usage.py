"""Where usage comes in a stream: when asked, once, last, in a chunk of its own. Knows nothing of the numbers."""

from collections.abc import Iterator

from conformance.protocols.chat.states import Kind, State
from conformance.protocols.chat.view import OTHER_PAYLOAD, View, is_foreign
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import Chunk, content_chunk, finish_chunk, on_chunks
from conformance.rules.needs import USAGE_ASKED, USAGE_NOT_ASKED, USAGE_OPTIONS
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, issue

ASKED = OPENAPI.at("ChatCompletionStreamOptions.include_usage")
SPOKEN = ("content", *OTHER_PAYLOAD)
ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def usage_chunk(chunks: list[Chunk]) -> Chunk | None:
    """The chunk with usage and no choices."""
    return next((c for c in chunks if not c["choices"] and c.get("usage")), None)


def _invented(chunks: list[Chunk]) -> dict[str, int]:
    """A usage object that could be true."""
    counted = max(1, sum(any(choice["delta"].get(name) for name in SPOKEN) for c in chunks for choice in c["choices"]))
    return {"prompt_tokens": 9, "completion_tokens": counted, "total_tokens": 9 + counted}


def _without(chunks: list[Chunk], left_out: Chunk | None) -> list[Chunk]:
    return [c for c in chunks if c is not left_out]


def _before(chunks: list[Chunk], place: Chunk, new: Chunk) -> list[Chunk]:
    at = next(i for i, chunk in enumerate(chunks) if chunk is place)
    return [*chunks[:at], new, *chunks[at:]]


def _counts(step: Step) -> bool:
    """Whether some number of the usage object is not zero; zeros are placeholders."""
    return any((step.chunk or {})["usage"].values())


def _malformed(stream: View) -> bool:
    """Usage came, and its form is wrong: another rule says so."""
    return any(error.pointer[:1] == ("usage",) for error in stream.schema_errors)


def _own(stream: View) -> list[Step]:
    """Usage in a chunk without choices, where the chunk came."""
    return [s for s in stream.usages if s.kind is Kind.USAGE]


def _with_choices(stream: View) -> list[Step]:
    """Usage in chunks with choices, placeholders left out."""
    return [s for s in stream.usages if s.kind is not Kind.USAGE and _counts(s)]


@on_chunks
def left_out(chunks: list[Chunk]) -> list[Chunk]:
    return _without(chunks, usage_chunk(chunks))


@rule(
    id="chat/usage/sent-when-asked",
    level=MUST,
    says="A stream that asked for usage brings it.",
    source=(ASKED, OBSERVED.at("44 of 44"), issue("TheTom/vllm-swift#19")),
    needs=USAGE_ASKED,
    broken_by=(left_out,),
    ignored="stream_options.include_usage",
)
def sent_when_asked(stream: View) -> Iterator[Finding]:
    finished = stream.completed and stream.choices and all(c.finishes for c in stream.choices.values())
    if finished and not any(_counts(s) for s in stream.usages) and not _malformed(stream):
        placeholders = f", {len(stream.usages)} objects of zeros" if stream.usages else ""
        yield stream.finding("a chunk with usage", f"no usage{placeholders}", stream.last)


@on_chunks
def sent_twice(chunks: list[Chunk]) -> list[Chunk]:
    return [*chunks, chunk] if (chunk := usage_chunk(chunks)) is not None else chunks


@on_chunks
def once_per_choice(chunks: list[Chunk]) -> list[Chunk]:
    """Every choice is counted by itself, as llama.cpp does with n 2."""
    chunk, indexes = usage_chunk(chunks), {choice["index"] for c in chunks for choice in c["choices"]}
    if chunk is None or len(indexes) < 2:
        return chunks
    part = {**chunk["usage"], "completion_tokens": 5, "total_tokens": chunk["usage"]["prompt_tokens"] + 5}
    return [*_without(chunks, chunk), *({**chunk, "usage": part} for _ in indexes)]


@rule(
    id="chat/usage/sent-once",
    level=MUST,
    says="Usage is sent in one chunk.",
    source=(ASKED, OBSERVED.at("44 of 44"), CLIENTS.at("u_twice: langchain and pydantic-ai add up what they get")),
    needs=USAGE_ASKED,
    broken_by=(sent_twice, once_per_choice),
)
def sent_once(stream: View) -> Iterator[Finding]:
    again = [step for step in _own(stream)[1:] if step.before is not State.DONE]
    for step in again[:1]:
        yield stream.finding("one chunk with usage and no choices", f"{len(_own(stream))} of them", step)


@on_chunks
def on_the_finish_chunk(chunks: list[Chunk]) -> list[Chunk]:
    """Usage rides with the finish_reason, as from DeepSeek, Groq and Mistral."""
    chunk, finish = usage_chunk(chunks), finish_chunk(list(reversed(chunks)))
    if chunk is None or finish is None:
        return chunks
    finish["usage"] = chunk["usage"]
    return _without(chunks, chunk)


@on_chunks
def with_an_empty_choice(chunks: list[Chunk]) -> list[Chunk]:
    """The chunk has a choice that says nothing, as from LiteLLM and OpenRouter."""
    if (chunk := usage_chunk(chunks)) is not None:
        chunk["choices"] = [{"index": 0, "delta": {}, "finish_reason": None}]
    return chunks


@rule(
    id="chat/usage/without-choices",
    level=MUST,
    says="The chunk that brings usage has choices [].",
    source=(ASKED, OBSERVED.at("44 of 44")),
    needs=USAGE_ASKED,
    broken_by=(on_the_finish_chunk, with_an_empty_choice),
)
def without_choices(stream: View) -> Iterator[Finding]:
    found = _with_choices(stream)
    if found and not _own(stream):
        step = found[-1]
        yield stream.finding("choices []", (step.chunk or {})["choices"], step, pointer="/choices")


@on_chunks
def before_the_finish(chunks: list[Chunk]) -> list[Chunk]:
    chunk, finish = usage_chunk(chunks), finish_chunk(chunks)
    return chunks if chunk is None or finish is None else _before(_without(chunks, chunk), finish, chunk)


@on_chunks
def before_the_text(chunks: list[Chunk]) -> list[Chunk]:
    """Prompt tokens are known first, so usage is sent first."""
    chunk, text = usage_chunk(chunks), content_chunk(chunks)
    return chunks if chunk is None or text is None else _before(_without(chunks, chunk), text, chunk)


@rule(
    id="chat/usage/after-every-finish",
    level=MUST,
    says="Usage comes after the finish_reason of every choice.",
    source=(ASKED, OBSERVED.at("44 of 44")),
    needs=USAGE_ASKED,
    broken_by=(before_the_finish, before_the_text),
)
def after_every_finish(stream: View) -> Iterator[Finding]:
    for step in _own(stream)[:1]:
        later = [c for c in stream.choices.values() if c.finishes and c.finishes[0][0].number > step.number]
        if later:
            finish = later[0].finishes[0][0].number
            yield stream.finding(
                "every finish_reason first", f"usage, and choice {later[0].index} finishes at message {finish}", step
            )


@on_chunks
def empty_choice_after(chunks: list[Chunk]) -> list[Chunk]:
    """A last chunk without usage wipes out what clients have kept."""
    if (chunk := usage_chunk(chunks)) is None:
        return chunks
    return [*chunks, {**chunk, "usage": None, "choices": [{"index": 0, "delta": {}, "finish_reason": None}]}]


@rule(
    id="chat/usage/no-choice-after",
    level=MUST,
    says="No choice comes after the chunk with usage.",
    source=(
        CLIENTS.at("scenarios 82 and 84: openai-python forgets the usage when a chunk without it follows"),
        OBSERVED.at("44 of 44"),
    ),
    needs=USAGE_ASKED,
    broken_by=(empty_choice_after,),
)
def no_choice_after(stream: View) -> Iterator[Finding]:
    for step in stream.illegal:
        if step.before is State.COUNTED and step.kind in (Kind.DELTA, Kind.FINISH):
            yield stream.finding("[DONE]", f"a {step.kind.value}", step, pointer="/choices")
            return


@on_chunks
def key_left_out_elsewhere(chunks: list[Chunk]) -> list[Chunk]:
    """The key is on the chunk with usage only, as from vLLM, SGLang, llama.cpp and LiteLLM."""
    asked = usage_chunk(chunks) is not None
    return [{k: v for k, v in c.items() if k != "usage" or v} for c in chunks] if asked else chunks


@on_chunks
def key_left_out_once(chunks: list[Chunk]) -> list[Chunk]:
    if usage_chunk(chunks) is not None:
        del chunks[0]["usage"]
    return chunks


@rule(
    id="chat/usage/null-elsewhere",
    level=SHOULD,
    says="When usage was asked for, the other chunks carry usage null.",
    source=(OPENAPI.at("include_usage: all other chunks will also include a usage field, but with a null value"),),
    needs=USAGE_ASKED,
    broken_by=(key_left_out_elsewhere, key_left_out_once),
)
def null_elsewhere(stream: View) -> Iterator[Finding]:
    if stream.completed and not stream.usages:  # the stream says nothing of usage, and that is told once
        return
    without = [s for s in stream.chunks if s.chunk is not None and "usage" not in s.chunk and not is_foreign(s)]
    if without:
        more = f" (and in {len(without) - 1} more messages)" if len(without) > 1 else ""
        yield stream.finding("usage null", f"no such member{more}", without[0], pointer="/usage")


@on_chunks
def zeros_on_every_chunk(chunks: list[Chunk]) -> list[Chunk]:
    if usage_chunk(chunks) is not None:
        for chunk in chunks:
            chunk["usage"] = chunk["usage"] or ZEROS
    return chunks


@on_chunks
def zeros_on_the_finish_chunk(chunks: list[Chunk]) -> list[Chunk]:
    if usage_chunk(chunks) is not None and (finish := finish_chunk(chunks)) is not None:
        finish["usage"] = ZEROS
    return chunks


@rule(
    id="chat/usage/no-placeholders",
    level=SHOULD,
    says="Usage that is not known yet is null, not zero.",
    source=(
        OPENAPI.at("include_usage: with a null value"),
        issue("BerriAI/litellm#3490"),
        issue("camel-ai/camel#4217"),
    ),
    needs=USAGE_ASKED,
    broken_by=(zeros_on_every_chunk, zeros_on_the_finish_chunk),
)
def no_placeholders(stream: View) -> Iterator[Finding]:
    zeros = [s for s in stream.usages if s.kind is not Kind.USAGE and not _counts(s)]
    if zeros:
        more = f" (and in {len(zeros) - 1} more messages)" if len(zeros) > 1 else ""
        got = show((zeros[0].chunk or {})["usage"])
        yield stream.finding("usage null", f"{got}{more}", zeros[0], pointer="/usage")


@on_chunks
def on_every_chunk(chunks: list[Chunk]) -> list[Chunk]:
    """The count so far is on every chunk, and the whole in the end."""
    if usage_chunk(chunks) is not None:
        for number, other in enumerate(chunks):
            so_far = {"prompt_tokens": 9, "completion_tokens": number, "total_tokens": 9 + number}
            other["usage"] = other["usage"] or so_far
    return chunks


@on_chunks
def on_the_finish_chunk_too(chunks: list[Chunk]) -> list[Chunk]:
    chunk, finish = usage_chunk(chunks), finish_chunk(chunks)
    if chunk is not None and finish is not None:
        finish["usage"] = chunk["usage"]
    return chunks


@rule(
    id="chat/usage/nowhere-else",
    level=MUST,
    says="Usage is in its own chunk and in no other, unless continuous_usage_stats was asked for.",
    source=(
        CLIENTS.at("u_every_chunk: langchain and pydantic-ai add up the usage of all chunks"),
        ASKED,
        OBSERVED.at("44 of 44"),
        issue("ogx-ai/ogx#5122"),
    ),
    needs=USAGE_ASKED,
    broken_by=(on_every_chunk, on_the_finish_chunk_too),
)
def nowhere_else(stream: View) -> Iterator[Finding]:
    found = _with_choices(stream)
    other = found if _own(stream) else found[:-1]  # the last is the chunk that brings usage
    if other:
        more = f" (and in {len(other) - 1} more messages)" if len(other) > 1 else ""
        got = show((other[0].chunk or {})["usage"])
        yield stream.finding("usage null", f"{got}{more}", other[0], pointer="/usage")


@on_chunks
def chunk_not_asked_for(chunks: list[Chunk]) -> list[Chunk]:
    return chunks if usage_chunk(chunks) else [*chunks, {**chunks[-1], "choices": [], "usage": _invented(chunks)}]


@on_chunks
def on_the_finish_unasked(chunks: list[Chunk]) -> list[Chunk]:
    if usage_chunk(chunks) is None and (finish := finish_chunk(chunks)) is not None:
        finish["usage"] = _invented(chunks)
    return chunks


@rule(
    id="chat/usage/only-when-asked",
    level=MUST,
    says="A stream that did not ask for usage brings none.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.usage: only when you set include_usage"),
        OBSERVED.at("65 of 65"),
        issue("InternLM/lmdeploy#3832"),
        issue("ogx-ai/ogx#5122"),
    ),
    needs=USAGE_NOT_ASKED,
    broken_by=(chunk_not_asked_for, on_the_finish_unasked),
)
def only_when_asked(stream: View) -> Iterator[Finding]:
    yield from _unasked(stream)


@rule(
    id="chat/usage/not-for-empty-options",
    level=MUST,
    says="stream_options {} and include_usage false bring no usage.",
    source=(ASKED, issue("vllm-project/vllm#36379")),
    needs=USAGE_OPTIONS,
    broken_by=(chunk_not_asked_for, on_the_finish_unasked),
)
def not_for_empty_options(stream: View) -> Iterator[Finding]:
    yield from _unasked(stream)


def _unasked(stream: View) -> Iterator[Finding]:
    if found := stream.usages:
        more = f" (and in {len(found) - 1} more messages)" if len(found) > 1 else ""
        got = show((found[0].chunk or {})["usage"])
        yield stream.finding("no usage", f"{got}{more}", found[0], pointer="/usage")


RULES = (
    sent_when_asked,
    sent_once,
    without_choices,
    after_every_finish,
    no_choice_after,
    null_elsewhere,
    no_placeholders,
    nowhere_else,
    only_when_asked,
    not_for_empty_options,
)
