"""Replies as chat streams and as documents, byte by byte."""

from conformance.protocols.chat import emitter
from conformance.protocols.chat.emitter import Reply, Spoken

HEAD = (
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m",'
    '"service_tier":"default","system_fingerprint":"fp"'
)
ONE = Reply(
    id="chatcmpl-1",
    created=5,
    model="m",
    system_fingerprint="fp",
    choices=(Spoken(("Hé", "\n")),),
    prompt_tokens=3,
    completion_tokens=2,
)
TWO = Reply(
    id="chatcmpl-1",
    created=5,
    model="m",
    system_fingerprint="fp",
    choices=(Spoken(("a", "b")), Spoken(("c",), "length")),
    prompt_tokens=3,
    completion_tokens=3,
)
USAGE = (
    '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,'
    '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},'
    '"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,'
    '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}'
)


def message(delta: str, finish: str = "null") -> str:
    return f'{HEAD},"choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}'


def test_a_stream_is_the_role_the_pieces_the_finish_and_done() -> None:
    assert [
        message('{"role":"assistant","content":"","refusal":null}'),
        message('{"content":"Hé"}'),
        message('{"content":"\\n"}'),
        message("{}", '"stop"'),
        "[DONE]",
    ] == list(emitter.messages(ONE, usage=False))


def test_line_separators_are_escaped_and_other_characters_are_not() -> None:
    assert '{"a\\u2028":["\\u0085é\\u2029"]}' == emitter.dumps({"a\u2028": ["\x85é\u2029"]})


def test_usage_comes_last_and_is_null_before() -> None:
    messages = list(emitter.messages(ONE, usage=True))
    assert [True] * 4 == [message.endswith(',"usage":null}') for message in messages[:4]]
    assert [f'{HEAD},"choices":[],"usage":{USAGE}}}', "[DONE]"] == messages[4:]


def test_choices_take_turns() -> None:
    said = [
        (c["choices"][0]["index"], c["choices"][0]["delta"].get("content"), c["choices"][0]["finish_reason"])
        for c in emitter.chunks(TWO, usage=False)
    ]
    assert [
        (0, "", None),
        (1, "", None),
        (0, "a", None),
        (1, "c", None),
        (0, "b", None),
        (0, None, "stop"),
        (1, None, "length"),
    ] == said


def test_the_document_says_the_same() -> None:
    assert (
        '{"id":"chatcmpl-1","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,'
        '"message":{"role":"assistant","content":"Hé\\n","refusal":null},"logprobs":null,"finish_reason":"stop"}],'
        f'"usage":{USAGE},"service_tier":"default","system_fingerprint":"fp"}}'
    ) == emitter.dumps(emitter.completion(ONE))


def test_an_error_has_all_its_members() -> None:
    assert '{"error":{"message":"no","type":"x","param":null,"code":"y"}}' == emitter.dumps(
        emitter.error("no", "x", code="y")
    )
