// The report: tables to sort, the list of contents, and what its parts share.

const REPORT = readData();

/** Make an element with attributes; what follows are its children, texts or elements. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Fill a list to choose from: pairs of a value and a title. */
function fillSelect(select, options) {
  select.replaceChildren(...options.map(([value, title]) => make("option", { value }, title)));
}

/** Act on each choice in a form: fields to write into at every letter, others when they are set. */
function onChoice(form, act) {
  const isWritten = (event) => event.target.type === "search";
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => isWritten(event) && act());
  form.addEventListener("change", (event) => isWritten(event) || act());
}

/** Find a text whatever the case of its letters; null finds everything. */
function toPattern(query) {
  if (!query) return null;
  return new RegExp(query.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"), "giu");
}

/** Put a text into an element as showText does, with what a pattern finds marked. */
function showFound(element, text, pattern) {
  showText(element, text);
  if (!text.trim()) {
    element.replaceChildren(make("em", {}, "no word"));
    return;
  }
  if (!pattern) return;
  const inside = element.firstChild;
  inside.replaceChildren();
  let end = 0;
  for (const found of text.matchAll(pattern)) {
    inside.append(makeVisible(text.slice(end, found.index)));
    inside.append(make("mark", {}, makeVisible(found[0])));
    end = found.index + found[0].length;
  }
  inside.append(makeVisible(text.slice(end)));
}

const PAGE_SIZE = 20;

/** Show buttons to turn pages: `turn` gets the number of the page, from 0. */
function showPager(element, name, page, count, turn) {
  const pages = Math.max(1, Math.ceil(count / PAGE_SIZE));
  const step = (title, to) => {
    const button = make("button", { type: "button" }, title);
    button.disabled = to < 0 || to >= pages;
    button.addEventListener("click", () => {
      turn(to);
      // The button is a new one, perhaps one that can go no further.
      const [back, , on] = element.children;
      const same = to < page ? back : on;
      (same.disabled ? (same === back ? on : back) : same).focus();
    });
    return button;
  };
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", `Pages of ${name}`);
  element.hidden = pages === 1;
  element.replaceChildren(
    step("‹ Back", page - 1),
    make("span", {}, `page ${page + 1} of ${pages}`),
    step("On ›", page + 1),
  );
}

// Tables

/** Return what a cell is sorted by: a number without its interval and unit, or its text. */
function sortKey(cell, isNumber) {
  const text = cell.dataset.value ?? cell.textContent;
  if (!isNumber) return text;
  return Number.parseFloat(text.replaceAll(",", "").replace("−", "-").trim());
}

/** Compare two keys; what is no number comes last, whatever the direction. */
function compareKeys(one, other, isNumber, direction) {
  if (!isNumber) return direction * one.localeCompare(other, "en", { numeric: true });
  if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) - Number.isNaN(other);
  return direction * (one - other);
}

/** Let the heads of a table sort its rows: up, down, then as they stood. */
function makeSortable(table) {
  const body = table.tBodies[0];
  const before = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make("button", { type: "button", class: "sort" });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: null }[head.ariaSort];
      const order = next === undefined ? "ascending" : next;
      for (const other of heads) other.removeAttribute("aria-sort");
      if (order) head.setAttribute("aria-sort", order);
      const isNumber = head.classList.contains("number");
      const direction = order === "descending" ? -1 : 1;
      const keyed = before.map((row) => [sortKey(row.cells[column], isNumber), row]);
      if (order) keyed.sort((a, b) => compareKeys(a[0], b[0], isNumber, direction));
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

document.querySelectorAll("table.sorts").forEach(makeSortable);

// Contents

/** Open what an address points into. */
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = target?.closest("main details");
  if (folded && !folded.open) {
    folded.open = true;
    target.scrollIntoView();
  }
}

window.addEventListener("hashchange", openTarget);
openTarget();

const contents = document.getElementById("contents");
const isWide = window.matchMedia("(min-width: 72rem)");
const settleContents = () => (contents.open = isWide.matches);
isWide.addEventListener("change", settleContents);
settleContents();

// What is folded must not be missing on paper; it is folded again afterwards.
let unfolded = [];
window.addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("main details:not([open])")];
  for (const each of unfolded) each.open = true;
});
window.addEventListener("afterprint", () => {
  for (const each of unfolded) each.open = false;
});

/** Mark in the contents where the reader is. */
function followReader() {
  const links = new Map([...contents.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
  const places = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  let waiting = false;
  const mark = () => {
    waiting = false;
    const passed = places.filter((place) => place.getBoundingClientRect().top < 120);
    const here = passed.length ? passed[passed.length - 1].id : "";
    for (const [id, link] of links) {
      if (id === here) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  window.addEventListener("scroll", () => {
    if (!waiting) window.requestAnimationFrame(mark);
    waiting = true;
  }, { passive: true });
}

followReader();
