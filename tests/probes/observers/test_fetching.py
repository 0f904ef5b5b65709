"""Documents of a server, fetched: hostile answers cost neither time nor memory, and the key goes to nobody else."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from conformance.probes.observers.fetching import PATIENCE, Page, beside, fetch
from conformance.probes.observers.journal import Journal
from conformance.probes.observers.prometheus import prometheus
from conformance.probes.observers.slots import slots
from conformance.simulation import simulate

URL = "http://in-memory:8000/page"


def fetched(kit: Any, answer: bytes, size: int = 100_000) -> tuple[Page, float]:
    async def main() -> tuple[Page, float]:
        fake = kit.Fake({"/page": lambda _: answer})
        page = await fetch(kit.bench_of(fake).stage, URL, size)
        return page, asyncio.get_running_loop().time()

    return simulate(main())


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("http://h:1/v1", "http://h:1/metrics"),
        ("http://h/v1/", "http://h/metrics"),
        ("https://h/vllm/v1", "https://h/vllm/metrics"),
        ("http://h/api", "http://h/api/metrics"),
        ("http://[::1]:8/v1?a=b", "http://[::1]:8/metrics"),
    ],
)
def test_documents_lie_beside_v1(url: str, there: str) -> None:
    assert there == beside(url, "/metrics")


def test_a_document_is_fetched(kit: Any) -> None:
    assert Page(URL, "text é") == fetched(kit, kit.ok("text é"))[0]


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "has status 404"),
        (b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", "has status 302"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", f"did not end within {PATIENCE:g} s"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + b"x" * 200_000, "is too long"),
        (b"nonsense\r\n\r\n", "gave no answer"),
        (b"", f"gave no answer within {PATIENCE:g} s"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(kit: Any, answer: bytes, trouble: str) -> None:
    page, took = fetched(kit, answer)
    assert Page(URL, trouble=f"{URL} {trouble}") == page
    assert took <= PATIENCE + 1


def test_a_page_that_never_ends_is_given_up(kit: Any) -> None:
    page, took = fetched(kit, kit.ENDLESS)
    assert "is too long" in page.trouble
    assert took < PATIENCE


def test_nobody_there_is_no_exception(kit: Any) -> None:
    async def main() -> Page:
        return await fetch(kit.bench_of(kit.Fake(up=False)).stage, URL)

    assert f"{URL}: in-memory:8000 refuses connections" == simulate(main()).trouble


@pytest.mark.parametrize(
    "url", ["http://h:99999/metrics", "http://user:pass@h/metrics", "http://h\n/metrics", "ftp://h/"]
)
def test_a_url_that_cannot_be_is_no_exception(kit: Any, url: str) -> None:
    async def main() -> Page:
        return await fetch(kit.bench_of(kit.Fake()).stage, url)

    assert simulate(main()).trouble


@pytest.mark.parametrize(
    ("url", "sent"),
    [("http://in-memory:8000/page", True), ("http://in-memory:9000/page", False), ("http://elsewhere/page", False)],
)
def test_the_key_is_sent_to_the_endpoint_alone(kit: Any, url: str, sent: bool) -> None:
    async def main() -> str:
        fake = kit.Fake({"/page": lambda _: kit.ok("")})
        await fetch(kit.bench_of(fake).stage, url)
        return str(fake.asked[0][1])

    assert sent == ("secret-key-of-ours" in simulate(main()))


MAKERS: list[Callable[[Any], Any]] = [
    lambda bench: prometheus(bench.stage, bench.sleep),
    lambda bench: slots(bench.stage, bench.sleep),
    lambda bench: Journal(stage=bench.stage, sleep=bench.sleep),
]
DEEP = "[" * 50_000


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "text",
    [
        "<html><body>vllm:num_requests_running 1</body></html>",
        "vllm:num_requests_running NaN\n",
        "vllm:num_requests_running -3\n",
        "vllm:num_requests_running\n",
        "null",
        "[]",
        "{}",
        "[1, 2]",
        '[{"is_processing": "yes"}]',
        '[{"id": 0}]',
        '{"server": "streamspec mock", "requests": 3}',
        '{"requests": [], "now": 1.0}',
        '{"error": {"code": 501, "message": "This server does not support slots endpoint."}}',
        DEEP,
        "",
    ],
)
def test_a_page_that_says_nothing_is_named_as_such(kit: Any, make: Callable[[Any], Any], text: str) -> None:
    async def main() -> tuple[str, bool]:
        page = lambda _: kit.ok(text)  # noqa: E731
        fake = kit.Fake({"/metrics": page, "/slots": page, "/journal": page})
        observer = make(kit.bench_of(fake))
        return await observer.rest(), await observer.sees()

    trouble, seen = simulate(main())
    assert trouble.startswith("http://in-memory:8000/")
    assert not seen


@pytest.mark.parametrize("make", MAKERS)
def test_pages_that_turn_bad_while_watched_give_no_verdict(kit: Any, make: Callable[[Any], Any]) -> None:
    async def main() -> Any:
        fake = kit.Fake()
        observer = make(kit.bench_of(fake))
        world = kit.World()
        return await observer.watch(await kit.leave(world, mark="m"))

    watch = simulate(main())
    assert watch.stopped is None
    assert "has status 404" in watch.how


SLOTS = [
    ('[{"id": 0, "is_processing": true, "next_token": [{"n_decoded": 7}]}]', 1.0, 7.0),
    ('[{"id": 0, "is_processing": true, "next_token": {"n_decoded": 7}}]', 1.0, 7.0),
    ('[{"id": 0, "state": 1, "n_decoded": 7}, {"id": 1, "state": 0, "n_decoded": 0}]', 1.0, 7.0),
    ('[{"id": 0, "is_processing": false}, {"id": 1, "is_processing": true}]', 1.0, None),
    ('[{"id": 0, "is_processing": true, "next_token": [{"n_decoded": -1}]}]', 1.0, None),
    ('[{"id": 0, "is_processing": true, "next_token": [null, {"n_decoded": 1e400}]}]', 1.0, None),
]


@pytest.mark.parametrize(("text", "running", "produced"), SLOTS)
def test_slots_of_every_version_are_read(kit: Any, text: str, running: float, produced: float | None) -> None:
    async def main() -> Any:
        bench = kit.bench_of(kit.Fake({"/slots": lambda _: kit.ok(text)}))
        return await slots(bench.stage, bench.sleep).read()

    reading = simulate(main())
    assert (running, produced) == (reading.running, reading.produced)
