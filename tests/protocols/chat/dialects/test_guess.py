"""Whose dialect it is, from bytes written by hand; a gateway outweighs what it hands on; weak signs are none."""

import re

import pytest

from conformance.protocols.chat.dialects import DIALECTS, guess
from conformance.protocols.chat.dialects.facts import facts
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader

PLAIN = b'"object":"chat.completion.chunk","created":1767225600,"model":"m"'
CHOICES = b'"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]'


def exchange(body: bytes, *headers: bytes) -> Exchange:
    reader = ExchangeReader(Request("POST", "http://x/v1/chat/completions", (), {"messages": [], "stream": True}))
    head = b"".join(b"%s\r\n" % header for header in (b"HTTP/1.1 200 OK", *headers, b"connection: close"))
    reader.feed(head + b"\r\n" + body, 0.1)
    return reader.close(Ending.EOF, 0.1)


def chunk(members: bytes) -> bytes:
    return b"data: {%s}\n\n" % members


UUID = b"8b1e7bf8-28c8-46b2-ba74-9de25294cff4"
HEX = b"57eb0fcf6e23481bb15ee54e5f0ef47a"
VLLM = chunk(
    b'"id":"chatcmpl-80bf90c42fe46bcb",%s,"choices":[{"index":0,"delta":{},"finish_reason":"stop",'
    b'"stop_reason":null,"token_ids":null}]' % PLAIN
)
BODIES = {
    "openai": [
        chunk(b'"id":"chatcmpl-1",%s,%s' % (PLAIN, CHOICES)),
        chunk(b'"id":"chatcmpl-BwoiPTGRbKkY5rncfaM0s9KtWrq5N","service_tier":"default",%s,%s' % (PLAIN, CHOICES)),
        chunk(b'"id":"%s",%s,%s' % (HEX, PLAIN, CHOICES)),
        chunk(b'"id":"%s",%s,%s' % (UUID, PLAIN, CHOICES)),
        b"data: nonsense\n\n",
        b"",
    ],
    "azure": [
        chunk(b'"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]'),
        chunk(b'"id":"chatcmpl-1",%s,"choices":[{"index":0,"delta":{},"content_filter_results":{}}]' % PLAIN),
        b'{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}',
    ],
    "vllm": [
        VLLM,
        chunk(b'"id":"x",%s,"choices":[],"system_fingerprint":"vllm-0.24.0-tp4-6d31f84d"' % PLAIN),
        b'{"error":{"message":"no","type":"BadRequestError","param":null,"code":400}}',
        b'{"object":"list","data":[{"id":"m","owned_by":"vllm"}]}',
    ],
    "sglang": [
        chunk(
            b'"id":"%s",%s,"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null,"matched_stop":null}]'
            % (HEX, PLAIN)
        ),
        b'{"object":"error","message":"no","type":"BadRequestError","param":null,"code":400}',
        chunk(b'"error":{"object":"error","message":"no","type":"BadRequestError","param":null,"code":400}'),
    ],
    "llamacpp": [
        chunk(
            b'%s,"created":1,"id":"chatcmpl-cIHIeqaaYSGWLoTU1qvP2jiq6eqI4oGK","model":"m",'
            b'"system_fingerprint":"b1-0c1e570","object":"chat.completion.chunk"' % CHOICES
        ),
        chunk(b'"choices":[],"timings":{"cache_n":13}'),
    ],
    "ollama": [chunk(b'"id":"chatcmpl-742",%s,"system_fingerprint":"fp_ollama",%s' % (PLAIN, CHOICES))],
    "tgi": [
        chunk(b'"id":"",%s,"system_fingerprint":"3.0.1-sha-bb9095a",%s' % (PLAIN, CHOICES)),
        b'{"error":"Input validation error","error_type":"validation"}',
        chunk(b'"error":{"message":"no","http_status_code":422}'),
    ],
    "transformers": [
        chunk(
            b'"id":"%s","choices":[{"delta":{"content":"Hi"},"index":0}],"created":1,"model":"m@main",'
            b'"object":"chat.completion.chunk","system_fingerprint":""' % UUID
        ),
        b'{"detail":"Unexpected keys in the request: {\'nonsense\'}"}',
    ],
    "litellm": [
        chunk(b'"id":"chatcmpl-1","created":1,"model":"m","object":"chat.completion.chunk",%s' % CHOICES),
        chunk(b'"error":{"message":"litellm.APIConnectionError: no","type":null,"param":null,"code":"500"}'),
    ],
    "openrouter": [
        chunk(b'"id":"gen-1753242299-QZRAt5HJHd1ptY8sdS0s",%s,%s' % (PLAIN, CHOICES)),
        b": OPENROUTER PROCESSING\n\n" + VLLM,
    ],
    "groq": [
        chunk(b'"id":"chatcmpl-%s",%s,%s,"x_groq":{"id":"req_1"}' % (UUID, PLAIN, CHOICES)),
        b'{"error":{"message":"no","type":"invalid_request_error","code":"tool_use_failed","failed_generation":""}}',
    ],
    "mistral": [
        chunk(
            b'"id":"%s","object":"chat.completion.chunk","created":1,"model":"mistral-small-latest",%s' % (HEX, CHOICES)
        ),
        chunk(b'"id":"%s",%s,%s,"p":"abcdefghijkl"' % (HEX, PLAIN, CHOICES)),
    ],
    "deepseek": [
        chunk(b'"id":"%s",%s,"choices":[],"usage":{"prompt_cache_hit_tokens":0,"prompt_tokens":1}' % (UUID, PLAIN)),
        b": keep-alive\n\n"
        + chunk(
            b'"id":"%s","model":"deepseek-chat","system_fingerprint":"fp_8802369eaa_prod0623_fp8",%s' % (UUID, CHOICES)
        ),
    ],
}


@pytest.mark.parametrize(
    ("expected", "body"), [(vendor, body) for vendor, bodies in BODIES.items() for body in bodies], ids=str
)
def test_a_vendor_is_known_by_its_body_alone(expected, body):
    assert expected == guess([exchange(body)]).dialect.name


@pytest.mark.parametrize(
    ("expected", "header"),
    [
        ("llamacpp", b"Server: llama.cpp"),
        ("openai", b"openai-processing-ms: 12"),
        ("openai", b"server: uvicorn"),
        ("openai", b"server: cloudflare"),
        ("azure", b"apim-request-id: 1"),
        ("litellm", b"x-litellm-version: 1.106.2"),
        ("litellm", b"llm_provider-x-request-id: req_1"),
        ("groq", b"x-groq-region: us-west-1"),
        ("openrouter", b"x-generation-id: gen-1"),
        ("mistral", b"mistral-correlation-id: 1"),
        ("deepseek", b"x-ds-trace-id: 1"),
    ],
)
def test_a_vendor_is_known_by_a_header_of_its_own(expected, header):
    body = chunk(b'"id":"chatcmpl-1",%s,%s' % (PLAIN, CHOICES))
    assert expected == guess([exchange(body, header)]).dialect.name


@pytest.mark.parametrize("vendor", [vendor for vendor in BODIES if vendor != "openrouter"])
def test_a_gateway_outweighs_what_it_hands_on(vendor):
    behind = exchange(b"".join(BODIES[vendor]), b"x-litellm-version: 1.106.2", b"llm_provider-x-groq-region: us")
    assert "litellm" == guess([behind]).dialect.name


def test_what_one_exchange_does_not_tell_another_does():
    refusal = exchange(b'{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}')
    assert "openai" == guess([refusal]).dialect.name
    assert "vllm" == guess([refusal, exchange(VLLM)]).dialect.name


def test_a_guess_says_why_with_the_bytes():
    why = guess([exchange(VLLM)]).why
    assert "stop_reason beside finish_reason: /choices/*/stop_reason = null" in why
    assert "no clue to any vendor" == guess([]).why


def test_the_address_is_no_evidence():
    request = Request("POST", "https://api.groq.com/openai/v1/chat/completions", (), {"messages": []})
    reader = ExchangeReader(request)
    reader.feed(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + VLLM, 0.1)
    assert "vllm" == guess([reader.close(Ending.EOF, 0.1)]).dialect.name


SELDOM = {
    "openai": b'"obfuscation":"x","system_fingerprint":"fp_dbaca60df0",'
    b'"choices":[{"index":0,"delta":{"refusal":null}}],"usage":{"completion_tokens_details":{"accepted_prediction_tokens":0}}',
    "vllm": b'"prompt_token_ids":null,"message":{"id":"chatcmpl-80bf90c42fe46bcb"},"choices":[{"index":0,'
    b'"delta":{"tool_calls":[{"index":0,"id":"chatcmpl-tool-a43d4729a2732c8e"}]}}]',
    "sglang": b'"sglext":{"cached_tokens_details":null},"metadata":{"weight_version":"default"},'
    b'"usage":{"reasoning_tokens":0},"data":[{"owned_by":"sglang"}]',
    "llamacpp": b'"__verbose":{"index":0},"error":{"code":400,"message":"no","type":"invalid_request_error"},'
    b'"data":[{"owned_by":"llamacpp"}]',
    "ollama": b'"model":"llama3.2:3b","data":[{"owned_by":"library"}]',
    "litellm": b'"choices":[{"index":0,"delta":{"provider_specific_fields":null}}]',
    "openrouter": b'"provider":"Novita","choices":[{"index":0,"native_finish_reason":null}],"usage":{"cost":0.1}',
    "groq": b'"model":"groq/compound","service_tier":"on_demand","usage":{"queue_time":0.1},"choices":[{"index":0,'
    b'"delta":{"channel":"analysis"}}]',
    "mistral": b'"choices":[{"index":0,"delta":{"content":[{"type":"thinking"}],"tool_calls":[{"id":"qDEcl0n92"}]}}]',
    "deepseek": b'"choices":[{"index":0,"finish_reason":"insufficient_system_resource"}]',
}


@pytest.mark.parametrize("vendor", SELDOM)
def test_a_vendor_is_known_by_what_it_sends_seldom(vendor):
    assert vendor == guess([exchange(chunk(SELDOM[vendor]))]).dialect.name


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_clue_to_a_vendor_is_in_one_of_the_answers_above(dialect):
    bodies = [*BODIES.get(dialect.name, []), chunk(SELDOM.get(dialect.name, b""))]
    lines = {fact for body in bodies for fact in facts(exchange(body))}
    clues = [clue.fact for clue in dialect.clues if not clue.fact.startswith("header")]
    assert [] == [clue for clue in clues if not any(re.fullmatch(clue, line) for line in lines)]
