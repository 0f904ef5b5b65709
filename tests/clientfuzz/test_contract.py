"""The line that a client prints."""

import pytest

from conformance.clientfuzz.contract import GAP, Call, last_report, report_in


def test_what_a_client_cannot_know_it_leaves_out():
    report = report_in('{"text": "Hi", "error": null}')
    assert ("Hi", GAP, GAP, GAP) == (report.text, report.finish_reason, report.tool_calls, report.usage)


@pytest.mark.parametrize(
    "noise", ["", "loading ...", "{", "[1]", '{"level": "info"}', "null", '{"text": ', "\x00\xff", "{" * 5000]
)
def test_noise_is_no_report(noise):
    assert report_in(noise) is None
    assert report_in(noise.encode()) is None


def test_of_a_process_that_ends_the_last_line_that_is_a_report_counts():
    lines = ['{"text": "draft"}', "shutting down", '{"text": "Hi", "chunks": 3}', '{"took": 4}', ""]
    assert "Hi" == last_report(lines).text


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
