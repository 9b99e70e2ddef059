// What all pages share: reading the data in the page, and showing texts that anybody may have written.

/** Return the data that stand in the page. */
function readData() {
  return JSON.parse(document.getElementById("data").textContent);
}

// Signs that are not seen, or that move others: control codes, marks of direction, joiners that
// stand alone, halves of surrogate pairs, line separators.
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Write signs that are not seen by what can be seen: ␛ for an escape code, [U+202E] for a mark. */
function makeVisible(text) {
  return text.replace(UNSEEN, (sign) => {
    const code = sign.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

/** Put a text into an element, as text and nothing else; its direction stays inside. */
function showText(element, text) {
  const inside = document.createElement("bdi");
  inside.dir = "auto";
  inside.textContent = makeVisible(text);
  element.replaceChildren(inside);
}
