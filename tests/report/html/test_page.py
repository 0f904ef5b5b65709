"""The page in a browser: what a reader sees and does. That nothing is loaded or complained of, `open_page` asserts."""

import re
from dataclasses import replace

import pytest

from conformance.report.html.columns import columns_of
from conformance.report.html.page import render
from conformance.rules import ALL
from conformance.rules.chat.termination import left_out
from conformance.rules.mutate import Mutant

from .conftest import as_stored, events_of, judged, timed

TIMES = [0.05, 0.06, 0.07, 0.08, 0.5, 0.51, 0.52, 0.53, 0.54, 0.55, 0.56, 0.57, 0.58, 0.59, 0.6, 0.61, 0.62, 0.63]
LONG_GAP = 0.42


def mutant_of(rule_id: str) -> Mutant:
    return next(rule for rule in ALL if rule.id == rule_id).broken_by[0]


def answered(probe, mutant=None):
    pieces = events_of(probe, mutant)
    return timed(probe, pieces, TIMES[: len(pieces)])


IDS, ROLES = mutant_of("chat/identity/id-constant"), mutant_of("chat/role/sent-once")
BAD = [
    answered("stream", IDS),
    answered("usage-asked", IDS),
    answered("non-ascii", left_out),
    answered("stop-text", ROLES),
]
GOOD = [answered(probe) for probe in ("stream", "usage-asked", "non-ascii", "stop-text")]


def escaped(data: bytes) -> str:
    text = data.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(page):
    return page.eval_on_selector_all(
        "#matrix tbody tr[data-id]", "rows => rows.filter(row => row.checkVisibility()).map(row => row.dataset.id)"
    )


def choose(page, **chosen):
    for name, value in chosen.items():
        page.locator(f"#filters [name={name}]").select_option(value)
    return shown(page)


BAD_REPORT, GOOD_REPORT = judged(BAD), judged(GOOD)
BAD_PAGE = render(columns_of([as_stored(BAD_REPORT)], [BAD]))


@pytest.fixture
def bad(open_text):
    return open_text(BAD_PAGE)


def rules_of(*reports):
    return [rule for target in as_stored(*reports).targets for rule in target.rules]


def test_the_worst_finding_stands_at_the_top_opened_with_its_bytes_marked(bad):
    assert "rules that must hold are broken" in bad.locator("h1").inner_text()
    first = bad.locator(".worst > li").first
    assert "All chunks of a response have the same id." in first.locator("h3").inner_text()
    assert first.locator("mark").is_visible()
    top = first.bounding_box()
    assert top is not None
    assert top["y"] < 700


def test_must_comes_before_should_and_many_probes_before_few(bad):
    levels = bad.locator(".worst .tags .level").all_inner_texts()
    assert sorted(levels, key=["MUST", "SHOULD", "MAY"].index) == levels
    probes = [
        int(text.split()[0].lstrip("·").strip() or 0)
        for text in bad.locator(".worst .tags:has(.level) .where").all_inner_texts()
    ]
    assert probes == [*sorted(probes[: levels.count("MUST")], reverse=True), *probes[levels.count("MUST") :]]


def test_what_is_marked_is_what_the_span_says_for_every_place(bad):
    exchanges = {exchange.probe: exchange for exchange in BAD}
    rows, places = bad.locator("#matrix tbody tr[data-id]:visible .opener"), 0
    for number in range(rows.count()):
        rows.nth(number).click()
        for kind in bad.locator("tr.opened .kind").all():
            for more in kind.locator(".more-places").all():
                more.click()
            for place in kind.locator(".places button[data-span]").all():
                if place.get_attribute("aria-pressed") == "false":
                    place.click()
                start, end = map(int, place.get_attribute("data-span").split("-"))
                marks = kind.locator("mark")
                marks.first.wait_for()
                assert escaped(exchanges[place.get_attribute("data-probe")].body[start:end]) == "".join(
                    marks.all_text_contents()
                )
                places += 1
        rows.nth(number).click()
    assert places >= 4


def test_within_the_mark_the_value_that_the_pointer_names_stands_out(bad):
    inner = bad.locator(".worst > li").first.locator("mark .inner")
    assert re.fullmatch(r'"chatcmpl-[^"]*-1"', inner.inner_text())


def test_a_long_neighbour_does_not_push_what_is_marked_out_of_sight(show):
    first, *others = events_of("stream", left_out)
    long = timed("stream", [first, b": " + b"[" * 30_000 + b"\n\n", *others], [0.1] * (len(others) + 2))
    page = show((judged([long]), [long]))
    while (folds := page.locator(".worst .body .fold")).count():
        folds.first.click()
    event = page.locator(".worst .event", has_text="[[[[").first
    event.wait_for()
    assert event.bounding_box()["height"] < 200
    assert "[" * 30_000 in event.locator(".bytes").text_content()
    page.emulate_media(media="print")
    assert event.bounding_box()["height"] > 200


def test_what_is_told_of_a_target_is_told_apart(bad):
    parts = bad.locator(".target span").evaluate_all("spans => spans.map(span => [...span.previousSibling.data])")
    assert len(parts) >= 4
    assert all(before and not "".join(before).strip() for before in parts)


def test_everything_that_came_can_be_unfolded(bad):
    body = bad.locator(".worst .body").first
    assert len(BAD[0].events) > body.locator(".event").count()
    while (folds := body.locator(".fold")).count():
        folds.first.click()
    assert escaped(BAD[0].body) == "".join(body.locator(".bytes").all_text_contents())


def test_the_plot_is_drawn_and_its_times_are_told_in_words(bad):
    figure = bad.locator(".worst .wire").first
    words = figure.locator(".legend").inner_text()
    assert "head after 25 ms, first content after 60 ms (TTFT), longest gap 420 ms before event 5" in words
    assert words.split(",")[0] in figure.locator(".plot").get_attribute("aria-label")
    drawn = figure.locator("canvas").evaluate(
        "canvas => new Set(new Uint32Array(canvas.getContext('2d')"
        ".getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"
    )
    assert drawn > 10


def test_rules_in_trouble_are_shown_first_and_all_of_them_on_demand(bad):
    rules = rules_of(BAD_REPORT)
    assert [rule.rule for rule in rules if rule.trouble] == shown(bad)
    assert [rule.rule for rule in rules] == choose(bad, verdict="")
    assert f"{len(rules)} of {len(rules)} rules" == bad.locator("#shown").inner_text()


@pytest.mark.parametrize(
    ("name", "value", "keeps"),
    [
        ("level", "should", lambda rule: rule.level == "should"),
        ("authority", "http", lambda rule: rule.authority == "http"),
        ("feature", "chat/usage", lambda rule: rule.feature == "chat/usage"),
        ("verdict", "PASS", lambda rule: rule.verdict.value == "PASS"),
        ("verdict", "FAIL", lambda rule: rule.verdict.value == "FAIL"),
        ("verdict", "NOT-APPLICABLE", lambda rule: rule.verdict.value == "NOT-APPLICABLE"),
    ],
)
def test_a_filter_keeps_what_it_says(bad, name, value, keeps):
    choose(bad, verdict="")
    expected = [rule.rule for rule in rules_of(BAD_REPORT) if keeps(rule)]
    assert expected
    assert expected == choose(bad, **{name: value})


def test_text_is_searched_in_statements_and_findings_and_goes_with_the_other_filters(bad):
    search = bad.locator("#filters [name=text]")
    search.fill("values in all")
    assert ["chat/identity/id-constant"] == shown(bad)
    search.fill("SAME id of")
    assert ["chat/identity/id-constant"] == shown(bad)
    search.fill("no such words")
    assert [] == shown(bad)
    assert bad.locator("#nothing").is_visible()
    bad.get_by_text("Clear").click()
    bad.locator("#nothing").wait_for(state="hidden")
    assert [rule.rule for rule in rules_of(BAD_REPORT) if rule.trouble] == shown(bad)


def test_all_of_it_works_by_keyboard(bad):
    focused = "document.activeElement.closest('tr')?.dataset.id"
    rows = shown(bad)
    bad.keyboard.press("j")
    assert rows[0] == bad.evaluate(focused)
    bad.keyboard.press("ArrowDown")
    assert rows[1] == bad.evaluate(focused)
    bad.keyboard.press("k")
    assert rows[0] == bad.evaluate(focused)
    assert "none" != bad.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    bad.keyboard.press("Enter")
    assert "true" == bad.evaluate("document.activeElement.getAttribute('aria-expanded')")
    bad.locator("tr.opened .wire").first.wait_for()
    bad.keyboard.press("Tab")
    bad.keyboard.press("Escape")
    assert (rows[0], 0) == (bad.evaluate(focused), bad.locator("tr.opened").count())
    bad.keyboard.press("/")
    bad.keyboard.type("done-sent")
    assert ["chat/termination/done-sent"] == shown(bad)
    bad.keyboard.press("Enter")
    assert "chat/termination/done-sent" == bad.evaluate(focused)
    bad.keyboard.press("/")
    bad.keyboard.press("Escape")
    assert rows == shown(bad)


def test_a_link_to_a_rule_opens_it_also_where_the_filters_hide_it(show):
    page = show((GOOD_REPORT, GOOD), fragment="#chat/termination/done-sent")
    page.locator("tr.opened").wait_for()
    assert "A stream that completes ends with data: [DONE]." in page.locator("tr.opened .says").inner_text()
    assert page.locator("tr[data-id='chat/termination/done-sent']").is_visible()


def test_it_is_light_or_dark_as_the_system_is_and_the_button_says_otherwise(bad):
    paper = "getComputedStyle(document.body).backgroundColor"
    light = bad.evaluate(paper)
    bad.emulate_media(color_scheme="dark")
    dark = bad.evaluate(paper)
    assert light != dark
    bad.locator("#theme").click()
    assert light == bad.evaluate(paper)
    bad.reload()
    assert light == bad.evaluate(paper)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(bad, scheme):
    bad.emulate_media(color_scheme=scheme)
    bad.locator("canvas").first.wait_for(state="attached")
    poor = bad.evaluate(CONTRAST)
    assert [] == poor


CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (value) => (value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4);
  const light = (rgb) => [.2126, .7152, .0722].reduce((sum, weight, i) => sum + weight * linear(rgb[i] / 255), 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(node).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  for (const node of document.querySelectorAll("main *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || getComputedStyle(node).fontSize === "0px") continue;
    const both = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((a, b) => b - a);
    const contrast = (both[0] + .05) / (both[1] + .05);
    if (contrast < 4.5) poor.add(`${node.tagName}.${node.className} ${contrast.toFixed(2)}`);
  }
  return [...poor];
}"""


def test_it_fits_a_phone(bad):
    bad.set_viewport_size({"width": 360, "height": 740})
    assert bad.evaluate("document.documentElement.scrollWidth") <= 360


def test_paper_has_the_details_and_no_buttons(bad):
    bad.emulate_media(media="print")
    bad.evaluate("dispatchEvent(new Event('beforeprint'))")
    bad.locator("tr.opened mark").first.wait_for()
    assert len(shown(bad)) == bad.locator("tr.opened").count()
    assert not bad.locator("#filters").is_visible()
    assert "static" == bad.evaluate("getComputedStyle(document.querySelector('#matrix thead th')).position")
    bad.evaluate("dispatchEvent(new Event('afterprint'))")
    assert 0 == bad.locator("tr.opened").count()


def test_two_targets_stand_beside_each_other_and_share_a_plot(show):
    page = show((judged(BAD, "bad"), BAD), (judged(GOOD, "good"), GOOD))
    row = page.locator("tr[data-id='chat/identity/id-constant']")
    assert ["FAIL", "PASS"] == row.locator("td").all_inner_texts()
    row.locator(".opener").click()
    opened = page.locator("tr.opened")
    assert "It holds on good." == opened.locator(".held").inner_text()
    assert "events over time:badgood" in opened.locator(".legend").inner_text().replace("\n", "")
    assert "on bad" in page.locator(".worst > li").first.locator(".where").inner_text()


def test_what_is_new_fixed_and_still_there_is_shown_and_can_be_filtered(show):
    before = judged([answered("stream", ROLES), *GOOD[1:]])
    page = show((BAD_REPORT, BAD), before=[before])
    assert "FAIL new" == page.locator("tr[data-id='chat/identity/id-constant'] td").inner_text()
    assert "chat/identity/id-constant" in choose(page, change="new")
    assert ["chat/role/sent-once"] == [rule for rule in choose(page, change="still") if "role" in rule]
    page.locator("tr[data-id='chat/role/sent-once'] .opener").click()
    assert "still: was WARN" == page.locator("tr.opened .change").inner_text()
    again = show((GOOD_REPORT, GOOD), before=[BAD_REPORT])
    assert "chat/identity/id-constant" in choose(again, change="fixed")


def test_without_recordings_it_says_where_the_wire_would_come_from(show):
    page = show((BAD_REPORT, ()))
    page.locator(".worst .shown p").first.wait_for()
    assert "give --recordings" in page.locator(".worst .shown").first.inner_text()


def test_a_target_with_nothing_red_says_so(show):
    page = show((GOOD_REPORT, GOOD))
    assert "Nothing is red" == page.locator("h1").inner_text()


def test_a_target_that_refuses_everything_is_one_trouble(show):
    page = show((judged([]), ()))
    assert page.locator(".worst > li").count() <= 3


def test_what_does_not_count_is_said_beside_its_verdict_and_comes_after_what_does(open_text):
    report = as_stored(BAD_REPORT)
    (target,) = report.targets
    ways = {"chat/identity/id-constant": "known", "chat/termination/done-sent": "candidate"}
    rules = tuple(
        replace(rule, red=False, **{ways[rule.rule]: True}) if rule.rule in ways else rule for rule in target.rules
    )
    page = open_text(render(columns_of([replace(report, targets=(replace(target, rules=rules),))], [BAD])))
    for rule_id, way in ways.items():
        assert f"FAIL {way}" == page.locator(f"tr[data-id='{rule_id}'] td").inner_text()
    assert "1 known failure1 candidate that is not scored" in page.locator(".headline .more").inner_text()
    order = page.locator(".worst .id").all_inner_texts()
    assert {"chat/identity/id-constant", "chat/termination/done-sent"} == set(order[-2:])


def test_a_run_that_is_red_for_known_failures_that_name_nothing_says_so(open_text):
    report = as_stored(GOOD_REPORT)
    target = replace(report.targets[0], red=True, unmatched=("chat/x/y",))
    page = open_text(render(columns_of([replace(report, targets=(target,))])))
    assert "The run is red for another reason than its rules" == page.locator("h1").inner_text()
    assert "chat/x/y" in page.locator(".headline .more").inner_text()
