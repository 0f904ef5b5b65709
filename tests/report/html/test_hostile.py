"""A target that attacks the reader of its report does no harm, and makes no file that is too large to open."""

import json
import re

from conformance.report import stored
from conformance.report.html.columns import columns_of
from conformance.report.html.page import render

from .conftest import as_stored, events_of, judged, timed

ATTACKS = (
    "</script><script>window.pwned=1</script>",
    "--><img src=x onerror=window.pwned=1>",
    "</template></style></title><svg onload=window.pwned=1>",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31;1m\x1b]0;title\x07\x9b2J",
    "\u202etxt.exe\u2066\u2069\u200f",
    "\u2028\u2029\ufeff\u00a0\u200b\U000e0041",
    "javascript:window.pwned=1",
)
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0041]")
LARGE = b"A" * 5_000_000


def hostile_stream():
    first, *_ = events_of("stream")
    words = json.dumps("".join(ATTACKS), ensure_ascii=False).encode()
    raw = "".join(ATTACKS).replace("\x1b", "").encode()
    huge = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"' + LARGE + words[1:-1] + b'"}}]}\n\n'
    pieces = [first, b": " + raw + b"\n\n", huge, b"data: " + raw + b"\xff\xfe\x1b\n\n", b"event: " + raw]
    return timed("stream", pieces, [0.1, 0.2, 0.3, 0.4, 0.5])


HOSTILE = hostile_stream()


def harmless(page):
    assert page.evaluate("window.pwned === undefined")
    assert 0 == page.locator("img, svg[onload], iframe").count()
    assert [] == HIDDEN.findall(page.evaluate("document.body.innerText"))


def test_a_stream_full_of_attacks_is_shown_and_does_nothing(open_text):
    text = render(columns_of([as_stored(judged([HOSTILE], "".join(ATTACKS)))], [[HOSTILE]]))
    assert len(text) < 600_000
    page = open_text(text)
    page.locator("#filters [name=verdict]").select_option("FAIL")
    page.evaluate(
        "document.querySelectorAll('#matrix tr:not([hidden]) > th .opener').forEach((button) => button.click())"
    )
    page.locator("tr.opened .wire").first.wait_for()
    while (folds := page.locator(".fold")).count():
        folds.first.click()
    harmless(page)
    shown = page.locator("tr.opened .body").first.inner_text()
    assert "</script><script>window.pwned=1</script>" in shown
    assert "\\u202etxt.exe" in shown
    assert "\\xff\\xfe" in shown
    assert "bytes left out" in shown


def test_every_text_of_a_stored_report_is_taken_for_hostile(open_text):
    evil = "".join(ATTACKS)
    finding = {"wanted": evil, "got": evil, "verdict": "FAIL", "probe": evil, "pointer": evil, "link": ATTACKS[-1]}
    told = {
        "level": "must", "authority": evil, "message": evil, "reason": evil, "findings": [finding | {"reason": evil}],
        "silent_failure": evil, "probes": [evil],
    }  # fmt: skip
    rules = [
        {"rule": f"{evil}/{number}", "verdict": verdict, "red": verdict != "TOLERATED", **told}
        for number, verdict in enumerate(("FAIL", "UNTESTABLE", "SUITE-ERROR", "TOLERATED"))
    ]
    target = dict.fromkeys(("target", "url", "model", "dialect", "started", "problem", "again"), evil)
    target |= {"rules": rules, "cancellation": {"class": evil}, "figures": {"gap": evil, "first_content": {"p50": 1}}}
    document = {"report": 1, "suite": evil, "targets": [target, target]}
    report = stored.of_document(document)
    page = open_text(render(columns_of([report], against=report), against=evil))
    page.locator("#filters [name=verdict]").select_option("")
    page.evaluate("document.querySelectorAll('.opener').forEach((button) => button.click())")
    page.locator("tr.opened .kind").first.wait_for()
    harmless(page)
    links = page.eval_on_selector_all("a", "links => links.map(link => link.getAttribute('href'))")
    assert [] == [link for link in links if not link.startswith(("#", "https://"))]


def test_the_names_of_members_that_javascript_has_of_its_own_are_names_like_others(open_text):
    exchange = timed("stream", events_of("stream")[:3], [0.1, 0.2, 0.3])
    names = ("__proto__", "constructor", "toString")
    report = as_stored(*(judged([exchange], name) for name in names))
    page = open_text(render(columns_of([report], [[exchange]] * len(names))))
    assert list(names) == page.locator("#matrix thead .column").all_inner_texts()
