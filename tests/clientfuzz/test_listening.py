"""Cases that a client goes through by URLs: what it reports is judged as ever, what it does not by the wire."""

import importlib
import json
import socket
import threading
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import pytest

from conformance.clientfuzz.case import Case
from conformance.clientfuzz.catalogue import chosen
from conformance.clientfuzz.listening import Site, run
from conformance.clientfuzz.outcome import Outcome, Verdict
from conformance.clientfuzz.playing import Limits
from conformance.clientfuzz.processes import Command
from conformance.clientfuzz.running import Plan
from conformance.clientfuzz.streams import TEXT
from conformance.wire.script import Wait

CLIENTS = Path(__file__).parent / "clients"
TIMEOUT = 30
LONG = 600.0
SOME = ("legal/line-ends/crlf/*", "transport/cut/ended/*", "mutant/chat/termination/done-sent*")
CUT = "transport/cut/ended/after-some-text"


@pytest.fixture
def client(monkeypatch):
    """A client of this folder, by name."""
    monkeypatch.syspath_prepend(str(CLIENTS))
    return importlib.import_module


@pytest.fixture
def listened(tmp_path):
    """What a campaign comes to in which `drive` is given the URL; it ends when that does."""

    def listen(drive, *patterns, cases=(), origins=(), limit=LONG):
        plan = Plan(
            command=Command((), timeout=TIMEOUT),
            cases=(*cases, *(chosen(patterns) if patterns else ())),
            examples=0,
            seed=0,
            limits=Limits(case=limit),
            jobs=1,
            save=tmp_path,
        )
        raised = []

        def driven(url):
            try:
                drive(url)
            except BaseException as error:  # noqa: BLE001 - raised below, in the thread of the test
                raised.append(error)
            finally:
                fetch(f"{url}/done", {})

        threads = []

        def began(url):
            threads.append(threading.Thread(target=driven, args=(url,)))
            threads[0].start()

        made = run(plan, Site(host="127.0.0.1", port=0, origins=origins), began)
        threads[0].join()
        if raised:
            raise raised[0]
        return made

    return listen


def fetch(url, value=None, method=None, **headers):
    data = None if value is None else json.dumps(value).encode()
    request = Request(url, data, {name.replace("_", "-"): text for name, text in headers.items()}, method=method)
    with urlopen(request, timeout=TIMEOUT) as response:
        body = response.read()
        return response.headers, json.loads(body) if body else None


def refusal(url, value=None, **headers):
    with pytest.raises(HTTPError) as caught:
        fetch(url, value, **headers)
    with caught.value as error:
        return error.code, json.loads(error.read())["error"]["message"]


def goes_through(ask):
    def drive(url):
        _, listed = fetch(f"{url}/cases")
        assert listed["count"] == len(listed["cases"])
        for case in listed["cases"]:
            fetch(case["report"], ask(case["base_url"], listed["model"]))

    return drive


def ask_and_read(base_url):
    """A client that reports nothing, and reads until the server ends it."""
    with connection(base_url) as sock:
        while sock.recv(65536):
            pass


def connection(base_url):
    url = urlsplit(base_url)
    sock = socket.create_connection((url.hostname, url.port), timeout=TIMEOUT)
    head = f"POST {url.path}/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n"
    sock.sendall(head.encode() + b"{}")
    return sock


def test_a_careful_client_passes_by_urls_as_it_does_as_a_command(listened, played, client):
    made = listened(goes_through(client("careful").ask), *SOME)
    as_command = played("careful", chosen(SOME))
    assert not made.interrupted
    assert as_command.keys() == made.results.keys()
    for name, result in made.results.items():
        assert as_command[name].judgement == result.judgement, name
    assert not made.failed


def test_a_client_that_makes_up_the_finish_fails(listened, client):
    careful, bad = client("careful"), client("makes_up_the_finish")
    made = listened(goes_through(lambda url, model: careful.ask(url, model, finish=bad.finish)), CUT)
    (result,) = made.all
    assert (Outcome.SILENT, Verdict.FAIL) == (result.outcome, result.verdict)
    assert Path(made.kept[CUT]["recording"]).is_file()


def test_what_is_not_reported_of_the_plain_streams_is_not_asked_of_it(listened, client):
    def ask(url, model):
        return {**client("careful").ask(url, model), "tool_calls": []}

    (result,) = listened(goes_through(ask), "legal/plain/tools/whole").all
    assert Verdict.PASS is result.verdict, result.judgement


def test_a_case_has_a_url_by_its_id_too(listened, client):
    name = "mutant/chat/termination/done-sent#left-out"

    def drive(url):
        base = f"{url}/case/{quote(name)}"
        fetch(f"{base}/report", client("careful").ask(f"{base}/v1", "mock"))

    (result,) = listened(drive, "mutant/chat/termination/*").all
    assert (name, True) == (result.case.id, result.report is not None)


def test_without_a_report_nothing_passes_and_nothing_fails_that_the_wire_does_not_prove(listened):
    def drive(url):
        for number in (3, 4, 4):
            ask_and_read(f"{url}/case/{number}/v1")

    made = listened(drive, CUT, "legal/plain/text/*")
    first, second = made.all
    assert [(Outcome.UNREPORTED, Verdict.WARN)] * 2 == [(one.outcome, one.verdict) for one in made.all]
    assert first.judgement.says.startswith("stayed until all was sent")
    assert second.judgement.says.startswith("asked 2 times")
    assert not made.interrupted


def slow(place):
    """A plain stream that pauses for long behind some of its events, and is legal all the same."""
    acts = TEXT.answer.acts
    played = replace(TEXT.answer, acts=(*acts[:place], Wait(LONG), *acts[place:]))
    return Case(id="slow", says="", request=TEXT.request, good=TEXT.answer, played=played, legal=True)


@pytest.mark.parametrize(("place", "verdict"), [(3, Verdict.FAIL), (-1, Verdict.WARN)])
def test_who_leaves_a_legal_stream_before_its_finish_reason_has_refused_it(listened, place, verdict):
    events = TEXT.answer.acts[:place]
    last = events[-1].data

    def drive(url):
        with connection(f"{url}/case/slow/v1") as sock:
            received = b""
            while last not in received:
                received += sock.recv(65536)

    (result,) = listened(drive, cases=[slow(place)]).all
    assert (Outcome.UNREPORTED, verdict) == (result.outcome, result.verdict)
    assert "left after" in result.judgement.says


def test_who_waits_for_ever_hangs_and_is_let_go(listened):
    silence = "transport/silence/after-the-role"

    def drive(url):
        ask_and_read(f"{url}/case/{silence}/v1")  # comes back: the server hangs up
        assert 409 == refusal(f"{url}/case/{silence}/report", {"text": "", "error": "gave up"})[0]

    (result,) = listened(drive, silence, limit=0.5).all
    assert (Outcome.HANG, Verdict.FAIL) == (result.outcome, result.verdict)


def test_what_is_no_report_is_refused_and_nothing_is_lost(listened, client):
    def drive(url):
        control, case = f"{url}/case/1", f"{url}/case/3"
        assert 400 == refusal(f"{case}/report", {"other": 1})[0]
        status, message = refusal(f"{control}/report", {"text": "", "error": "no"})
        assert 422 == status
        assert "without having asked" in message
        assert 413 == refusal(f"{case}/report", {"text": "x" * (4 << 20)})[0]
        assert 404 == refusal(f"{url}/case/99/v1/chat/completions", {})[0]
        assert 404 == refusal(f"{url}/")[0]
        fetch(f"{case}/report", client("careful").ask(f"{case}/v1", "mock"))

    made = listened(drive, "legal/plain/text/whole")
    assert [Verdict.PASS] == [result.verdict for result in made.all]


def test_a_report_of_what_was_not_asked_for_is_a_crash(listened):
    (result,) = listened(lambda url: fetch(f"{url}/case/3/report", {"text": ""}), CUT).all
    assert Outcome.CRASH is result.outcome


def test_a_campaign_in_which_nobody_asks_is_none(listened):
    assert listened(lambda _: None, CUT).interrupted


ELSEWHERE = "https://app.example"


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:1", "http://[::1]", ELSEWHERE])
def test_a_page_of_this_machine_or_one_that_is_named_may_use_it(origin, listened):
    def drive(url):
        headers, _ = fetch(
            f"{url}/case/3/v1/chat/completions",
            method="OPTIONS",
            Origin=origin,
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="authorization,content-type",
        )
        assert "authorization,content-type" == headers["access-control-allow-headers"]
        for path, value in (("/cases", None), ("/case/3/report", {"text": ""}), ("/case/3/v1/models", None)):
            headers, _ = fetch(f"{url}{path}", value, Origin=origin)
            assert origin == headers["access-control-allow-origin"], path

    listened(drive, CUT, origins=[ELSEWHERE])


@pytest.mark.parametrize(
    "origin", [ELSEWHERE, "null", "http://localhost.evil.example", "http://[", "http://127.0.0.1@x"]
)
def test_any_other_page_is_kept_out(origin, listened):
    def drive(url):
        for path in ("/case/3/report", "/done", "/case/3/v1/chat/completions"):
            status, message = refusal(f"{url}{path}", {"text": ""}, Origin=origin)
            assert 403 == status
            assert f"--origin {origin}" in message
        fetch(f"{url}/cases")  # it has not ended

    assert listened(drive, CUT).interrupted


def test_a_page_can_read_every_case_that_is_written_head_and_all_and_legal(listened):
    origin = "http://localhost"

    def drive(url):
        for case in fetch(f"{url}/cases")[1]["cases"][2:]:
            with connection(case["base_url"]) as plain:
                assert b"access-control" not in plain.recv(65536)
            headers, _ = read(case["base_url"], origin)
            assert origin == headers["access-control-allow-origin"], case["case"]

    def read(base_url, origin):
        with urlopen(Request(f"{base_url}/chat/completions", b"{}", {"Origin": origin}), timeout=TIMEOUT) as response:
            return response.headers, response.read()

    listened(drive, "legal/framing/*")
