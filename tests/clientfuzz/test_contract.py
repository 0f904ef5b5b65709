"""The line that a client prints."""

import json

import pytest

from conformance.clientfuzz.contract import GAP, Call, kept, report_in, shortened


def test_what_a_client_cannot_know_it_leaves_out():
    report = report_in('{"text": "Hi", "error": null}')
    assert ("Hi", GAP, GAP, GAP) == (report.text, report.finish_reason, report.tool_calls, report.usage)


DEEP = '{"text": "Hi", "calls": ' + "[" * 100 + "]" * 100 + "}"
TOO_DEEP = '{"text": "Hi", "calls": ' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize(
    "noise",
    ["", "loading ...", "{", "[1]", '{"level": "info"}', "null", '{"text": ', "\x00\xff", "{" * 5000, DEEP, TOO_DEEP],
)
def test_noise_is_no_report(noise):
    assert report_in(noise) is None
    assert report_in(noise.encode()) is None


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("null", None),
        ("false", None),
        ('"broken"', "broken"),
        ('{"class": "EOFError", "message": "too early"}', "EOFError: too early"),
        ('{"type": "openai.APIError", "message": null}', "openai.APIError: "),
        ('{"message": "no class"}', "error: no class"),
    ],
)
def test_an_error_is_a_class_and_a_message(error, shown):
    assert shown == report_in(f'{{"text": "Hi", "error": {error}}}').error


def test_calls_are_taken_flat_and_as_the_api_has_them():
    flat = report_in('{"tool_calls": [{"id": "a", "name": "f", "arguments": "{}"}]}')
    nested = report_in(
        '{"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}'
    )
    assert (Call("f", "{}", "a"),) == flat.tool_calls == nested.tool_calls


def test_half_a_surrogate_pair_survives():
    assert "\ud83d" == report_in('{"text": "\\ud83d"}').text


def test_what_is_kept_of_a_report_is_short_and_can_be_written():
    numbers = '{"total_tokens": NaN, "\\ud800": 1e999}'
    line = f'{{"text": "{"x" * 5000}", "usage": {numbers}, "chunks": [{"0," * 999} 0]}}'
    found = shortened(report_in(line)).known
    assert "x" * 1000 + "\u2026" + "x" * 1000 == found["text"]
    assert {"total_tokens": "nan", "\ufffd": "inf"} == found["usage"]
    assert 200 == len(found["chunks"])
    json.dumps(found, allow_nan=False).encode()


def test_what_the_contract_names_is_kept_before_all_else():
    noise = {f"{number}": number for number in range(1000)}
    assert "Hi" == shortened(report_in(json.dumps({**noise, "text": "Hi"}))).text
    assert 200 == len(kept(noise))
