// Bytes and text as nodes that show them and do nothing else. Knows no exchange and no finding.

const UNPRINTABLE = /(?! )[\p{C}\p{Z}]/gu;
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** An element with these attributes and children; text is text, never markup. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** How a character that would not show, or would act on what is around it, is written out. */
function writtenOut(character) {
  const code = character.codePointAt(0);
  if (NAMED[character]) return NAMED[character];
  if (code < 0x100) return "\\x" + code.toString(16).padStart(2, "0");
  if (code < 0x10000) return "\\u" + code.toString(16).padStart(4, "0");
  return "\\U" + code.toString(16).padStart(8, "0");
}

/** Text as nodes: what would not show is written out and looks different; a new line begins where there is more. */
function visible(text) {
  const nodes = [];
  let from = 0;
  for (const { 0: character, index } of text.matchAll(UNPRINTABLE)) {
    if (index > from) nodes.push(text.slice(from, index));
    nodes.push(element("span", { class: "control" }, writtenOut(character)));
    from = index + character.length;
    if (character === "\n" && from < text.length && !"\r\n".includes(text[from])) nodes.push(element("br"));
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

/** How long the UTF-8 character is that starts here; 0 where none does. */
function lengthAt(bytes, at) {
  const lead = bytes[at];
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  try {
    STRICT.decode(bytes.subarray(at, at + length));
    return at + length <= bytes.length ? length : 0;
  } catch {
    return 0;
  }
}

/** Bytes as nodes: UTF-8 as text, any other byte as \xNN. */
function visibleBytes(bytes) {
  try {
    return visible(STRICT.decode(bytes));
  } catch {
    const nodes = [];
    let from = 0;
    for (let at = 0; at < bytes.length; ) {
      const length = lengthAt(bytes, at);
      if (length === 0) {
        nodes.push(...visible(STRICT.decode(bytes.subarray(from, at))));
        nodes.push(element("span", { class: "control" }, "\\x" + bytes[at].toString(16).padStart(2, "0")));
        from = at + 1;
      }
      at += length || 1;
    }
    nodes.push(...visible(STRICT.decode(bytes.subarray(from))));
    return nodes;
  }
}

/** The JSON value behind base64 and deflate. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}
