"""The page at /, in a real browser."""

import json
import re
import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from mockserver import Mock, windows

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
STORY = "Write a story of ten thousand words"


@pytest.fixture
def page(open_page: Callable[[str], Any], streamspec_mock: Mock) -> Any:
    """The page."""
    return open_page(streamspec_mock.base_url.removesuffix("v1"))


def ask(mock: Mock, prompt: str) -> None:
    """A client that reads a stream to its end, and does not leave before the journal knows of that end."""
    body = {"model": "mock", "messages": [{"role": "user", "content": prompt}], "stream": True}
    client = HTTPConnection(mock.base_url.removeprefix("http://").removesuffix("/v1"))
    client.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    client.getresponse().read()
    while not mock.journal[-1].ended:
        time.sleep(0.002)
    client.close()


def begin(mock: Mock, prompt: str) -> socket.socket:
    """A client that has read the first bytes of a stream."""
    host, port = mock.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    client = socket.create_connection((host, int(port)))
    body = json.dumps({"model": "mock", "messages": [{"role": "user", "content": prompt}], "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    client.recv(100)
    return client


def states(page: Any) -> list[str]:
    return [item.text_content() for item in page.locator("li .state").all()]


def test_before_anything_was_asked_it_says_so(page: Any) -> None:
    api.expect(page.locator("#none")).to_be_visible()
    api.expect(page.locator("#state")).to_contain_text("no scenario · no fault")


def test_streams_show_past_and_live_the_newest_first(page: Any, streamspec_mock: Mock) -> None:
    ask(streamspec_mock, "Say hi")
    with begin(streamspec_mock, STORY):
        api.expect(page.locator("li .state.live")).to_have_text("live")
        assert ["live", "200"] == states(page)
        events = page.locator("li .figures").first
        before = events.text_content()
        api.expect(events).not_to_have_text(before)  # it grows while it is looked at
    api.expect(page.locator("li .state").first).to_have_text("left by rst")  # it had not read everything
    api.expect(page.locator("#none")).to_be_hidden()
    assert "200" == states(page)[1]


def test_a_timeline_has_a_tick_for_each_write(page: Any, streamspec_mock: Mock) -> None:
    ask(streamspec_mock, "Count from 1 to 10")
    path = page.locator("svg path.tick")
    api.expect(path).to_have_count(1)
    places = [float(x) for x in re.findall(r"M([\d.]+) ", path.get_attribute("d"))]
    (entry,) = streamspec_mock.journal
    assert entry.events == len(places) == len(entry.writes)
    assert places == sorted(places)
    assert 0 < places[0] < places[-1] <= 1000


def test_what_a_client_says_stays_text(page: Any, streamspec_mock: Mock) -> None:
    ask(streamspec_mock, HOSTILE)
    api.expect(page.locator("li .asked")).to_contain_text(HOSTILE)
    assert (0, 0, "streamspec mock") == (page.locator("img").count(), page.locator("li script").count(), page.title())


def test_what_is_opened_stays_open_while_the_stream_goes_on(page: Any, streamspec_mock: Mock) -> None:
    with begin(streamspec_mock, STORY):
        page.locator("li summary").click()
        before = page.locator("li .figures").text_content()
        api.expect(page.locator("li .figures")).not_to_have_text(before)
        api.expect(page.locator("li pre")).to_be_visible()
        api.expect(page.locator("li pre")).to_contain_text('"method": "POST"')


def test_a_fault_shows_as_soon_as_it_is_set(page: Any, streamspec_mock: Mock) -> None:
    streamspec_mock.fault("chat/termination/done-sent")
    api.expect(page.locator("#state")).to_contain_text("fault chat/termination/done-sent")


def test_the_list_follows_a_reset(page: Any, streamspec_mock: Mock) -> None:
    ask(streamspec_mock, "Say hi")
    api.expect(page.locator("li")).to_have_count(1)
    streamspec_mock.reset()
    api.expect(page.locator("li")).to_have_count(0)
    api.expect(page.locator("#none")).to_be_visible()


def test_it_loads_nothing_from_elsewhere_and_may_not() -> None:
    answer = windows.page()
    html = answer.acts[0].data.decode()
    assert [] == re.findall(r"(?:src|href)=\"(?!data:,)", html)
    assert [] == re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(| on[a-z]+=", html)
    policy = dict(answer.headers)["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
