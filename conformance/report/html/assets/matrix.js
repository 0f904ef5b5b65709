// The table of rules: which rows fit the filters, which is the current one, which are open. Knows no finding.

const TROUBLE = ["FAIL", "WARN", "UNTESTABLE", "SUITE-ERROR"];

/** Whether a row fits what is chosen; `words` have to stand in `text`, what is known of the rule. */
function fits(row, chosen, words, text) {
  const { level, authority, feature, verdict, change } = chosen;
  const data = row.dataset, verdicts = data.verdicts.split(" ");
  if (level && data.level !== level) return false;
  if (authority && data.authority !== authority) return false;
  if (feature && data.feature !== feature) return false;
  if (change && !data.changes.split(" ").includes(change)) return false;
  if (verdict === "trouble" && !change && !("stale" in data) && !TROUBLE.some((name) => verdicts.includes(name))) return false;
  if (verdict && verdict !== "trouble" && !verdicts.includes(verdict)) return false;
  return words.every((word) => text.includes(word));
}

/** What the search looks at: id, statement, and everything that was found. */
function textOf(row, told) {
  const number = Number(row.dataset.rule), rule = told.rules[number];
  const found = Object.values(told.cells[number]).flatMap((cell) =>
    [cell.reason, cell.ignored, ...(cell.found || []).flatMap((kind) => [kind.wanted, kind.got, ...kind.places.map((place) => place[0])])]);
  return [rule.id, rule.says, ...found].join("\n").toLowerCase();
}

/** The table, with what can be done to it. `opened` makes the detail of a rule. */
function matrixOf(table, told, opened) {
  const rows = [...table.tBodies[0].rows];
  const texts = new Map();
  let current = null;

  const visibleRows = () => rows.filter((row) => !row.hidden);
  const opener = (row) => row.querySelector(".opener");

  function choose(row, focus = true) {
    current?.classList.remove("current");
    current = row;
    row.classList.add("current");
    if (focus) opener(row).focus();
    row.scrollIntoView({ block: "nearest" });
  }

  function close(row) {
    if (row.nextElementSibling?.classList.contains("opened")) row.nextElementSibling.remove();
    opener(row).setAttribute("aria-expanded", "false");
  }

  function open(row) {
    if (opener(row).getAttribute("aria-expanded") === "true") return;
    const cell = element("td", { colspan: row.cells.length });
    row.after(element("tr", { class: "opened" }, cell));
    cell.append(opened(Number(row.dataset.rule)));
    opener(row).setAttribute("aria-expanded", "true");
  }

  function filter(chosen) {
    const words = chosen.text.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      if (words.length && !texts.has(row)) texts.set(row, textOf(row, told));
      row.hidden = !fits(row, chosen, words, texts.get(row) || "");
      if (row.hidden) close(row);
      count += Number(!row.hidden);
    }
    return count;
  }

  function move(by) {
    const shown = visibleRows();
    if (!shown.length) return;
    const at = current && !current.hidden ? shown.indexOf(current) : by > 0 ? -1 : shown.length;
    choose(shown[Math.max(0, Math.min(shown.length - 1, at + by))]);
  }

  for (const row of rows) {
    opener(row).addEventListener("click", () => {
      choose(row);
      if (opener(row).getAttribute("aria-expanded") === "true") close(row);
      else open(row);
    });
  }
  return {
    rows, filter, move, open, close, choose, visibleRows,
    get current() { return current; },
    byId: (id) => rows.find((row) => row.dataset.id === id),
  };
}
