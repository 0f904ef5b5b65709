"""Rules about what a reply means, where one good or bad example from the mock server does not show it all."""

import time
from typing import Any

import pytest

from conformance.judge import findings_of, judge
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.markers import asks_for, word_of
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL
from conformance.verdicts import Verdict
from conformance.wire.http import Head

CHAT = {"model": "mock", "messages": [{"role": "user", "content": "Go"}]}
USAGE = {"stream_options": {"include_usage": True}}
MINE = ("content", "text", "limits", "usage", "tokens", "errors", "refusals", "refused", "document", "message", "twin")
RULES = [rule for rule in ALL if rule.id.split("/")[1] in MINE]
START = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}\n\n'
)
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
DONE = b"data: [DONE]\n\n"


def exchange(body: bytes, status: int = 200, content_type: str = "text/event-stream", **request: Any) -> Exchange:
    asked = Request("POST", "http://mock/v1/chat/completions", (), {**CHAT, **request})
    reader = ExchangeReader(asked, head=Head(status, (("content-type", content_type),)), layer="body")
    reader.feed(body, 0.1)
    return reader.close(Ending.EOF, 0.2)


def broken(subject: Exchange) -> set[str]:
    return {name.removeprefix("chat/") for name, found in findings_of(subject, RULES).items() if found}


def streamed(body: bytes, **request: Any) -> set[str]:
    return broken(exchange(body, stream=True, **request))


def said(text: str) -> bytes:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    piece = (
        f'data: {{"choices":[{{"index":0,"delta":{{"content":"{escaped}"}},"finish_reason":null}}],"usage":null}}\n\n'
    )
    return piece.encode()


def spoken(*texts: str, **request: Any) -> set[str]:
    return streamed(START + b"".join(map(said, texts)) + FINISH + DONE, **request)


@pytest.mark.parametrize(
    "texts",
    [("a", "ab", "abc"), ("ha", "haha", "hahaha", "ha"), ("1", "12", "123", "1234"), ("no", "no", "no", "no", "no")],
)
def test_a_few_deltas_that_extend_each_other_are_no_cumulative_text(texts: tuple[str, ...]) -> None:
    assert set() == spoken(*texts)


def test_text_so_far_in_every_delta_is_found_from_the_fourth_delta_on() -> None:
    assert {"content/incremental"} == spoken("One", "One two", "One two three", "One two three four")


def test_half_a_character_is_the_models_own_when_it_runs_hot() -> None:
    assert set() == spoken("a \ufffd b", temperature=1.5)
    assert {"text/no-half-characters"} == spoken("a \ufffd b", temperature=0.7)


def test_half_a_character_that_the_request_has_may_be_repeated() -> None:
    assert set() == spoken("you wrote \ufffd", messages=[{"role": "user", "content": "What is \ufffd?"}])


def test_half_a_character_written_as_an_escape_is_found() -> None:
    escaped = b'data: {"choices":[{"index":0,"delta":{"content":"a \\ufffd"},"finish_reason":null}],"usage":null}\n\n'
    assert {"text/no-half-characters"} == streamed(START + escaped + FINISH + DONE)


@pytest.mark.parametrize(
    "text", ["«CAFÉ», NÃO à «São Paulo»", "naïve – “quoted” 你好 👋🏽", "Â°C and ÃŸ", "<s>old</s> new"]
)
def test_accents_quotes_and_html_are_neither_mojibake_nor_control_tokens(text: str) -> None:
    assert set() == spoken(text)


def test_a_control_token_that_the_request_has_may_be_explained() -> None:
    asked = [{"role": "user", "content": "What does <|im_end|> mean?"}]
    assert set() == spoken("<|im_end|> ends a turn", messages=asked)
    assert {"text/no-control-tokens"} == spoken("Hello<|im_end|>")


@pytest.mark.parametrize(
    ("text", "reason"), [(b"1, 2, 3", ""), (b"1, 2, 3, 4", "silent failure: stop was accepted and ignored")]
)
def test_a_reply_that_ends_with_its_stop_sequence_did_not_ignore_it(text: bytes, reason: str) -> None:
    body = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"' + text + b'"}}]}\n\n' + FINISH + DONE
    verdicts = {verdict.rule.id: verdict for verdict in judge([exchange(body, stream=True, stop=["3"])])}
    found = verdicts["chat/limits/stop-sequence-cut"]
    assert (Verdict.FAIL, reason) == (found.verdict, found.reason)
    assert ("stop" if reason else "") == found.silent_failure


def test_a_stop_sequence_may_stay_in_when_the_request_wants_it_in() -> None:
    assert {"limits/stop-sequence-cut"} == spoken("1, 2, STO", "P", stop="STOP")
    assert set() == spoken("1, 2, STO", "P", stop="STOP", include_stop_str_in_output=True)


def test_more_tokens_counted_than_allowed_break_the_limit() -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":9,"total_tokens":12}}\n\n'
    body = START + said("Hello there") + FINISH + usage + DONE
    assert {"limits/limit-kept"} == streamed(body, max_tokens=5, **USAGE)
    assert set() == streamed(body, max_tokens=9, **USAGE)


def test_chunks_without_choices_may_follow_usage() -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
    moderation = b'data: {"choices":[],"usage":null,"moderation":{"flagged":false}}\n\n'
    assert set() == streamed(START + said("Hi") + FINISH + usage + moderation + DONE, **USAGE)


def test_usage_on_the_finish_chunk_is_one_mistake() -> None:
    finish = (
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
    )
    assert {"usage/without-choices"} == streamed(START + said("Hi") + finish + DONE, **USAGE)
    assert {"usage/only-when-asked"} == streamed(START + said("Hi") + finish + DONE)


def test_usage_on_every_chunk_is_right_when_it_was_asked_for() -> None:
    piece = (
        b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],'
        b'"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}\n\n'
    )
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
    body = START + piece + FINISH + usage + DONE
    assert {"usage/nowhere-else"} == streamed(body, **USAGE)
    assert set() == streamed(body, stream_options={"include_usage": True, "continuous_usage_stats": True})


def test_one_usage_chunk_per_choice_is_sent_twice_and_too_early() -> None:
    """As llama.cpp does with n 2."""
    chunks = (
        b'{"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}],"usage":null}',
        b'{"choices":[{"index":1,"delta":{"role":"assistant"},"finish_reason":null}],"usage":null}',
        b'{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"usage":null}',
        b'{"choices":[{"index":1,"delta":{"content":"Hi"},"finish_reason":null}],"usage":null}',
        b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}',
        b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}',
        b'{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}],"usage":null}',
        b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}',
    )
    body = b"".join(b"data: " + chunk + b"\n\n" for chunk in chunks) + DONE
    assert {"usage/sent-once", "usage/after-every-finish"} == streamed(body, n=2, **USAGE)


def test_an_error_chunk_in_the_manner_of_openrouter_is_an_error() -> None:
    error = (
        b'data: {"error":{"code":502,"message":"Provider disconnected","type":"upstream"},'
        b'"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n'
    )
    assert {"errors/code-and-param"} == streamed(START + said("Hi") + error + DONE)


def test_an_error_event_with_a_bare_message_is_found() -> None:
    error = b'event: error\ndata: {"message":"The engine died."}\n\n'
    assert {"errors/under-error"} == streamed(START + said("Hi") + error + DONE)


def test_a_message_of_half_a_megabyte_is_searched_within_a_second() -> None:
    started = time.perf_counter()
    error = b'data: {"error":{"message":"x' + b"\\n " * 200_000 + b'","type":"t","param":null,"code":null}}\n\n'
    assert set() == streamed(START + error + DONE)
    assert time.perf_counter() - started < 1


BAD = b'{"error":{"message":"No.","type":"invalid_request_error","param":null,"code":null}}'


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, set()), (422, set()), (503, set()), (500, {"refusals/no-server-error"}), (200, {"refusals/messages-empty"})],
)
def test_a_refusal_of_empty_messages_has_a_status_of_the_clients_fault(status: int, expected: set[str]) -> None:
    body = BAD if status != 200 else START + said("Hi") + FINISH + DONE
    content_type = "application/json" if status != 200 else "text/event-stream"
    assert expected == broken(exchange(body, status, content_type, stream=True, messages=[]))


def test_html_is_a_proxys_own_at_502_and_no_refusal_at_400() -> None:
    page = b"<html><body>Bad</body></html>"
    assert set() == broken(exchange(page, 502, "text/html", stream=True))
    assert {"refused/is-json"} == broken(exchange(page, 400, "text/html", stream=True))


def test_a_flat_error_is_one_mistake() -> None:
    flat = b'{"object":"error","message":"No.","type":"BadRequest","param":null,"code":400}'
    assert {"refused/error-object"} == broken(exchange(flat, 400, "application/json", stream=True))


def test_an_answer_cut_short_is_not_blamed_for_what_is_missing() -> None:
    asked = Request("POST", "http://mock/v1/chat/completions", (), {**CHAT, "stream": True, **USAGE})
    reader = ExchangeReader(asked, head=Head(200, (("content-type", "text/event-stream"),)), layer="body")
    reader.feed(START, 0.1)
    assert set() == broken(reader.close(Ending.RESET, 0.2))


STOP_RULE = "limits/stop-sequence-finishes-with-stop"


@pytest.mark.parametrize(
    ("text", "reason", "judged"),
    [
        ("1, 2, 3, 4, ", b"length", True),
        ("1, 2, 3, 4, ", b"content_filter", True),
        ("1, 2, 3, 4, ", b"stop", False),
        ("One, two, three", b"length", False),
        ("1, 2, 3", b"length", False),
        ("", b"content_filter", False),
    ],
)
def test_a_text_that_no_stop_sequence_ended_may_have_any_finish_reason(text: str, reason: bytes, judged: bool) -> None:
    body = START + said(text) + FINISH.replace(b"stop", reason) + DONE
    assert judged == (STOP_RULE in streamed(body, stop=["6", "5"]))


def test_where_no_text_comes_to_its_stop_sequence_nothing_is_said_of_it() -> None:
    found = exchange(START + said("Hello") + FINISH + DONE, stream=True, stop=["5"])
    (verdict,) = [v for v in judge([found], features=frozenset({"stop"})) if v.rule.id == f"chat/{STOP_RULE}"]
    assert Verdict.NOT_APPLICABLE is verdict.verdict
    assert "no text of this target ends where its stop sequence would have come" == verdict.reason


def test_a_model_that_is_told_to_go_on_past_its_end_may_say_halves_of_characters() -> None:
    assert "text/no-half-characters" in streamed(START + said("a\ufffd") + FINISH + DONE)
    assert "text/no-half-characters" not in streamed(START + said("a\ufffd") + FINISH + DONE, ignore_eos=True)


def test_a_model_that_does_not_repeat_a_word_may_say_halves_of_characters() -> None:
    asked = asks_for(word_of("0123456789ab"))
    word = word_of("0123456789ab")
    assert "text/no-half-characters" in streamed(START + said(f"{word} a\ufffd") + FINISH + DONE, messages=asked)
    assert "text/no-half-characters" not in streamed(START + said("a\ufffd") + FINISH + DONE, messages=asked)
