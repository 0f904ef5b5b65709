"""What a client may make of tool calls and of several choices: where a verdict would be unfair."""

import json
from typing import Any

import pytest

from conformance.clientfuzz.catalogue import chosen
from conformance.clientfuzz.contract import report_of
from conformance.clientfuzz.expectation import expected
from conformance.clientfuzz.outcome import Abilities, Verdict, judged
from conformance.clientfuzz.playing import seen

PARIS = {"id": "call_46b0dbf8662f886a41a35b4d", "name": "get_weather", "arguments": '{"city":"Paris","unit":"celsius"}'}
ROME = {"id": "call_b893f83db0b2d318c09c47c9", "name": "get_weather", "arguments": '{"city":"Rome","unit":"celsius"}'}
CALLED = {**PARIS, "id": "call_dd82becc79e7aa998cbfef81"}
COUNTED = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."
TIME = {"id": "call_a", "name": "get_time", "arguments": ""}


def verdict(case: str, **report: Any) -> Verdict:
    [played] = chosen([case])
    view = seen(played, played.played)
    expectation = expected(view, played.authority, played.says)
    return judged(report_of(report), view, expectation, Abilities()).verdict


def called(case: str, *calls: dict[str, Any]) -> Verdict:
    return verdict(f"mutant/chat/{case}", text="", finish_reason="tool_calls", tool_calls=list(calls))


def counted(case: str, text: str = COUNTED, calls: tuple[dict[str, Any], ...] = ()) -> Verdict:
    return verdict(f"mutant/chat/{case}", text=text, finish_reason="stop", tool_calls=list(calls))


def test_calls_may_come_in_the_order_of_their_arrival() -> None:
    assert Verdict.PASS is called("tool-calls/counted#last-index-first", ROME, PARIS)
    assert Verdict.PASS is called("tool-calls/counted#last-index-first", PARIS, ROME)
    assert Verdict.FAIL is called("tool-calls/counted#last-index-first", PARIS, PARIS)


def test_a_client_may_make_up_an_id_where_the_server_sends_none_or_one_twice() -> None:
    made_up = {**ROME, "id": "made-up"}
    assert Verdict.PASS is called("tool-calls/ids-differ#one-id-for-all", PARIS, made_up)
    assert Verdict.FAIL is called("tool-calls/ids-differ#one-id-for-all", PARIS, {**made_up, "arguments": "{}"})
    assert Verdict.FAIL is called("tool-calls/ids-differ#one-id-for-all", PARIS)


def test_right_calls_with_another_id_are_to_be_looked_at() -> None:
    glued = {**PARIS, "id": PARIS["id"] * 2}
    assert Verdict.WARN is called("tool-calls/id-first#id-comes-with-the-arguments", {**CALLED, "id": "made-up"})
    assert Verdict.WARN is called("tool-calls/counted#last-index-first", ROME, glued)
    assert Verdict.PASS is called("tool-calls/id-first#id-comes-with-the-arguments", CALLED)


@pytest.mark.parametrize("finish", ["length", "content-filter"])
def test_a_client_may_make_an_error_of_an_answer_that_the_server_cut_once_it_has_handed_it_over(finish: str) -> None:
    case, error = f"legal/chunks/{finish}/per-event", {"class": "LengthFinishReasonError", "message": "too long"}
    assert Verdict.WARN is verdict(case, text="Hello, Gr\u00fc\u00dfe \U0001f44b!", finish_reason=None, error=error)
    assert Verdict.FAIL is verdict(case, text="", finish_reason=None, error=error)


def test_in_a_legal_stream_ids_are_handed_over_as_they_are() -> None:
    calls = [{"id": "call_a", "name": "get_weather", "arguments": '{"city":"Paris"}'}, {"id": "", "name": "get_time", "arguments": '{"zone":"CET"}'}]  # fmt: skip  # noqa: E501
    case = "legal/plain/tools/per-event"
    told = {"text": "", "finish_reason": "tool_calls"}
    assert Verdict.PASS is verdict(case, tool_calls=calls, **told)
    assert Verdict.FAIL is verdict(case, tool_calls=[calls[0], {**calls[1], "id": "made-up"}], **told)


@pytest.mark.parametrize("case", ["call-without-index", "call-index-text"])
def test_a_call_in_a_message_that_is_no_chunk_may_be_handed_over_or_not(case: str) -> None:
    assert Verdict.PASS is counted(f"delta/tool-call-index#{case}", calls=(TIME,))
    assert Verdict.PASS is counted(f"delta/tool-call-index#{case}")
    assert Verdict.FAIL is counted(f"delta/tool-call-index#{case}", calls=({**TIME, "name": "get_date"},))


def test_arguments_that_are_no_text_are_handed_over_as_json_and_never_as_object_object() -> None:
    case = "delta/tool-call-arguments-text#arguments-decoded"
    assert Verdict.PASS is counted(case, calls=({**TIME, "arguments": {"zone": "UTC"}},))
    assert Verdict.PASS is counted(case, calls=({**TIME, "arguments": json.dumps({"zone": "UTC"})},))
    assert Verdict.FAIL is counted(case, calls=({**TIME, "arguments": "[object Object]"},))


def test_a_client_that_asked_for_one_choice_need_not_tell_two_apart() -> None:
    case = "order/one-choice-per-chunk#choices-side-by-side"
    assert Verdict.PASS is counted(case)
    assert Verdict.PASS is counted(case, f"{COUNTED} (1)")
    assert Verdict.FAIL is counted(case, "1, 2, 3")


def test_of_a_name_in_two_pieces_the_first_the_last_or_both_are_the_name() -> None:
    call = {"id": "call_dd82becc79e7aa998cbfef81", "arguments": '{"city":"Paris","unit":"celsius"}'}
    case = "tool-fragments/name-once#name-in-two-pieces"
    for name in ("get_", "weather", "get_weather"):
        assert Verdict.PASS is called(case, {**call, "name": name})
    assert Verdict.FAIL is called(case, {**call, "name": "get"})


def test_a_number_in_the_place_of_text_may_be_written_out_but_not_left_out() -> None:
    case = "delta/content-text#content-number"
    assert Verdict.PASS is counted(case, "1,7 3, 4, 5, 6, 7, 8, 9, 10.")
    assert Verdict.FAIL is counted(case, "1, 3, 4, 5, 6, 7, 8, 9, 10.")


def test_a_refusal_beside_text_may_be_read_as_text_but_replaces_none() -> None:
    case = "content/refusal-alone#refusal-beside-content"
    assert Verdict.PASS is counted(case)
    assert Verdict.PASS is counted(case, "1, 2,I'm sorry, I can't help with that. 3, 4, 5, 6, 7, 8, 9, 10.")
    assert Verdict.FAIL is counted(case, "1, 3, 4, 5, 6, 7, 8, 9, 10.")


def test_the_first_event_behind_a_mark_is_not_lost() -> None:
    case = "legal/encoding/mark-before-text/per-event"
    assert Verdict.PASS is verdict(case, text="Hello, world", finish_reason="stop")
    assert Verdict.FAIL is verdict(case, text=" world", finish_reason="stop")


def test_usage_that_is_added_up_is_to_be_looked_at_where_openai_would_send_none_and_fails_elsewhere() -> None:
    told = {"text": "Hello, Gr\u00fc\u00dfe \U0001f44b!", "finish_reason": "stop"}
    wrong = {"prompt_tokens": 35, "completion_tokens": 27, "total_tokens": 62}
    assert Verdict.WARN is verdict("legal/chunks/usage-so-far/per-event", usage=wrong, **told)
    assert Verdict.FAIL is verdict("legal/plain/text/per-event", usage=wrong, **told)


def test_usage_that_was_sent_may_be_left_untold_but_not_lost() -> None:
    told = {"text": "Hello, Gr\u00fc\u00dfe \U0001f44b!", "finish_reason": "stop"}
    assert Verdict.PASS is verdict("legal/plain/text/per-event", **told)
    assert Verdict.FAIL is verdict("legal/plain/text/per-event", usage=None, **told)
    assert Verdict.PASS is verdict("legal/usage/none/per-event", usage=None, **told)
