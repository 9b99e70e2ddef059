// The judges: a table of how often each is right, with the texts behind each of its cells.

const judged = { cell: null, judge: null, source: null, set: null, page: 0 };

/** Return the score of a logit: 0 to 1, and from a half on the text is taken for real. */
function toScore(logit) {
  return 1 / (1 + Math.exp(-logit));
}

/** Make the cell of a judge and a source. */
function makeVerdict(judge, source, title) {
  const verdict = judge.cells[source];
  const cell = make("td", { class: "number" });
  if (!verdict) {
    cell.append("–");
    return cell;
  }
  cell.style.setProperty("--share", verdict.share);
  const shown = REPORT.texts.find((each) => each.key === source);
  if (!shown || !judge.answers[source]) {
    cell.append(verdict.accuracy);
    return cell;
  }
  const name = `${judge.title} on ${title}: right about ${verdict.accuracy}; show the texts`;
  const button = make("button", { type: "button", "aria-label": name, "aria-pressed": "false" });
  button.append(verdict.accuracy);
  button.addEventListener("click", () => openCell(button, judge, shown));
  cell.append(button);
  return cell;
}

/** Set out the table: a row a source, a column a judge. */
function makeMatrix(judges) {
  const keys = [...new Set(judges.flatMap((judge) => Object.keys(judge.cells)))];
  const known = new Map(REPORT.texts.map((source) => [source.key, source.title]));
  const title = (key) => REPORT.titles[key] ?? known.get(key) ?? key;
  const head = make("tr", {}, make("th", { scope: "col" }, "source"));
  head.append(...judges.map((judge) => make("th", { scope: "col", class: "number" }, judge.title)));
  const rows = keys.map((key) => {
    const row = make("tr", {}, make("th", { scope: "row" }, title(key)));
    row.append(...judges.map((judge) => makeVerdict(judge, key, title(key))));
    return row;
  });
  document
    .getElementById("judges-matrix")
    .append(make("thead", {}, head), make("tbody", {}, ...rows));
}

/** Show the texts behind a cell. */
function openCell(button, judge, source) {
  judged.cell?.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-pressed", "true");
  Object.assign(judged, { cell: button, judge, source, set: source.sets[0], page: 0 });
  const verdict = judge.cells[source.key];
  const title = document.getElementById("judges-title");
  title.textContent = `${judge.title} on ${source.title}`;
  document.getElementById("judges-about").textContent =
    `Right about ${verdict.accuracy} of the texts; mean squared error ${verdict.mse}. ` +
    "A score of 0.5 or more takes a text for real.";
  document.getElementById("judges-texts").hidden = false;
  showJudged();
  title.focus();
}

/** Close the texts behind a cell, and go back to it. */
function closeCell() {
  document.getElementById("judges-texts").hidden = true;
  judged.cell.setAttribute("aria-pressed", "false");
  judged.cell.focus();
}

/** Make what is told of a judge's answer. */
function makeAnswer(logit) {
  const score = toScore(logit);
  const taken = score >= 0.5 ? "real" : "generated";
  const isRight = (taken === "real") === judged.source.real;
  const meter = make("span", { class: "meter", "aria-hidden": "true" });
  meter.style.setProperty("--score", score);
  const said = `${isRight ? "✓ right" : "✗ wrong"}: takes it for ${taken}`;
  return [
    make("span", { class: isRight ? "right" : "wrong" }, said),
    meter,
    make("span", {}, `score ${score.toFixed(2)}`),
  ];
}

/** Show a page of the texts behind the cell at hand. */
function showJudged() {
  const order = document.getElementById("judges-order").value;
  const taken = document.getElementById("judges-taken").value;
  const answers = judged.judge.answers[judged.source.key];
  const places = [...answers.keys()].filter((place) => {
    const logit = answers[place];
    return logit !== null && (!taken || (toScore(logit) >= 0.5) === (taken === "real"));
  });
  const direction = { real: -1, generated: 1 }[order];
  if (direction) places.sort((a, b) => direction * (answers[a] - answers[b]));
  const shown = places.slice(judged.page * PAGE_SIZE, (judged.page + 1) * PAGE_SIZE);
  const lines = shown.map((place) => makeText(judged.set, place, null, makeAnswer(answers[place])));
  const list = document.getElementById("judges-list");
  list.replaceChildren(...lines);
  if (!lines.length) list.append(make("li", { class: "none" }, "none of the texts on this page"));
  showPager(document.getElementById("judges-pager"), "these texts", judged.page, places.length, (page) => {
    judged.page = page;
    showJudged();
  });
}

/** Set out the table, and let the texts be chosen. */
function startJudges() {
  makeMatrix(REPORT.judges);
  const panel = document.getElementById("judges-texts");
  onChoice(panel.querySelector("form"), () => {
    judged.page = 0;
    showJudged();
  });
  document.getElementById("judges-close").addEventListener("click", closeCell);
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeCell();
  });
}

startJudges();
