// The blind test: one text after another, an answer each, kept until the file is saved.

const data = readData(); // page, seed, texts, key (source of each), sources, ranks
const total = data.texts.length;
const by = (id) => document.getElementById(id);
const SECTIONS = ["start", "test", "over", "end"];
const storage = openStorage();
let state = restore();
let shown = 0; // when the text came into view, in performance.now()'s milliseconds
let seen = 0; // milliseconds for which it was in view before the window was hidden

/** Return where answers outlive a reload; null where the browser refuses, as it may for files. */
function openStorage() {
  try {
    const found = window.localStorage;
    found.setItem("blind-test", "");
    found.removeItem("blind-test");
    return found;
  } catch {
    return null;
  }
}

function storageKey() {
  return `blind-test ${data.page}`;
}

/** Begin a sitting: one person's answers. */
function newState() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  const sitting = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { sitting, section: "start", place: 0, keys: true, name: "", saved: false, answers: [] };
}

function isState(found) {
  const isAnswer = (each) =>
    each === null || (["real", "fake"].includes(each.answer) && Number.isFinite(each.milliseconds));
  return (
    /^[0-9a-f]{16}$/.test(found.sitting) &&
    SECTIONS.includes(found.section) &&
    Number.isInteger(found.place) &&
    found.place >= 0 &&
    found.place < total &&
    typeof found.name === "string" &&
    Array.isArray(found.answers) &&
    found.answers.length <= total &&
    found.answers.every(isAnswer)
  );
}

function restore() {
  try {
    const found = JSON.parse(storage.getItem(storageKey()));
    return isState(found) ? found : newState();
  } catch {
    return newState();
  }
}

function keep() {
  try {
    storage.setItem(storageKey(), JSON.stringify(state));
  } catch {
    // Then they stay in memory, and the page warns before it is left.
  }
}

function countAnswers() {
  return state.answers.filter((each) => each).length;
}

/** Show one section, and let the keyboard and a screen reader go on from its heading. */
function show(section, moveFocus = true) {
  state.section = section;
  keep();
  for (const each of SECTIONS) by(each).hidden = each !== section;
  by("about").hidden = section === "test" || section === "over";
  if (section === "test") showPlace();
  if (section === "over") showOver();
  if (section === "end") showEnd();
  if (moveFocus) {
    by(`${section}-title`).focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

function showPlace() {
  const told = `Text ${state.place + 1} of ${total}`;
  by("place").textContent = told;
  by("announced").textContent = `${told}:`;
  by("progress").max = total;
  by("progress").value = countAnswers();
  showText(by("text"), data.texts[state.place]);
  if (state.place === 0 && document.activeElement === by("undo")) by("test-title").focus();
  by("undo").disabled = state.place === 0;
  shown = performance.now();
  seen = 0;
}

function showOver() {
  const count = countAnswers();
  by("over-title").textContent =
    count === total ? `All ${total} texts answered` : `${count} of ${total} texts answered`;
  by("over-told").hidden = count === 0;
  by("show").hidden = count === 0;
}

function give(answer) {
  const milliseconds = Math.round(seen + (document.hidden ? 0 : performance.now() - shown));
  state.answers[state.place] = { answer, milliseconds };
  state.saved = false;
  if (state.place + 1 < total) {
    state.place += 1;
    keep();
    showPlace();
  } else {
    show("over");
  }
}

function goBack() {
  if (state.section === "over") {
    show("test");
  } else if (state.place > 0) {
    state.place -= 1;
    keep();
    showPlace();
  }
}

/** Return the file of answers: no text, and nothing of who wrote which. */
function makeFile() {
  const answers = state.answers.flatMap((each, place) => (each ? [{ id: place + 1, ...each }] : []));
  const rater = state.name.trim() || null;
  return { page: data.page, seed: data.seed, sitting: state.sitting, rater, answers };
}

function save() {
  state.name = by("name").value;
  const file = new Blob([`${JSON.stringify(makeFile(), null, 1)}\n`], { type: "application/json" });
  const link = document.createElement("a");
  const name = state.name.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  link.href = URL.createObjectURL(file);
  link.download = `answers-${name || state.sitting.slice(0, 6)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  state.saved = true;
  keep();
  by("saved").textContent = `Saved as ${link.download}, where your browser puts downloads.`;
}

function startAgain() {
  if (!state.saved && !window.confirm("Your answers are not saved. Start again without them?")) return;
  const { keys } = state;
  state = { ...newState(), keys };
  by("name").value = "";
  by("saved").textContent = "";
  show("start");
}

const KEYS = {
  r: () => give("real"),
  ArrowRight: () => give("real"),
  f: () => give("fake"),
  ArrowLeft: () => give("fake"),
  u: goBack,
  Backspace: goBack,
};

function onKey(event) {
  const modified = event.ctrlKey || event.altKey || event.metaKey || event.repeat;
  if (!state.keys || modified) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const isMeant = state.section === "test" || (state.section === "over" && act === goBack);
  if (!act || !isMeant) return;
  event.preventDefault();
  act();
}

function start() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) seen += performance.now() - shown;
    else shown = performance.now();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!storage && !state.saved && countAnswers()) event.preventDefault();
  });
  const actions = {
    begin: () => show("test"),
    real: () => give("real"),
    fake: () => give("fake"),
    undo: goBack,
    stop: () => show("over"),
    show: () => show("end"),
    on: () => show("test"),
    save,
    again: startAgain,
  };
  for (const [id, act] of Object.entries(actions)) by(id).addEventListener("click", act);
  by("keys").addEventListener("change", () => {
    state.keys = by("keys").checked;
    keep();
  });
  by("keys").checked = state.keys;
  by("name").value = state.name;
  by("count").textContent = total;
  by("about").textContent = `Page ${data.page}. Made by the stage write_blind_test, seed ${data.seed}.`;
  startReview();
  show(state.section, false);
}
