"""What rules about JSON, logprobs, reasoning, usage so far and stop sequences say, on bytes written out here."""

import json
from typing import Any

import pytest

from conformance.judge import findings_of
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL
from conformance.wire.http import Head

OURS = ("chat/structured", "chat/logprob-", "chat/reasoning", "chat/continuous", "chat/stopping")
RULES = [rule for rule in ALL if rule.id.startswith(OURS)]
SHARED = '"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"mock"'
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
OBJECT = {"response_format": {"type": "json_object"}}
FITTING = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}}
LOGPROBS = {"logprobs": True, "top_logprobs": 1, "temperature": 0}
USAGE = {"stream_options": {"include_usage": True}}
CONTINUOUS = {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}


def chunk(delta: str, finish: str = "null", more: str = "", end: str = "") -> str:
    return f'{{{SHARED},"choices":[{{"index":0,"delta":{{{delta}}}{more},"finish_reason":{finish}}}]{end}}}'


ROLE = chunk('"role":"assistant","content":""')
STOP, LENGTH = chunk("", '"stop"'), chunk("", '"length"')


def text(content: str, more: str = "") -> str:
    return chunk(f'"content":{json.dumps(content)}', more=more)


def thought(content: str, name: str = "reasoning_content") -> str:
    return chunk(f'"{name}":"{content}"')


def usage(completion: int, details: str = "null") -> str:
    counts = f'"prompt_tokens":3,"completion_tokens":{completion},"total_tokens":{3 + completion}'
    return f'"usage":{{{counts},"completion_tokens_details":{details}}}'


def total(completion: int, details: str = "null") -> str:
    return f'{{{SHARED},"choices":[],{usage(completion, details)}}}'


def token(said: str, logprob: float = -0.5, others: str | None = None, raw: str | None = None) -> str:
    spelt = raw if raw is not None else str(list(said.encode()))
    own = f'"token":{json.dumps(said)},"logprob":{logprob},"bytes":{spelt}'
    top = others if others is not None else f"{{{own}}}"
    return f'{{{own},"top_logprobs":[{top}]}}'


def tokens(*told: str) -> str:
    return f',"logprobs":{{"content":[{",".join(told)}],"refusal":null}}'


def found(*messages: str, ending: Ending = Ending.EOF, twin: Any = None, probe: str = "", **members: Any) -> set[str]:
    body = {"model": "mock", "messages": [{"role": "user", "content": "Go"}], "stream": True, **members}
    request = Request("POST", "http://mock/v1/chat/completions", (), body)
    beside = None if twin is None else _answer(request, json.dumps(twin).encode(), "application/json")
    sent = "".join(f"data: {message}\n\n" for message in (*messages, "[DONE]")).encode()
    reader = ExchangeReader(request, head=Head(200, (("content-type", "text/event-stream"),)), layer="body")
    reader.feed(sent, 0.1)
    exchange = reader.close(ending, 0.2, probe=probe, beside=beside)
    return {rule.removeprefix("chat/") for rule, findings in findings_of(exchange, RULES).items() if findings}


def _answer(request: Request, sent: bytes, kind: str, status: int = 200) -> Exchange:
    reader = ExchangeReader(request, head=Head(status, (("content-type", kind),)), layer="body")
    reader.feed(sent, 0.1)
    return reader.close(Ending.EOF, 0.2)


def message(content: str, logprobs: Any = None, **members: Any) -> Any:
    said = {"role": "assistant", "content": content, "refusal": None, **members}
    return {"choices": [{"index": 0, "message": said, "logprobs": logprobs, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("members", "said", "expected"),
    [
        (OBJECT, '{"a": 1}', set()),
        (OBJECT, ' {"a":\n1} \n', set()),
        (OBJECT, '{"a": 1', {"structured/json"}),
        (OBJECT, "[1]", {"structured/json"}),
        (OBJECT, '{"a": 1}{"a": 1}', {"structured/json"}),
        (OBJECT, "Sure!", {"structured/json"}),
        (OBJECT, '```json\n{"a": 1}\n```', {"structured/no-fence"}),
        (OBJECT, '{"a": "```"}', set()),
        (OBJECT, '{"a": 1}<|im_end|>', set()),
        (OBJECT, '{"a": 1}' + " " * 200, {"structured/no-runaway-blanks"}),
        (FITTING, '{"age": 1, "more": null}', set()),
        (FITTING, '{"age": "1"}', {"structured/schema"}),
        (FITTING, "{}", {"structured/schema"}),
        (FITTING, "Ada is 36.", {"structured/schema"}),
        ({"response_format": {"type": "text"}}, "Sure!", set()),
        ({"response_format": {"type": "json_schema"}}, "Sure!", set()),
        ({"response_format": None}, "Sure!", set()),
    ],
)
def test_a_reply_keeps_the_format_that_was_asked_for(members: Any, said: str, expected: set[str]) -> None:
    assert expected == found(ROLE, text(said[:3]), text(said[3:]), STOP, **members)


def test_a_reply_that_was_cut_or_refused_need_not_be_json() -> None:
    assert set() == found(ROLE, text('{"a'), LENGTH, **OBJECT, max_tokens=200)
    assert set() == found(ROLE, text('{"a'), STOP, ending=Ending.RESET, **OBJECT)
    assert set() == found(ROLE, chunk('"refusal":"No."'), STOP, **OBJECT)


def test_json_cut_by_a_small_limit_ends_with_length() -> None:
    assert {"structured/cut-finishes-with-length"} == found(ROLE, text('{"a'), STOP, **OBJECT, max_tokens=2)
    assert set() == found(ROLE, text('{"a'), LENGTH, **OBJECT, max_tokens=2)
    assert set() == found(ROLE, text("{}"), STOP, **OBJECT, max_tokens=2)


@pytest.mark.parametrize(
    ("status", "kind", "sent", "expected"),
    [
        (400, "application/json", b'{"error":{"message":"m"}}', []),
        (500, "application/json", b'{"error":{"message":"m"}}', ["status 500 for the schema"]),
        (200, "text/event-stream", b'data: {"error":{"message":"m"}}\n\n', []),
        (200, "text/event-stream", f"data: {STOP}\n\ndata: [DONE]\n\n".encode(), ["status 200 for the schema"]),
    ],
)
def test_a_schema_of_no_type_is_refused(status: int, kind: str, sent: bytes, expected: list[str]) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}
    body = {"model": "mock", "messages": [], "stream": True, "response_format": wanted}
    exchange = _answer(Request("POST", "http://mock/v1/chat/completions", (), body), sent, kind, status)
    findings = findings_of(exchange, RULES)["chat/structured/impossible-refused"]
    assert expected == [f.got.partition(" {")[0] for f in findings]


HI = (text("H", tokens(token("H"))), text("i", tokens(token("i", -0.25))))
OTHER = '{"token":"H","logprob":-0.5,"bytes":[72]}'
TOLD_OF_NOTHING = text("H"), text("i")


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (HI, set()),
        ((*HI, chunk("", more=tokens(token("<|im_end|>", -0.1)))), set()),
        ((text("Hi", tokens(token("H"), token("i", -0.25))),), set()),
        ((text("H", tokens(token(" H"))), HI[1]), set()),
        (
            (
                chunk("", more=tokens(token("\ufffd", raw="[226,130]"))),
                text("€", tokens(token("\ufffd", -0.25, raw="[172]"))),
            ),
            set(),
        ),
        (TOLD_OF_NOTHING, {"logprob-text/sent-when-asked"}),
        ((HI[0], text("i")), {"logprob-text/with-every-text"}),
        ((HI[0], text("o", tokens(token("i", -0.25)))), {"logprob-text/make-the-text"}),
        (
            (text("H", ',"logprobs":null'), text("i", tokens(token("H"), token("i", -0.25)))),
            {"logprob-text/with-their-text"},
        ),
        (
            (HI[0], text("i", tokens(token("i", -0.25, token("i", -0.25) + "," + token("?", -9))))),
            {"logprob-values/no-more-than-asked"},
        ),
        (
            (text("H", tokens(token("H", others=""))), text("i", tokens(token("i", others="")))),
            {"logprob-values/alternatives-when-asked"},
        ),
        ((HI[0], text("i", tokens(token("i", 0.5)))), {"logprob-values/not-above-zero"}),
        (
            (HI[0], text("i", tokens(token("i", -3, token("o", -0.1))))),
            {"logprob-values/likeliest-at-temperature-zero"},
        ),
        ((HI[0], text("i", tokens(token("i", -0.1, token("i", -0.5))))), {"logprob-values/same-among-alternatives"}),
        ((HI[0], text("i", tokens(token("i", -0.25, raw="[106]")))), {"logprob-values/bytes-of-the-token"}),
        ((HI[0], text("i", tokens(token("i", -0.5, OTHER)))), {"logprob-values/alternatives-of-its-own"}),
        ((HI[0], text("i", ',"logprobs":{"content":[{"token":"i"}],"refusal":null}')), set()),
        ((HI[0], thought("Hm."), text("x")), set()),
    ],
)
def test_logprobs_are_those_of_the_text(messages: tuple[str, ...], expected: set[str]) -> None:
    assert expected == found(ROLE, *messages, STOP, **LOGPROBS) - {"reasoning/before-the-reply"}


def test_logprobs_come_when_asked_for_only() -> None:
    assert {"logprob-text/only-when-asked"} == found(ROLE, *HI, STOP)
    assert set() == found(ROLE, text("H", tokens()), text("i", ',"logprobs":null'), STOP)
    assert {"logprob-values/none-unless-asked"} == found(ROLE, *HI, STOP, logprobs=True)


@pytest.mark.parametrize(("count", "expected"), [(2, set()), (4, set()), (5, {"logprob-text/counted"})])
def test_tokens_are_counted(count: int, expected: set[str]) -> None:
    assert expected == found(ROLE, *HI, STOP, total(count), **LOGPROBS, **USAGE)


def test_the_stream_has_the_tokens_of_the_document() -> None:
    def twin(*told: str) -> Any:
        return message("Hi", {"content": [json.loads(token(name)) for name in told]})

    assert set() == found(ROLE, *HI, STOP, twin=twin("H", "i", "<|im_end|>"), probe="logprobs-twin", **LOGPROBS)
    expected = {"logprob-text/same-not-streamed"}
    assert expected == found(ROLE, *HI, STOP, twin=twin("Hi"), probe="logprobs-twin", **LOGPROBS)


COUNTED = '{"reasoning_tokens":2}'
LONG = "The user wants me to think."


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((thought("Hm"), thought("m."), text("42")), set()),
        ((thought("Hm", "reasoning"), text("42")), set()),
        ((chunk('"reasoning_content":null,"content":"42"'),), set()),
        ((chunk('"reasoning_content":{"text":"Hm"}'), text("42")), {"reasoning/text"}),
        ((text("42"), thought("Hm")), {"reasoning/before-the-reply"}),
        ((text(" \\n"), thought("Hm"), text("42")), set()),
        ((chunk('"reasoning_content":"Hm","content":"42"'),), {"reasoning/apart"}),
        ((chunk('"reasoning_content":"Hm","content":""'), text("42")), set()),
        ((thought(LONG), text(LONG), text("42")), {"reasoning/not-in-the-reply"}),
        ((thought("Hm"), thought("m", "reasoning"), text("42")), {"reasoning/one-name"}),
        ((chunk('"reasoning_content":"Hm","reasoning":"Hm"'), text("42")), {"reasoning/one-name"}),
        ((thought("Hm"),), {"reasoning/reply-follows"}),
        ((text("<think>Hm</th"), text("ink>42")), {"reasoning-tags/none-in-the-reply"}),
        ((thought("<think>Hm"), text("42")), {"reasoning-tags/none-within"}),
        ((text("I think so"),), set()),
    ],
)
def test_reasoning_is_apart_from_the_reply(messages: tuple[str, ...], expected: set[str]) -> None:
    assert expected == found(ROLE, *(part.replace("\\\\n", "\\n") for part in messages), STOP)


def test_tags_that_were_asked_for_are_no_finding() -> None:
    said = (ROLE, text("<think>Hm</think>42"), STOP)
    assert set() == found(*said, reasoning_format="raw")
    assert set() == found(*said, messages=[{"role": "user", "content": "What does <think> mean?"}])


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (total(3, COUNTED), set()),
        (total(3), {"reasoning-sums/counted"}),
        (total(3, '{"reasoning_tokens":0}'), {"reasoning-sums/counted"}),
        (total(1, '{"reasoning_tokens":1}'), {"reasoning-sums/in-the-whole"}),
    ],
)
def test_reasoning_is_counted(last: str, expected: set[str]) -> None:
    assert expected == found(ROLE, thought("H"), thought("m"), thought("."), text("42"), STOP, last, **USAGE)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"reasoning_content": "Hmm."}, set()),
        ({"reasoning": "Hmm.\n"}, set()),
        ({}, {"reasoning-sums/same-not-streamed"}),
        ({"reasoning_content": "Hm"}, {"reasoning-sums/same-not-streamed"}),
    ],
)
def test_streamed_reasoning_is_that_of_the_document(members: Any, expected: set[str]) -> None:
    said = (ROLE, thought("Hm"), thought("m."), text("42"), STOP)
    assert expected == found(*said, twin=message("42", **members), probe="reasoning-twin")


def running(*counts: int) -> list[str]:
    deltas = ['"role":"assistant","content":""', *['"content":"a"'] * (len(counts) - 2), ""]
    finishes = ["null"] * (len(counts) - 1) + ['"stop"']
    return [chunk(d, f, end=f",{usage(n)}") for d, f, n in zip(deltas, finishes, counts, strict=True)]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([*running(0, 1, 2, 2), total(2)], set()),
        ([*running(0, 2, 2, 2), total(2)], set()),
        ([*running(0, 1, 2, 2)], {"continuous/total-follows"}),
        ([*running(0, 2, 1, 2), total(2)], {"continuous/never-falls"}),
        ([*running(0, 1, 2, 2), total(1)], {"continuous/total-covers"}),
        ([ROLE, text("a"), STOP, total(1)], {"continuous/on-every-chunk"}),
        (
            [running(0, 1)[0].replace('"prompt_tokens":3', '"prompt_tokens":1'), *running(0, 1, 1)[1:], total(1)],
            {"continuous/same-prompt"},
        ),
    ],
)
def test_usage_so_far_grows_and_ends_in_a_total(messages: list[str], expected: set[str]) -> None:
    assert expected == found(*messages, **CONTINUOUS)


@pytest.mark.parametrize(
    ("said", "wanted", "expected"),
    [
        ("4, 5, 6.", "4, 5, 6.", set()),
        ("4, 6.", "4, 5, 6.", {"stopping/held-back-text-sent"}),
        ("4,  6.", "4, 5, 6.", {"stopping/held-back-text-sent"}),
        ("4, 9, ", "4, 9, 10.", {"stopping/held-back-text-sent"}),
        ("4, 5, 6. And more.", "4, 5, 6.", set()),
        ("Four, five.", "4, 5, 6.", set()),
        ("", "4, 5, 6.", set()),
    ],
)
def test_what_looked_like_a_stop_sequence_is_sent_after_all(said: str, wanted: str, expected: set[str]) -> None:
    messages = (ROLE, *([text(said)] if said else []), STOP)
    assert expected == found(*messages, twin=message(wanted), probe="stop-near-miss", stop=["5, 7", "10.!"])


@pytest.mark.parametrize(
    ("said", "members", "expected"),
    [
        ("1, 2, 3, ", {"stop": "4, 5"}, set()),
        ("1, 2, 3, 4,", {"stop": ["4, 5"]}, {"stopping/no-beginning-leaks"}),
        ("1, 2, 3, 4", {"stop": ["4, 5"]}, set()),
        ("1, 2, 3, 4,", {"stop": ["4, 5"], "include_stop_str_in_output": True}, set()),
        ("1, 2, 3, 4,", {"stop": ["never"]}, set()),
    ],
)
def test_the_beginning_of_a_stop_sequence_stays_back(said: str, members: Any, expected: set[str]) -> None:
    assert expected == found(ROLE, text(said), STOP, **members)
