"""For every test: hypothesis without a deadline, the same examples every time where CI is set, a Ctrl-C, and a browser.

A shell that runs things in the background has them ignore SIGINT, and what they start ignores it too; servers that
tests end by Ctrl-C would never end.
"""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium without a window: playwright's own or the one of the system; the test skips where there is none.

    One for each file: playwright keeps an event loop in the thread of the tests, so `asyncio.run` works there before
    and afterwards only (which is why pytest-playwright, whose browser lives as long as the session, will not do).
    """
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=system, args=["--no-sandbox"])
        except api.Error as error:
            if os.environ.get("STREAMSPEC_BROWSER_NEEDED"):
                raise
            pytest.skip(f"no chromium starts here: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[[str], Any]]:
    """Opens a page at an address, http or file. What it complains of, or loads from elsewhere, fails the test."""
    pages: list[Any] = []
    complaints: list[str] = []

    def open_page(url: str) -> Any:
        parts = urlsplit(url)
        home = f"{parts.scheme}://{parts.netloc}/" if parts.netloc else url.partition("#")[0]

        def asks(request: Any) -> None:
            if not request.url.startswith((home, "data:")):
                complaints.append(f"it loads {request.url}")

        page = browser.new_page(viewport={"width": 1100, "height": 700})
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", asks)
        page.goto(url)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert [] == complaints
