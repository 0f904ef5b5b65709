// Where in the text of a JSON value a JSON pointer leads. Knows no bytes and no event.

const JSON_STRING = /"(?:[^"\\]|\\.)*"/y;
const JSON_SPACE = /[ \t\r\n]*/y;
const JSON_PLAIN = /[^\s,\]}]+/y;

function match(pattern, text, at) {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  return found ? at + found[0].length : at;
}

/** The index behind the JSON value that starts at `at`. */
function behindValue(text, at) {
  if (text[at] === '"') return match(JSON_STRING, text, at);
  if (text[at] !== "{" && text[at] !== "[") return match(JSON_PLAIN, text, at);
  for (let depth = 0; at < text.length; ) {
    const letter = text[at];
    if (letter === '"') {
      const behind = match(JSON_STRING, text, at);
      if (behind === at) return text.length;
      at = behind;
      continue;
    }
    if (letter === "{" || letter === "[") depth += 1;
    if ((letter === "}" || letter === "]") && --depth === 0) return at + 1;
    at += 1;
  }
  return at;
}

/** [first index, index behind the last] of the child with this name or number, null where there is none. */
function child(text, at, name) {
  const open = text[at];
  if (open !== "{" && open !== "[") return null;
  at = match(JSON_SPACE, text, at + 1);
  for (let number = 0; at < text.length && text[at] !== "}" && text[at] !== "]"; number += 1) {
    let key = String(number);
    if (open === "{") {
      const behind = match(JSON_STRING, text, at);
      if (behind === at) return null;
      try {
        key = JSON.parse(text.slice(at, behind));
      } catch {
        return null;
      }
      at = match(JSON_SPACE, text, match(JSON_SPACE, text, behind) + 1);
    }
    const behind = behindValue(text, at);
    if (behind <= at) return null;
    if (key === name) return [at, behind];
    at = match(JSON_SPACE, text, behind);
    if (text[at] === ",") at = match(JSON_SPACE, text, at + 1);
  }
  return null;
}

/** Where the pointer leads in the first JSON object or array of the text, or how far it does: [from, to, all the way]. */
function placeOf(text, pointer) {
  let at = text.search(/[{[]/);
  if (at < 0 || !pointer.startsWith("/")) return null;
  let place = null;
  for (const part of pointer.slice(1).split("/")) {
    const next = child(text, at, part.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (next === null) return place && [...place, false];
    place = next;
    at = place[0];
  }
  return [...place, true];
}
