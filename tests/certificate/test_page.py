"""The page of a certificate in a browser: it can be read on a phone, and nothing in it acts."""

from collections.abc import Mapping

import pytest

from conformance.certificate.parts import PAGE

from .making import DONE, made


@pytest.fixture(scope="module", autouse=True)
def files() -> Mapping[str, bytes]:
    """A bundle. Made before there is a browser, in whose thread `asyncio.run` does not work."""
    return made(DONE).files


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_at_any_width_its_columns_are_wide_enough_to_be_read(tmp_path, files, open_page, width):
    (tmp_path / PAGE).write_bytes(files[PAGE])
    page = open_page((tmp_path / PAGE).as_uri())
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    widths = page.locator("td:not(.verdict)").evaluate_all("cells => cells.map(cell => cell.clientWidth)")
    assert 240 < min(widths)
    assert DONE in page.locator("main, body").first.inner_text()


def test_a_script_in_it_would_not_run(tmp_path, files, browser):
    (tmp_path / PAGE).write_bytes(files[PAGE].replace(b"</body>", b"<script>document.title = 'acted'</script></body>"))
    page = browser.new_page()
    page.goto((tmp_path / PAGE).as_uri())
    assert "acted" != page.title()
    page.close()
