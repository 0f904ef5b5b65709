// What is told of a rule once it is opened: each target, each finding, each place with its bytes. Filters nothing.

const OTHERS = 4; // further targets in one plot
const PLACES = 4; // of findings that are alike, shown at once

/** A copy of a template's only element. */
function copyOf(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

function say(parent, selector, ...children) {
  parent.querySelector(selector).append(...children);
}

function verdictOf(into, verdict, note) {
  into.classList.add(verdict.toLowerCase());
  into.textContent = note ? `${verdict} · ${note}` : verdict;
}

/** The detail of a rule, as an element. `told` is what the page holds, `wires` a promise for each column. */
function detailOf(number, told, wires) {
  const rule = told.rules[number], cells = told.cells[number];
  const made = copyOf("detail-template");
  made.setAttribute("aria-label", rule.id);
  say(made, ".level", rule.level.toUpperCase());
  say(made, ".authority", rule.authority);
  const link = made.querySelector(".permalink");
  link.href = `#${encodeURI(rule.id)}`;
  link.append(rule.id);
  say(made, ".says", rule.says);
  const order = ["SUITE-ERROR", "FAIL", "UNTESTABLE", "WARN", "TOLERATED", "PASS", "NOT-APPLICABLE"];
  const shown = Object.keys(cells).map(Number).sort((one, other) =>
    Number(Boolean(cells[other].red)) - Number(Boolean(cells[one].red)) ||
    order.indexOf(cells[one].verdict) - order.indexOf(cells[other].verdict) || one - other);
  let opened = false;
  for (const column of shown) {
    made.querySelector(".columns").append(columnOf(cells[column], column, told, wires, !opened));
    opened ||= Boolean(cells[column].found);
  }
  const held = told.columns.filter((_, column) => !(column in cells)).map((column) => column.name);
  if (held.length) say(made, ".held", `It holds on ${held.slice(0, 30).join(", ")}${held.length > 30 ? " …" : ""}.`);
  sources(made.querySelector(".sources"), rule.sources);
  again(made.querySelector(".again"), rule.id, told.columns, shown);
  return made;
}

function sources(into, named) {
  for (const [text, url] of named)
    into.append(url ? element("a", { href: url, rel: "noopener noreferrer" }, text) : element("span", {}, text));
  if (!named.length) into.append("a rule that this version of streamspec does not have");
}

function again(into, id, columns, shown) {
  const commands = shown.map((column) => columns[column].again).filter(Boolean);
  for (const command of [...new Set(commands)].slice(0, 4)) into.append(element("code", {}, `${command} --only ${id}`), element("br"));
  into.append(element("code", {}, `streamspec explain ${id}`));
}

/** What is said of the rule on one target. */
function columnOf(cell, column, told, wires, open) {
  const made = copyOf("column-template");
  const note = cell.standing || (cell.red && cell.verdict === "PASS" ? "listed as a known failure" : "");
  verdictOf(made.querySelector(".verdict"), cell.verdict, note);
  say(made, ".name", told.columns[column].name);
  if (told.columns.length === 1 && !note && !cell.change) made.querySelector("h4").remove();
  if (cell.change) {
    const change = made.querySelector(".change");
    change.classList.add(cell.change);
    change.append(cell.before ? `${cell.change}: was ${cell.before}` : cell.change);
  }
  say(made, ".reason", cell.reason || "");
  const kinds = made.querySelector(".kinds");
  (cell.found || []).forEach((kind, index) => kinds.append(kindOf(kind, column, told, wires, open && index === 0)));
  if (cell.more) kinds.append(element("p", { class: "muted" }, `and ${cell.more} more kinds of findings; the JSON report has them all`));
  return made;
}

/** Findings that are alike, with their places. */
function kindOf(kind, column, told, wires, open) {
  const made = copyOf("kind-template");
  say(made, ".wanted", kind.wanted || "");
  say(made, ".got", kind.got || "");
  if (kind.verdict === "TOLERATED") {
    say(made, ".tolerated", `tolerated: ${kind.reason || ""} `);
    if (kind.link) say(made, ".tolerated", element("a", { href: kind.link, rel: "noopener noreferrer" }, kind.link));
  }
  const places = made.querySelector(".places"), into = made.querySelector(".shown");
  const buttons = kind.places.map(([probe, event, events, start, end, pointer, wanted = kind.wanted, got = kind.got]) => {
    const place = { probe, event, span: start === null ? null : [start, end], pointer };
    const button = element("button", { type: "button", "aria-pressed": "false" }, element("b", {}, probe || "the exchange"));
    if (event) button.append(` event ${event}${events ? ` of ${events}` : ""}`);
    if (place.span) button.dataset.span = `${start}-${end}`;
    button.dataset.probe = probe;
    button.addEventListener("click", () => {
      const again = button.getAttribute("aria-pressed") === "true";
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button && !again));
      into.textContent = "";
      made.querySelector(".wanted").textContent = again ? kind.wanted : wanted;
      made.querySelector(".got").textContent = again ? kind.got : got;
      if (!again) return showPlace(into, place, column, told, wires);
    });
    return button;
  });
  const unlisted = kind.more ? [element("span", { class: "muted" }, `and ${kind.more} more places in the JSON report`)] : [];
  places.append(...buttons.slice(0, PLACES));
  if (buttons.length > PLACES) {
    const more = element("button", { type: "button", class: "more-places" }, `${buttons.length - PLACES + (kind.more || 0)} more places`);
    more.addEventListener("click", () => (more.replaceWith(...buttons.slice(PLACES), ...unlisted), buttons[PLACES].focus()));
    places.append(more);
  } else places.append(...unlisted);
  if (open) buttons[0]?.click();
  return made;
}

/** The wire of a place, once it is unpacked. */
async function showPlace(into, place, column, told, wires) {
  const all = await wires();
  const wire = all[column]?.[place.probe];
  if (!wire) {
    into.append(element("p", { class: "muted" }, "No recording of this exchange is at hand; run with --html or --record, or give --recordings."));
    return;
  }
  const made = copyOf("wire-template");
  into.replaceChildren(made);
  const others = all.flatMap((wiresOf, other) =>
    other !== column && wiresOf[place.probe]?.arrivals?.length > 1 ? [{ name: told.columns[other].name, wire: wiresOf[place.probe] }] : []);
  showPlot(made.querySelector(".plot"), made.querySelector(".legend"),
    [{ name: told.columns[column].name, wire }, ...others.slice(0, OTHERS)]);
  if (!wire.asked) {
    made.querySelector("figcaption").textContent = "There was no room in this file for the bytes of this exchange; streamspec report renders fewer targets with more of them.";
    return;
  }
  made.querySelector(".asked").append(...visible(wire.asked.line), element("br"), ...visible(wire.asked.body || ""));
  made.querySelector(".answered").append(...(wire.head || ["no response head"]).flatMap((line) => [...visible(line), element("br")]));
  showBody(wire, place, made.querySelector(".body"));
  const caption = made.querySelector("figcaption");
  caption.append(captionOf(wire, place));
  if (wire.beside && all[column][wire.beside]) {
    const button = element("button", { type: "button" }, `beside it: ${wire.beside}`);
    button.addEventListener("click", () => showPlace(into, { probe: wire.beside, event: null, span: null, pointer: "" }, column, told, wires));
    caption.append(" ", button);
  }
}
