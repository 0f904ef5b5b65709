"""What is kept of requests."""

from mockserver.journal import Journal


def test_entries_are_numbered_and_the_oldest_goes_first() -> None:
    journal = Journal(limit=2)
    for path in ("/a", "/b", "/c"):
        journal.open("GET", path)
    assert [(2, "/b"), (3, "/c")] == [(entry.number, entry.path) for entry in journal.entries]
    assert 3 == journal.document()["count"]


def test_an_entry_that_is_being_filled_in_shows_in_the_document() -> None:
    journal = Journal()
    journal.open("POST", "/v1/chat/completions").events = 5
    assert [5] == [request["events"] for request in journal.document()["requests"]]


def test_the_times_of_the_first_writes_are_kept() -> None:
    entry = Journal().open("POST", "/v1/chat/completions")
    for at in range(500):
        entry.wrote(at / 10)
    assert (500, [at / 10 for at in range(200)]) == (entry.events, entry.document(writes=True)["writes"])


def test_a_journal_that_is_cleared_keeps_its_sums_and_numbers() -> None:
    journal = Journal()
    journal.open("POST", "/v1/chat/completions").produced = 7
    journal.clear()
    assert ((), 7) == (journal.entries, journal.produced)
    assert 2 == journal.open("POST", "/v1/chat/completions").number
