"""For every vendor what it sends, written by hand: each tolerance is needed by one of these answers."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from conformance.judge import judge
from conformance.protocols.chat.dialects import DIALECTS, OPENAI, Dialect, find
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL
from conformance.verdicts import JudgedFinding, Verdict

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
REFUSED = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
DOCUMENT = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
ASKED_FOR_USAGE = {"stream_options": {"include_usage": True}}
NO_USAGE = {"stream_options": {}}
NO_MESSAGES = {"messages": []}
DONE = b"data: [DONE]\n\n"
ID = b'"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"m"'
ROLE = b'data: {%s,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n' % ID
TEXT = b'data: {%s,"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n' % ID
STOP = b'data: {%s,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' % ID
GOOD = ROLE + TEXT + STOP + DONE
USAGE = b'"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}'
STOP_AND_USAGE = (
    b'data: {%s,"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],%s}\n\n' % (ID, USAGE) + DONE
)
ROLE_AGAIN = (
    b'data: {%s,"choices":[{"index":0,"delta":{"role":"assistant","content":"H"},"finish_reason":null}]}\n\n'
    b'data: {%s,"choices":[{"index":0,"delta":{"role":"assistant","content":"i"},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n" % (ID, ID)
)
COMPLETIONS = "/v1/completions"
PROMPT = {"prompt": "Hi", "max_tokens": 5}
TEXT_ID = b'"id":"chatcmpl-1","object":"text_completion","created":1767225600,"model":"m"'
TEXTS = (
    b'data: {%s,"choices":[{"text":"Hi","index":0,"logprobs":null,"finish_reason":null}]}\n\n'
    b'data: {%s,"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}],%s}\n\n'
    b"data: [DONE]\n\n" % (TEXT_ID, TEXT_ID, USAGE)
)
FLAT_NAMELESS = b'"id":"","object":"","created":0,"model":""'


@dataclass(frozen=True)
class Answer:
    """An answer, and the rules that only the dialect's tolerances keep from speaking."""

    dialect: str
    needs: tuple[str, ...]
    body: bytes
    head: bytes = STREAM
    asked: dict[str, Any] = field(default_factory=dict)
    probe: str = ""
    path: str = "/v1/chat/completions"


UNASKED = "chat/usage/only-when-asked"
EMPTY_OPTIONS = "chat/usage/not-for-empty-options"
WITH_CHOICES = "chat/usage/without-choices"
NAMELESS = (
    "chat/envelope/object-named",
    "chat/envelope/created-in-seconds",
    "chat/identity/id-not-empty",
    "chat/identity/model-not-empty",
)
ANSWERS = (
    Answer(
        "azure",
        NAMELESS,
        b'data: {%s,"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}],"choices":[]}\n\n'
        % FLAT_NAMELESS
        + GOOD,
    ),
    Answer(
        "azure",
        (*NAMELESS, "chat/choice/delta-object"),
        ROLE
        + TEXT
        + STOP
        + b'data: {%s,"choices":[{"index":0,"finish_reason":null,"content_filter_results":{},"content_filter_offsets":'
        b'{"check_offset":44,"start_offset":44,"end_offset":198}}],"usage":null}\n\n' % FLAT_NAMELESS + DONE,
    ),
    Answer(
        "vllm",
        ("chat/refused/code",),
        b'{"error":{"message":"temperature must be non-negative","type":"BadRequestError","param":null,"code":400}}',
        REFUSED,
        {"temperature": -1},
    ),
    Answer(
        "vllm",
        ("chat/errors/code-and-param",),
        ROLE
        + TEXT
        + b'data: {"error":{"message":"no","type":"InternalServerError","param":null,"code":500}}\n\n'
        + DONE,
    ),
    Answer(
        "vllm",
        ("chat/content/finish-carries-none",),
        ROLE + b'data: {%s,"choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":"length",'
        b'"stop_reason":null}]}\n\n' % ID + DONE,
    ),
    Answer(
        "sglang",
        ("chat/refused/error-object",),
        b'{"object":"error","message":"max_new_tokens must be at least 0, got -1.","type":"BadRequestError",'
        b'"param":null,"code":400}',
        REFUSED,
        NO_MESSAGES,
    ),
    Answer(
        "sglang",
        ("chat/errors/code-and-param",),
        ROLE
        + b'data: {"error":{"object":"error","message":"no","type":"BadRequestError","param":null,"code":400}}\n\n',
    ),
    Answer(
        "sglang",
        ("chat/choice/finish-reason-known",),
        ROLE + TEXT + b'data: {%s,"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}\n\n' % ID + DONE,
    ),
    Answer("sglang", ("chat/refusals/out-of-range",), GOOD, asked={"temperature": 9.5}),
    Answer(
        "llamacpp",
        ("chat/refused/code", "chat/refused/param"),
        b'{"error":{"code":400,"message":"\'messages\' is required","type":"invalid_request_error"}}',
        REFUSED,
        NO_MESSAGES,
    ),
    Answer(
        "llamacpp",
        ("chat/errors/code-and-param",),
        ROLE + TEXT + b'data: {"error":{"code":500,"message":"no","type":"server_error"}}\n\n',
    ),
    Answer("llamacpp", ("chat/refusals/limit-negative",), GOOD, asked={"max_tokens": -1}),
    Answer("llamacpp", ("chat/refusals/out-of-range",), GOOD, asked={"temperature": 9.5}),
    Answer("llamacpp", ("completions/usage/only-when-asked",), TEXTS, asked=PROMPT, path=COMPLETIONS),
    Answer(
        "llamacpp",
        ("completions/usage/without-choices",),
        TEXTS,
        asked=PROMPT | ASKED_FOR_USAGE,
        path=COMPLETIONS,
    ),
    Answer(
        "llamacpp",
        ("completions/limits/default-sixteen",),
        TEXTS.replace(b'"completion_tokens":1,"total_tokens":10', b'"completion_tokens":17,"total_tokens":26'),
        asked={"prompt": "Hi"} | ASKED_FOR_USAGE,
        path=COMPLETIONS,
    ),
    Answer(
        "vllm",
        ("completions/refused/code",),
        b'{"error":{"message":"no","type":"BadRequestError","param":null,"code":400}}',
        REFUSED,
        {"prompt": "Hi", "temperature": -1},
        path=COMPLETIONS,
    ),
    Answer("ollama", ("chat/order/all-choices-sent",), GOOD, asked={"n": 2}),
    Answer("ollama", ("chat/refusals/key-missing",), GOOD, probe="key-missing"),
    Answer(
        "ollama",
        ("chat/tokens/prompt-counted",),
        ROLE
        + TEXT
        + STOP
        + b'data: {%s,"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":1,"total_tokens":1}}\n\n' % ID
        + DONE,
        asked=ASKED_FOR_USAGE,
    ),
    Answer(
        "ollama",
        ("chat/role/sent-once", "chat/content/begins-empty", "chat/content/finish-carries-none"),
        ROLE_AGAIN,
    ),
    Answer(
        "tgi",
        ("chat/refused/error-object",),
        b'{"error":"Input validation error: `inputs` must have less than 4096 tokens","error_type":"validation"}',
        REFUSED,
        NO_MESSAGES,
    ),
    Answer("tgi", ("chat/order/all-choices-sent",), GOOD, asked={"n": 2}),
    Answer("tgi", ("chat/refusals/model-unknown",), GOOD, probe="model-unknown"),
    Answer(
        "tgi",
        ("chat/errors/has-type",),
        ROLE
        + TEXT
        + b'data: {"error":{"message":"Request failed during generation","http_status_code":422}}\n\n'
        + DONE,
    ),
    Answer(
        "tgi",
        ("chat/role/sent-once", "chat/content/begins-empty", "chat/content/finish-carries-none"),
        ROLE_AGAIN,
    ),
    Answer("transformers", (UNASKED,), ROLE + TEXT + STOP_AND_USAGE),
    Answer("transformers", (EMPTY_OPTIONS,), ROLE + TEXT + STOP_AND_USAGE, asked=NO_USAGE),
    Answer("transformers", (WITH_CHOICES,), ROLE + TEXT + STOP_AND_USAGE, asked=ASKED_FOR_USAGE),
    Answer("litellm", (UNASKED,), ROLE + TEXT + STOP + b'data: {%s,"choices":[],%s}\n\n' % (ID, USAGE) + DONE),
    Answer(
        "litellm",
        (EMPTY_OPTIONS,),
        ROLE + TEXT + STOP + b'data: {%s,"choices":[],%s}\n\n' % (ID, USAGE) + DONE,
        asked=NO_USAGE,
    ),
    Answer("openrouter", (UNASKED,), ROLE + TEXT + STOP_AND_USAGE),
    Answer("openrouter", (EMPTY_OPTIONS,), ROLE + TEXT + STOP_AND_USAGE, asked=NO_USAGE),
    Answer(
        "openrouter",
        ("chat/usage/null-elsewhere", WITH_CHOICES, "chat/role/sent-once"),
        b": OPENROUTER PROCESSING\n\n"
        + ROLE
        + b'data: {%s,"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}\n\n'
        % ID
        + STOP
        + b'data: {%s,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,'
        b'"native_finish_reason":null}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10,'
        b'"cost":0.0001}}\n\n' % ID + DONE,
        asked=ASKED_FOR_USAGE,
    ),
    Answer(
        "openrouter",
        ("chat/errors/has-type", "chat/errors/code-and-param"),
        ROLE + TEXT + b'data: {%s,"error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,'
        b'"delta":{"content":""},"finish_reason":"error"}]}\n\n' % ID,
    ),
    Answer(
        "openrouter",
        ("chat/refused/has-type", "chat/refused/param", "chat/refused/code"),
        b'{"error":{"message":"Input required","code":400},"user_id":"user_1"}',
        REFUSED,
        NO_MESSAGES,
    ),
    Answer(
        "openrouter",
        ("chat/errors/not-first", "chat/errors/has-type", "chat/errors/code-and-param"),
        b'data: {"error":{"code":429,"message":"Rate limit exceeded"}}\n\n',
    ),
    Answer(
        "openrouter",
        ("chat/document/no-error",),
        b'{"error":{"code":429,"message":"Rate limit exceeded","type":"rate_limit","param":null}}',
        DOCUMENT,
        {"stream": False},
    ),
    Answer(
        "groq",
        (UNASKED,),
        ROLE
        + TEXT
        + b'data: {%s,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_1",%s},%s}\n\n'
        % (ID, USAGE, USAGE)
        + DONE,
    ),
    Answer(
        "groq",
        (EMPTY_OPTIONS,),
        ROLE
        + TEXT
        + b'data: {%s,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_1",%s},%s}\n\n'
        % (ID, USAGE, USAGE)
        + DONE,
        asked=NO_USAGE,
    ),
    Answer("mistral", (UNASKED,), ROLE + TEXT + STOP_AND_USAGE),
    Answer("mistral", (EMPTY_OPTIONS,), ROLE + TEXT + STOP_AND_USAGE, asked=NO_USAGE),
    Answer("mistral", (WITH_CHOICES,), ROLE + TEXT + STOP_AND_USAGE, asked=ASKED_FOR_USAGE),
    Answer(
        "mistral",
        ("chat/delta/content-text",),
        ROLE + b'data: {%s,"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text",'
        b'"text":"Okay"}]}]},"finish_reason":null}]}\n\n' % ID + TEXT + STOP + DONE,
    ),
    Answer(
        "mistral",
        ("chat/delta/tool-call-index", "chat/content/finish-carries-none"),
        ROLE + b'data: {%s,"choices":[{"index":0,"delta":{"content":null,"tool_calls":[{"id":"qDEcl0n92","function":'
        b'{"name":"get_weather","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}\n\n' % ID + DONE,
    ),
    Answer(
        "mistral",
        ("chat/choice/finish-reason-known",),
        ROLE + TEXT + b'data: {%s,"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}\n\n' % ID + DONE,
    ),
    Answer("deepseek", (UNASKED,), ROLE + TEXT + STOP_AND_USAGE),
    Answer("deepseek", (EMPTY_OPTIONS,), ROLE + TEXT + STOP_AND_USAGE, asked=NO_USAGE),
    Answer("deepseek", (WITH_CHOICES,), ROLE + TEXT + STOP_AND_USAGE, asked=ASKED_FOR_USAGE),
    Answer(
        "deepseek",
        ("chat/choice/finish-reason-known",),
        ROLE
        + TEXT
        + b'data: {%s,"choices":[{"index":0,"delta":{},"finish_reason":"insufficient_system_resource"}]}\n\n' % ID
        + DONE,
    ),
)


def exchange(answer: Answer) -> Exchange:
    messages = [{"role": "user", "content": "Hi"}]
    body = {"model": "m", "stream": True, "messages": messages, **answer.asked}
    reader = ExchangeReader(Request("POST", f"http://x{answer.path}", (), body))
    reader.feed(answer.head + answer.body, 0.1)
    return reader.close(Ending.EOF, 0.1, probe=answer.probe)


def found(answer: Answer, dialect: Dialect) -> list[JudgedFinding]:
    return [f for v in judge([exchange(answer)], dialect=dialect) for f in v.findings]


def name(answer: Answer) -> str:
    return f"{answer.dialect}-{answer.needs[0]}"


@pytest.mark.parametrize("answer", ANSWERS, ids=name)
def test_what_a_vendor_documents_is_tolerated_in_its_dialect(answer):
    tolerated = {f.finding.rule for f in found(answer, find(answer.dialect)) if f.verdict is Verdict.TOLERATED}
    assert set(answer.needs) == tolerated & set(answer.needs)


@pytest.mark.parametrize("answer", ANSWERS, ids=name)
def test_and_counts_in_the_dialect_of_openai(answer):
    counted = {f.finding.rule for f in found(answer, OPENAI) if f.verdict in (Verdict.FAIL, Verdict.WARN)}
    assert set(answer.needs) <= counted


@pytest.mark.parametrize("answer", ANSWERS, ids=name)
def test_nothing_else_is_red_in_it(answer):
    assert [] == [f.finding for f in found(answer, find(answer.dialect)) if f.verdict is Verdict.FAIL]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_tolerance_of_a_vendor_is_needed_by_one_of_its_answers(dialect):
    needed = [f.tolerance for answer in ANSWERS if answer.dialect == dialect.name for f in found(answer, dialect)]
    alone = [t for t in dialect.tolerances if t.rule not in BY_TRIALS]
    assert [] == [str(t) for t in alone if not any(t is other for other in needed)]


BY_TRIALS = {rule.id for rule in ALL if rule.broken_when and not rule.broken_by}
"""Rules that no single answer can break; tests/rules/chat/test_timing.py shows that they are tolerated."""
UNEXCUSED = (
    Answer("azure", NAMELESS[2:3], GOOD.replace(b'"id":"chatcmpl-1"', b'"id":""')),
    Answer("azure", ("chat/choice/delta-object",), GOOD.replace(b'"delta":{},', b"")),
    Answer("vllm", ("chat/refused/error-object",), b'{"detail":"Not Found"}', REFUSED, NO_MESSAGES),
    Answer("sglang", ("chat/refused/error-object",), b'{"detail":"Not Found"}', REFUSED, NO_MESSAGES),
    Answer("sglang", ("chat/refusals/out-of-range",), GOOD, asked={"n": 0, "temperature": 0}),
    Answer("llamacpp", ("chat/refusals/out-of-range",), GOOD, asked={"n": 0}),
    Answer("llamacpp", ("chat/refusals/limit-negative",), GOOD, asked={"max_tokens": -7}),
    Answer("tgi", ("chat/refused/error-object",), b'{"error":"no"}', REFUSED, NO_MESSAGES),
    Answer(
        "transformers",
        (UNASKED,),
        ROLE + TEXT + STOP + b'data: {%s,"choices":[],%s}\n\n' % (ID, USAGE) + DONE,
    ),
    Answer("groq", (UNASKED,), ROLE + TEXT + STOP_AND_USAGE),
    Answer("openrouter", (WITH_CHOICES,), ROLE + TEXT + STOP_AND_USAGE, asked=ASKED_FOR_USAGE),
    Answer("litellm", ("chat/choice/finish-reason-present",), GOOD.replace(b',"finish_reason":null', b"")),
    Answer("litellm", (WITH_CHOICES,), ROLE + TEXT + STOP_AND_USAGE, asked=ASKED_FOR_USAGE),
    Answer("deepseek", ("chat/choice/finish-reason-known",), GOOD.replace(b'"stop"', b'"eos"')),
    Answer(
        "mistral",
        ("chat/delta/content-text",),
        ROLE + TEXT.replace(b'"Hi"', b'{"text":"Hi"}') + STOP + DONE,
    ),
)


@pytest.mark.parametrize("answer", UNEXCUSED, ids=name)
def test_what_is_only_like_it_counts(answer):
    counted = {f.finding.rule for f in found(answer, find(answer.dialect)) if f.verdict in (Verdict.FAIL, Verdict.WARN)}
    assert set(answer.needs) <= counted
