// Two runs compared: the numbers that both have, and by how much they differ.

const SAME = ""; // sources of one name
const ALL = ""; // numbers of all kinds

/** Name the parts of a row of numbers, as gather_runs of page_data.py sets them out. */
function readRow([theme, source, name, shown, value, low, high, best]) {
  return { theme, source, name, shown, value, low, high, best };
}

const runs = REPORT.runs.map((run) => ({ ...run, numbers: run.numbers.map(readRow) }));

/** Pair the numbers of two runs: of sources of one name, or of one source of either. */
function pairNumbers(first, second, firstSource, secondSource) {
  const key = (row, chosen) => [row.theme, chosen === SAME ? row.source : "", row.name].join("\n");
  const isOne = firstSource !== SAME && secondSource !== SAME;
  const wanted = isOne ? "one" : SAME;
  const others = new Map(
    second.numbers
      .filter((row) => secondSource === SAME || row.source === secondSource)
      .map((row) => [key(row, wanted), row]),
  );
  return first.numbers
    .filter((row) => firstSource === SAME || row.source === firstSource)
    .map((row) => [row, others.get(key(row, wanted))])
    .filter(([, other]) => other);
}

/** Write the difference of two numbers with the digits that both are written with. */
function tellDifference(one, other) {
  const digits = (shown) => shown.split(" ")[0].split("e")[0].split(".")[1]?.length ?? 0;
  const isShare = one.shown.includes("%");
  const tiny = [one, other].some((each) => each.shown.includes("e-"));
  const value = (other.value - one.value) * (isShare ? 100 : 1);
  const most = Math.max(digits(one.shown), digits(other.shown));
  const size = tiny ? Math.abs(value).toPrecision(2) : Math.abs(value).toFixed(most);
  const sign = Number(size) === 0 ? "" : value < 0 ? "−" : "+";
  return `${sign}${size}${isShare ? " points" : ""}`;
}

/** Say whether two intervals overlap: "apart", "overlap", or "–" where one is not known. */
function tellIntervals(one, other) {
  if ([one.low, one.high, other.low, other.high].some((end) => end === null)) return "–";
  return one.high < other.low || other.high < one.low ? "apart" : "overlap";
}

/** Say whether the second number is better or worse, where its measure says what is. */
function tellBetter(one, other) {
  if (!one.best || one.value === other.value) return "";
  return (other.value > one.value) === (one.best === "high") ? "better" : "worse";
}

/** Make a cell of a number, its interval smaller. */
function makeNumber(shown, value) {
  const [, number, interval] = /^(.*?)(?: (\(.*\)))?$/.exec(shown);
  const cell = make("td", { class: "number", "data-value": value }, number);
  if (interval) cell.append(" ", make("span", { class: "interval" }, interval));
  return cell;
}

/** Make the table of pairs of numbers. */
function makeCompared(pairs, isOne) {
  const titles = ["source", "number", "first", "second", "difference", "intervals"];
  const heads = titles.map((title, place) =>
    make("th", { scope: "col", class: place > 1 && place < 5 ? "number" : null }, title),
  );
  const rows = pairs.map(([one, other]) => {
    const source = isOne && one.source !== other.source ? `${one.source} → ${other.source}` : one.source;
    const intervals = tellIntervals(one, other);
    const better = tellBetter(one, other);
    const difference = makeNumber(tellDifference(one, other), other.value - one.value);
    if (better) difference.append(" ", make("span", { class: better === "better" ? "right" : "wrong" }, better));
    return make(
      "tr",
      { class: intervals === "apart" ? "apart" : null },
      make("th", { scope: "row" }, source),
      make("td", {}, one.name),
      makeNumber(one.shown, one.value),
      makeNumber(other.shown, other.value),
      difference,
      make("td", {}, intervals),
    );
  });
  const table = make("table", {}, make("caption", { class: "only-read-aloud" }, "Two runs compared"));
  table.append(make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
  makeSortable(table);
  return make(
    "div",
    { class: "wide", role: "region", tabindex: "0", "aria-label": "Two runs compared" },
    table,
  );
}

/** Show what is chosen. */
function showRuns() {
  const value = (id) => document.getElementById(id).value;
  const [first, second] = [runs[value("runs-first")], runs[value("runs-second")]];
  const [one, other] = [value("runs-first-source"), value("runs-second-source")];
  const pairs = pairNumbers(first, second, one, other);
  const select = document.getElementById("runs-theme");
  const theme = select.options.length ? select.value : null;
  const themes = [...new Set(pairs.map(([row]) => row.theme))];
  fillSelect(select, [...themes.map((each) => [each, each]), [ALL, "all"]]);
  if (theme === ALL || themes.includes(theme)) select.value = theme;
  const shown = pairs.filter(([row]) => select.value === ALL || row.theme === select.value);
  const apart = shown.filter(([a, b]) => tellIntervals(a, b) === "apart").length;
  document.getElementById("runs-status").textContent = shown.length
    ? `${shown.length} numbers, ${apart} of them apart.`
    : "They have no number in common: choose a source of each.";
  const place = document.getElementById("runs-table");
  place.replaceChildren(...(shown.length ? [makeCompared(shown, one !== SAME && other !== SAME)] : []));
  const commands = [first, second].filter((run) => run.command);
  document.getElementById("runs-commands").replaceChildren(
    ...commands.flatMap((run) => [
      make("dt", {}, run.title),
      make("dd", {}, make("code", {}, makeVisible(run.command))),
    ]),
  );
}

/** List the sources of a run beside "those of the same name". */
function listSources(select, run) {
  const names = [...new Set(run.numbers.map((row) => row.source))];
  fillSelect(select, [[SAME, "all of the same name"], ...names.map((each) => [each, each])]);
}

/** Return the run that shares most numbers with the first: what it is compared with at the start. */
function findNearest() {
  const shared = runs.map((run) => pairNumbers(runs[0], run, SAME, SAME).length);
  shared[0] = -1;
  return shared.indexOf(Math.max(...shared));
}

/** Set out what can be chosen. */
function startRuns() {
  const titles = runs.map((run, place) => [place, run.title]);
  for (const which of ["first", "second"]) {
    const select = document.getElementById(`runs-${which}`);
    const sources = document.getElementById(`runs-${which}-source`);
    fillSelect(select, titles);
    select.value = which === "first" ? findNearest() : 0;
    listSources(sources, runs[select.value]);
    select.addEventListener("change", () => listSources(sources, runs[select.value]));
  }
  onChoice(document.querySelector("#runs form"), showRuns);
  showRuns();
}

startRuns();
