// An exchange as it came: the request, the head, and the body event by event, with some bytes marked. Knows no rule.

const AROUND = 2; // events that are shown on both sides of what is marked
const ENDINGS = {
  eof: "the response ended", reset: "the connection was torn down", timeout: "our time was over",
  left: "we left on purpose", cut: "we stopped reading at the limit",
};
const ENCODER = new TextEncoder();

/** The kept bytes of a body, as pieces with their offsets. */
function piecesOf(wire) {
  wire.bytes ??= (wire.pieces || []).map(([start, text, base64]) => {
    const bytes = base64 ? Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)) : ENCODER.encode(text);
    return { start, end: start + bytes.length, bytes };
  });
  return wire.bytes;
}

/** Kept bytes between two offsets, and what was left out there: [{start, end, bytes or null}]. */
function between(wire, start, end) {
  const parts = [];
  let at = start;
  for (const piece of piecesOf(wire)) {
    const from = Math.max(at, piece.start), to = Math.min(end, piece.end);
    if (from >= to) continue;
    if (from > at) parts.push({ start: at, end: from, bytes: null });
    parts.push({ start: from, end: to, bytes: piece.bytes.subarray(from - piece.start, to - piece.start) });
    at = to;
  }
  if (at < end) parts.push({ start: at, end, bytes: null });
  return parts;
}

function leftOut(count) {
  return element("span", { class: "left-out" }, ` … ${count.toLocaleString("en")} bytes left out … `);
}

/** The bytes between two offsets as nodes. */
function nodesBetween(wire, start, end) {
  return between(wire, start, end).flatMap((part) =>
    part.bytes ? visibleBytes(part.bytes) : [leftOut(part.end - part.start)]);
}

/** The offsets to which a JSON pointer leads within a span, or to what should have had it; null where nobody can tell. */
function innerOf(wire, start, end, pointer) {
  const [only, ...others] = between(wire, start, end);
  if (!pointer || !only || !only.bytes || others.length) return null;
  try {
    const text = STRICT.decode(only.bytes);
    const place = placeOf(text, pointer);
    if (place === null) return null;
    const [from, to] = place.slice(0, 2).map((index) => start + ENCODER.encode(text.slice(0, index)).length);
    return [from, to, place[2] ? "inner" : "whole"];
  } catch {
    return null;
  }
}

/** The bytes of an event; those within the span are in a mark, and in it where the pointer leads stands out. */
function contentOf(wire, start, end, span, pointer) {
  const content = element("span", { class: "bytes" });
  const from = span ? Math.max(start, span[0]) : end, to = span ? Math.min(end, span[1]) : end;
  if (from >= to) {
    content.append(...nodesBetween(wire, start, end));
    return content;
  }
  const marked = element("mark", { "data-start": from, "data-end": to });
  const inner = innerOf(wire, from, to, pointer);
  if (inner) {
    marked.append(...nodesBetween(wire, from, inner[0]));
    marked.append(element("span", { class: inner[2] }, ...nodesBetween(wire, inner[0], inner[1])));
    marked.append(...nodesBetween(wire, inner[1], to));
  } else {
    marked.append(...nodesBetween(wire, from, to));
  }
  content.append(...nodesBetween(wire, start, from), marked, ...nodesBetween(wire, to, end));
  return content;
}

/** What is shown line by line: events, and bytes that belong to none. */
function linesOf(wire) {
  const lines = [];
  let at = 0;
  for (const [kind, number, start, end, when] of wire.events || []) {
    if (start > at) lines.push({ kind: "", start: at, end: start });
    lines.push({ kind, number, start, end, when });
    at = end;
  }
  if (at < (wire.size || 0)) lines.push({ kind: "", start: at, end: wire.size });
  return lines.filter((line) => line.end > line.start);
}

function touches(line, place) {
  if (place.span) return line.start < place.span[1] && place.span[0] < line.end;
  return Boolean(place.event) && line.number === place.event;
}

function row(wire, line, place) {
  const made = element("div", { class: touches(line, place) ? "event marked" : "event", role: "row" });
  const kind = line.kind && line.kind !== "message" ? [element("span", { class: "kind-of" }, line.kind)] : [];
  const content = contentOf(wire, line.start, line.end, place.span, place.pointer);
  content.prepend(...kind);
  content.setAttribute("role", "cell");
  made.append(
    element("span", { class: "number", role: "cell" }, line.number ? `#${line.number}` : ""),
    element("span", { class: "at", role: "cell", title: `bytes ${line.start}–${line.end}` },
      line.when === undefined || line.when === null ? "" : seconds(line.when)),
    content,
  );
  return made;
}

/** Lines that are not near what is marked, behind a button. */
function fold(wire, lines, place) {
  const bytes = lines.at(-1).end - lines[0].start;
  const events = lines.filter((line) => line.kind).length;
  const told = events ? `${events} more event${events === 1 ? "" : "s"}` : "more";
  const button = element("button", { type: "button", class: "fold" }, `… ${told}, ${bytes.toLocaleString("en")} bytes`);
  button.addEventListener("click", () => {
    const rows = lines.map((line) => row(wire, line, place));
    button.replaceWith(...rows);
    rows[0].tabIndex = -1;
    rows[0].focus();
  });
  return button;
}

/** Which lines are shown at once: the last, and those around what is marked; the first ones where nothing is. */
function nearby(lines, place) {
  const marked = lines.flatMap((line, index) => (touches(line, place) ? [index] : []));
  if (!marked.length) return (index) => index < 2 * AROUND || index >= lines.length - AROUND;
  const first = marked[0], last = marked.at(-1);
  return (index) =>
    index === lines.length - 1 ||
    (index >= first - AROUND && index <= first + 2 * AROUND) || (index >= last - AROUND && index <= last + AROUND);
}

/** Fill in the body of an exchange. */
function showBody(wire, place, into) {
  const lines = linesOf(wire);
  const near = nearby(lines, place);
  let hidden = [];
  const close = () => {
    if (hidden.length > 1) into.append(fold(wire, hidden, place));
    else into.append(...hidden.map((line) => row(wire, line, place)));
    hidden = [];
  };
  lines.forEach((line, index) => {
    if (!near(index)) return void hidden.push(line);
    close();
    into.append(row(wire, line, place));
  });
  close();
  if (!lines.length) into.append(element("div", { class: "event" }, "", "", element("span", { class: "left-out" }, "no body")));
}

/** What is said below the wire. */
function captionOf(wire, place) {
  const bytes = place.span ? `bytes ${place.span[0]}–${place.span[1]}` : "";
  const at = [place.probe, place.event ? `event ${place.event}` : "", bytes, place.pointer].filter(Boolean);
  const said = [at.join(", "), `${(wire.size || 0).toLocaleString("en")} bytes, ${wire.total || 0} events; ${ENDINGS[wire.ending] || wire.ending}`];
  if (wire.end_at !== undefined) said[1] += ` after ${seconds(wire.end_at)}`;
  if (wire.flaw) said.push(`the framing is broken: ${wire.flaw}`);
  if (!place.span && !place.event) said[0] += ", the exchange as a whole";
  return said.join(". ") + ".";
}
