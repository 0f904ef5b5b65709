"""The site shows what was verified, and nothing of what does not hold."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.certificate import storing
from conformance.certificate.keys import public_pem
from conformance.certificate.making import make
from conformance.cli import main
from tests.certificate.making import DONE, choice, made, run, signer

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def site(*arguments: object):
    return CliRunner().invoke(main, ["site", *map(str, arguments), "-n", "1"])


@cache
def hostile():
    recordings, report, facts = run("chat/role/sent-once")
    asked = b'"model": ' + json.dumps(HOSTILE).encode()
    recordings = {name: content.replace(b'"model": "mock"', asked) for name, content in recordings.items()}
    notes = {"version": HOSTILE, HOSTILE: HOSTILE}
    facts = replace(facts, target=HOSTILE, model=HOSTILE, notes=notes, dialect_reason=HOSTILE)
    return make(facts, recordings, choice=choice(), live=report.verdicts, signer=signer("ours"))


@pytest.fixture(scope="module", autouse=True)
def certified() -> dict[str, Mapping[str, bytes]]:
    """Bundles by name. Made before there is a browser, in whose thread `asyncio.run` does not work."""
    return {
        "good.zip": made().files,
        "bad": made(DONE).files,
        "known.zip": made(DONE, known="fixed in the next release").files,
        "unsigned.zip": made("sse/events/ended", signed=False).files,
    }


@pytest.fixture
def bundles(tmp_path, certified) -> Path:
    folder = tmp_path / "bundles"
    for name, files in certified.items():
        storing.write(folder / name, files)
    return folder


def pages(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text("utf-8") for file in folder.rglob("*.html")}


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.found += [value for name, value in attrs if name in ("href", "src", "action")]


def test_every_bundle_has_its_row_and_its_page(tmp_path, bundles):
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "the team.pub").write_bytes(public_pem(signer("ours")))
    result = site(bundles, "--keys", keys, "--out", tmp_path / "site")
    assert 0 == result.exit_code, result.output
    assert "4 bundles, 0 refused" in " ".join(result.stdout.split())
    index = pages(tmp_path / "site")["index.html"]
    assert 3 == index.count("signed by the team")
    assert 1 == index.count("not signed,")
    assert 4 == index.count("judged again<")
    data = json.loads((tmp_path / "site" / "site.json").read_text())
    groups = {each["level"]: each["groups"]["chat/termination"] for each in data["bundles"] if each["signer"]}
    assert {"certified": "good", "not certified": "broken", "certified with known failures": "known"} == groups
    for each in data["bundles"]:
        folder = tmp_path / "site" / "bundles" / each["slug"]
        assert {"index.html", "certificate.html", "report.json", "bundle.zip"} == {f.name for f in folder.iterdir()}
        found = CliRunner().invoke(main, ["verify", str(folder / "bundle.zip")])
        assert (1 if each["level"] == "not certified" else 0) == found.exit_code


def test_what_does_not_hold_is_refused_and_named(tmp_path, bundles):
    data = bytearray((bundles / "good.zip").read_bytes())
    data[5000] ^= 1
    (bundles / "good.zip").write_bytes(data)
    (bundles / "none.zip").write_text("no archive")
    result = site(bundles, "--out", tmp_path / "site")
    assert 1 == result.exit_code
    index = pages(tmp_path / "site")["index.html"]
    assert "<h2>Refused</h2>" in index
    assert "good.zip" in index
    assert "none.zip" in index
    assert 3 == len(json.loads((tmp_path / "site" / "site.json").read_text())["bundles"])


def test_a_page_says_what_is_broken_with_what_was_wanted_and_got(tmp_path, bundles):
    assert 0 == site(bundles / "bad", "--out", tmp_path / "site").exit_code
    (page,) = [text for name, text in pages(tmp_path / "site").items() if name.endswith("index.html") and "/" in name]
    for said in (DONE, "[DONE] as the last message", "wanted", "probe", "not certified"):
        assert said in page


def test_light_is_told_on_every_row(tmp_path, bundles):
    assert 0 == site(bundles, "--light", "--without-bundles", "--out", tmp_path / "site").exit_code
    assert 4 == pages(tmp_path / "site")["index.html"].count("not judged again<")
    assert [] == list((tmp_path / "site").rglob("bundle.zip"))


def test_nothing_of_a_hostile_bundle_acts_and_nothing_comes_from_elsewhere(tmp_path):
    storing.write(tmp_path / "hostile.zip", hostile().files)
    assert 0 == site(tmp_path / "hostile.zip", "--out", tmp_path / "site").exit_code
    for name, text in pages(tmp_path / "site").items():
        links = Links()
        links.feed(text)
        assert "script" not in links.tags, name
        assert not {"\x1b", "\u202e"} & set(text), name
        for link in links.found:
            target = (tmp_path / "site" / name).parent / link
            assert target.resolve().is_relative_to((tmp_path / "site").resolve()), (name, link)
            assert target.exists(), (name, link)


def test_an_earlier_site_is_replaced_and_nothing_else(tmp_path, bundles):
    out = tmp_path / "site"
    assert 0 == site(bundles, "--out", out).exit_code
    (out / "old.html").write_text("old")
    assert 0 == site(bundles / "good.zip", "--out", out).exit_code
    assert not (out / "old.html").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    result = site(bundles, "--out", other)
    assert 2 == result.exit_code
    assert "holds something that is no site of ours" in " ".join(result.stderr.split())
    assert ["thesis.txt"] == [file.name for file in other.iterdir()]


def test_no_bundle_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    result = site(tmp_path / "empty", "--out", tmp_path / "site")
    assert 2 == result.exit_code
    assert "no bundle is in this folder" in result.stderr
    assert not (tmp_path / "site").exists()


def test_a_path_that_does_not_exist_is_a_mistake_and_makes_no_site(tmp_path, bundles):
    result = site(bundles, tmp_path / "mistyped", "--out", tmp_path / "site")
    assert 2 == result.exit_code
    assert "mistyped" in result.stderr
    assert not (tmp_path / "site").exists()


def test_at_the_terminal_few_reasons_are_told_and_on_the_page_all(tmp_path):
    files = dict(made().files)
    changed = [name for name in files if name.startswith("recordings/")][:6]
    storing.write(tmp_path / "changed", files | {name: files[name] + b"\n" for name in changed})
    result = site(tmp_path / "changed", "--out", tmp_path / "site")
    assert 1 == result.exit_code
    assert "and 3 more" in " ".join(result.stderr.split())
    assert all(f"recording, {name}: changed" in pages(tmp_path / "site")["index.html"] for name in changed)


def test_processes_side_by_side_come_to_the_same(tmp_path, bundles):
    assert 0 == site(bundles, "--out", tmp_path / "one").exit_code
    result = CliRunner().invoke(main, ["site", str(bundles), "--out", str(tmp_path / "two"), "-n", "2"])
    assert 0 == result.exit_code, result.output
    assert (tmp_path / "one" / "site.json").read_bytes() == (tmp_path / "two" / "site.json").read_bytes()


def test_the_site_is_looked_at_in_a_browser(tmp_path, bundles, open_page):
    (bundles / f"{'long-' * 20}name.zip").write_bytes(b"PK")
    assert 1 == site(bundles, "--out", tmp_path / "site").exit_code
    page = open_page((tmp_path / "site" / "index.html").as_uri())
    assert 4 == page.locator("table.matrix tbody tr").count()
    assert "none" == page.evaluate("getComputedStyle(document.querySelector('.turned a')).textDecorationLine")
    broken = page.locator("td.broken").first
    assert "broken" in broken.get_attribute("title")
    page.emulate_media(color_scheme="dark")
    assert "rgb(15, 19, 24)" == page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="light")
    assert "rgb(255, 255, 255)" == page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= 400")
    assert 300 < page.locator("table.stacked td").first.bounding_box()["width"]
    assert 200 > page.locator("table.matrix th[scope=row]").first.bounding_box()["width"]
