"""A scenario that is being played: sequences, files that change, the same bytes again."""

import os

import pytest

from conformance.mistakes import ConfigurationError
from conformance.wire.script import body
from mockserver.answering import Settings
from mockserver.scenarios import book as books
from mockserver.scenarios.book import Book

USER = {"role": "user", "content": "Go"}


def statuses(stage, count, **members):
    return [stage.answer(stage.request("Go", **members)).status for _ in range(count)]


def test_replies_come_one_after_the_other_and_the_last_one_stays(play):
    stage = play("scenario: [{replies: [One, Two]}]")
    assert ["One", "Two", "Two"] == [stage.said("Go") for _ in range(3)]


def test_replies_may_begin_again(play):
    stage = play("scenario: [{replies: [One, Two], repeat: cycle}]")
    assert ["One", "Two", "One", "Two"] == [stage.said("Go") for _ in range(4)]


def test_a_reply_may_come_several_times(play):
    stage = play("scenario: [{replies: [{error: 429, times: 2}, Fine], repeat: cycle}]")
    assert [429, 429, 200, 429, 429, 200] == statuses(stage, 6)


def test_each_entry_counts_for_itself(play):
    stage = play("scenario: [{when: {message: A}, replies: [a1, a2]}, {replies: [b1, b2]}]")
    assert ["a1", "b1", "a2", "b2"] == [stage.said(message) for message in ("A", "B", "A", "B")]


def test_a_conversation_may_count_for_itself(play):
    stage = play("scenario: [{replies: [One, Two], per: conversation}]")
    later = [USER, {"role": "assistant", "content": "One"}, {"role": "user", "content": "More"}]
    assert ["One", "One"] == [stage.said("Go"), stage.said("Other")]
    assert ["Two", "Two"] == [stage.said("", messages=later), stage.said("Other")]


def test_the_conversation_that_was_silent_for_the_longest_is_forgotten(play, monkeypatch):
    monkeypatch.setattr(books, "CONVERSATIONS", 2)
    stage = play("scenario: [{replies: [One, Two], per: conversation}]")
    assert ["One", "One", "Two", "One"] == [stage.said(message) for message in "ABAC"]
    assert ["Two", "One"] == [stage.said(message) for message in "AB"]


def test_a_request_that_is_not_answered_by_an_entry_does_not_count(play):
    stage = play("scenario: [{when: {message: Go}, replies: [One, Two]}]")
    assert "One" == stage.said("Go")
    stage.said("Hello")
    assert 400 == stage.answer(stage.request("Go", n=0)).status
    assert "Two" == stage.said("Go")


def test_a_reply_that_cannot_be_given_does_not_count(play):
    stage = play("scenario: [{replies: [{tool_calls: [{name: t}]}, Two]}, {reply: Instead}]")
    tools = [{"type": "function", "function": {"name": "t"}}]
    assert "Instead" == stage.said("Go")
    assert "tool_calls" == stage.record(stage.request("Go", tools=tools)).steps[-2].chunk["choices"][0]["finish_reason"]
    assert "Two" == stage.said("Go")


def test_a_reset_begins_anew(play):
    stage = play("scenario: [{replies: [One, Two]}, {replies: [a, b], per: conversation}]")
    stage.said("Go")
    stage.book.reset()
    assert "One" == stage.said("Go")


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_requests_get_the_same_bytes(play, seed):
    text = """\
scenario:
  - when: {message: {contains: slow}}
    reply: {text: Word by word by word, pace: {gap: 0.1, jitter: 0.5}}
  - replies: [{error: 429}, {choices: [{text: 'On {turn}'}, {refusal: Never}]}]
"""

    def played():
        stage = play(text, seed)
        requests = [stage.request(word, n=2, logprobs=True) for word in ("slow", "a", "b", "slow")]
        return [list(stage.answer(request).played()) for request in requests]

    assert played() == played()


def test_another_seed_has_another_jitter(play):
    text = "scenario: [{reply: {text: a b c d, pace: {gap: 0.1, jitter: 0.5}}}]"
    stages = [play(text, seed) for seed in (0, 1)]
    waits = [list(stage.answer(stage.request("Go")).played()) for stage in stages]
    assert waits[0] != waits[1]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("scenario: [{replies: [One, Two]}]")
    return path


def rewrite(path, text):
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))  # a file system may not tell two moments apart


def test_a_file_that_changes_is_read_again_and_its_sequences_begin_anew(play, file, caplog):
    stage = play("scenario: [{reply: x}]")
    stage.book = Book(file)
    stage.said("Go")
    rewrite(file, "scenario: [{replies: [Uno, Due]}]")
    stage.book.refresh()
    assert ["Uno", "Due"] == [stage.said("Go"), stage.said("Go")]
    assert "the scenario was read again: 1 entries" in caplog.text


def test_a_file_that_does_not_change_goes_on(play, file):
    stage = play("scenario: [{reply: x}]")
    stage.book = Book(file)
    stage.said("Go")
    stage.book.refresh()
    assert "Two" == stage.said("Go")


def test_a_file_that_becomes_wrong_changes_nothing_but_is_told_of(play, file, caplog):
    stage = play("scenario: [{reply: x}]")
    stage.book = Book(file)
    stage.said("Go")
    rewrite(file, "scenario: [{replie: \x1b[31m}]")
    stage.book.refresh()
    assert "Two" == stage.said("Go")
    assert "s.yaml" in stage.book.document()["trouble"]
    assert "the scenario stays as it was" in caplog.text
    rewrite(file, "scenario: [{reply: Well again}]")
    stage.book.refresh()
    assert ("Well again", None) == (stage.said("Go"), stage.book.document()["trouble"])


def test_a_file_that_goes_away_changes_nothing_but_is_told_of(play, file):
    stage = play("scenario: [{reply: x}]")
    stage.book = Book([file])
    file.unlink()
    stage.book.refresh()
    assert "One" == stage.said("Go")
    assert "there is no such file" in stage.book.document()["trouble"]


def test_a_folder_that_is_emptied_changes_nothing_but_is_told_of(play, file):
    stage = play("scenario: [{reply: x}]")
    stage.book = Book(file.parent)
    file.unlink()
    stage.book.refresh()
    assert "One" == stage.said("Go")
    assert "there is no scenario in" in stage.book.document()["trouble"]


def test_a_file_that_comes_into_a_folder_is_read(play, file):
    stage = play("scenario: [{reply: x}]")
    stage.book = Book(file.parent)
    (file.parent / "a.yaml").write_text("scenario: [{reply: First}]")
    stage.book.refresh()
    assert "First" == stage.said("Go")


def test_a_file_that_is_wrong_at_the_start_is_a_mistake(file):
    file.write_text("scenario: 3")
    with pytest.raises(ConfigurationError, match="wanted a list"):
        Book(file)


def test_models_of_a_scenario_are_served_too(play):
    stage = play("models: [gpt-x, mock]\nscenario: [{reply: 'I am {model}'}]")
    assert ("mock", "gpt-x") == stage.book.settings(Settings()).models
    assert "I am gpt-x" == stage.said("Go", model="gpt-x")


def test_a_fault_of_a_reply_breaks_it(play, wrong):
    stage = play("scenario: [{replies: [{text: Hi there, fault: chat/termination/done-sent}, Fine]}]")
    exchange = stage.record(stage.request("Go"))
    assert b"[DONE]" not in exchange.body
    assert ["chat/termination/done-sent"] == list(wrong(exchange))
    assert b"[DONE]" in body(stage.answer(stage.request("Go")).acts)
