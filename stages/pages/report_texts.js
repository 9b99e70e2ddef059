// Texts of all sources side by side: which of them are shown is chosen above the columns.

const TOLD = 5; // shorter runs of words are anybody's
const ANY = "any"; // no label is called so: labels are told apart by their place
const texts = {
  sources: REPORT.texts,
  labels: [...new Set(REPORT.texts.flatMap((s) => s.sets.flatMap((set) => set.labels ?? [])))].sort(),
  page: 0,
};

/** Return the set of a source's texts at a temperature, "" for those of `sample`. */
function setAt(source, temperature) {
  if (source.real || !temperature) return source.sets.find((set) => set.temperature === null);
  return source.sets.find((set) => set.temperature === temperature);
}

/** Count the words of a text. */
function countWords(text) {
  return text.split(" ").filter(Boolean).length;
}

/** Say how much of a text is copied: "copied" where it is all of it. */
function tellCopied(words, run) {
  if (run === undefined || !words) return "";
  if (run === words) return "copied";
  return run < TOLD ? "" : `copied: ${run} of ${words} words`;
}

/** Return the places of a set's texts that are wanted. */
function findTexts(set, wanted) {
  return [...set.texts.keys()].filter((place) => {
    const text = set.texts[place];
    if (wanted.label !== ANY && set.labels?.[place] !== texts.labels[wanted.label]) return false;
    if (wanted.copied !== "0") {
      const least = wanted.copied === "whole" ? Math.max(1, countWords(text)) : Number(wanted.copied);
      if (!set.copied || set.copied[place] < least) return false;
    }
    return !wanted.pattern || text.search(wanted.pattern) >= 0;
  });
}

/** Make one text of a list, with its label, how much of it is copied, and what else is told. */
function makeText(set, place, pattern, told = []) {
  const line = make("li", { value: set.lines[place] });
  const text = make("p", { class: "text" });
  showFound(text, set.texts[place], pattern);
  const notes = make("p", { class: "notes" }, ...told);
  const label = set.labels?.[place];
  if (label) {
    const badge = make("span", { class: "badge" });
    showText(badge, label);
    badge.prepend("label ");
    notes.append(badge);
  }
  const words = countWords(set.texts[place]);
  const copied = tellCopied(words, set.copied?.[place]);
  if (copied === "copied") notes.append(make("strong", { class: "badge copied" }, copied));
  else if (copied) notes.append(make("span", {}, copied));
  line.append(text, ...(notes.childNodes.length ? [notes] : []));
  return line;
}

/** Make a source's column. */
function makeColumn(source, set, found, wanted) {
  const name = `texts-of-${source.key}`;
  const column = make("section", { "aria-labelledby": name }, make("h3", { id: name }, source.title));
  const about = make("p", { class: "status" });
  column.append(about);
  if (!set) {
    about.append(source.sets.length > 1 ? "no texts at this temperature" : "writes at one temperature alone");
    return column;
  }
  if (wanted.label !== ANY && !set.labels) {
    about.append("texts without labels");
    return column;
  }
  const few = set.total > set.texts.length ? `, of ${set.total.toLocaleString("en")} in its file` : "";
  about.append(`${found.length} of ${set.texts.length} texts${few}`);
  const shown = found.slice(texts.page * PAGE_SIZE, (texts.page + 1) * PAGE_SIZE);
  const list = make("ol", { class: "texts" });
  list.append(...shown.map((place) => makeText(set, place, wanted.pattern)));
  if (shown.length) column.append(list);
  else column.append(make("p", { class: "none" }, found.length ? "no more" : "none"));
  return column;
}

/** Show the columns of what is chosen. */
function showTexts() {
  const wanted = {
    temperature: document.getElementById("texts-temperature").value,
    label: document.getElementById("texts-label").value,
    copied: document.getElementById("texts-copied").value,
    pattern: toPattern(document.getElementById("texts-query").value),
  };
  const boxes = [...document.querySelectorAll("#texts-sources input")];
  const chosen = texts.sources.filter((_, place) => boxes[place].checked);
  const found = chosen.map((source) => {
    const set = setAt(source, wanted.temperature);
    return { source, set, places: set ? findTexts(set, wanted) : [] };
  });
  const columns = found.map((each) => makeColumn(each.source, each.set, each.places, wanted));
  document.getElementById("texts-columns").replaceChildren(...columns);
  const told = found.map((each) => `${each.source.title} ${each.places.length}`).join(", ");
  document.getElementById("texts-status").textContent = told ? `Texts found: ${told}.` : "Choose a source.";
  const most = Math.max(0, ...found.map((each) => each.places.length));
  showPager(document.getElementById("texts-pager"), "texts", texts.page, most, (page) => {
    texts.page = page;
    showTexts();
  });
}

/** Set out what can be chosen, and show the first texts. */
function startTexts() {
  const first = texts.sources.filter((source) => !source.real);
  const chosen = new Set(["test", first[0]?.key, first[1]?.key, first[first.length - 1]?.key]);
  document.getElementById("texts-sources").append(
    ...texts.sources.map((source) => {
      const box = make("input", { type: "checkbox" });
      box.checked = chosen.has(source.key);
      return make("label", {}, box, ` ${source.title}`);
    }),
  );
  const temperatures = new Set(texts.sources.flatMap((s) => s.sets.map((set) => set.temperature)));
  temperatures.delete(null);
  const sorted = [...temperatures].sort((a, b) => a - b);
  const temperature = document.getElementById("texts-temperature");
  fillSelect(temperature, [["", "as sampled"], ...sorted.map((each) => [each, each])]);
  temperature.parentElement.hidden = !sorted.length;
  const label = document.getElementById("texts-label");
  const labels = texts.labels.map((each, place) => [place, makeVisible(each) || "none"]);
  fillSelect(label, [[ANY, "any or none"], ...labels]);
  label.parentElement.hidden = !labels.length;
  onChoice(document.querySelector("#texts form"), () => {
    texts.page = 0;
    showTexts();
  });
  showTexts();
}

startTexts();
