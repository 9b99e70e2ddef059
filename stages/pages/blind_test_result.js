// The blind test's result: shares with their intervals, and all texts with who wrote them.

const NORMAL = 1.959964; // standard deviations to either side that hold 95 %
const SURE = 0.05; // chance of guessing as well, up to which somebody is better than guessing
// Words by their rank under the language model, as in GLTR; the last are not ranked.
const BANDS = [
  ["among the 10 most expected words", 10],
  ["among the first 100", 100],
  ["among the first 1,000", 1000],
  ["beyond them", Infinity],
  ["a word that the language model does not know", 0],
];

/** Return Wilson's 95 % interval of a share over so many texts: [low, high]. */
function wilson(value, count) {
  const below = 1 + NORMAL ** 2 / count;
  const middle = (value + NORMAL ** 2 / (2 * count)) / below;
  const spread = (value * (1 - value)) / count + NORMAL ** 2 / (4 * count ** 2);
  const reach = (NORMAL / below) * Math.sqrt(spread);
  return [Math.min(middle - reach, value), Math.max(middle + reach, value)];
}

/** Return in how many ways so many of `count` can be chosen. */
function countWays(count, chosen) {
  let ways = 1n;
  for (let k = 0; k < chosen; k += 1) ways = (ways * BigInt(count - k)) / BigInt(k + 1);
  return ways;
}

/**
 * Return the chances that whoever guesses is right about at least as many texts, and about at most
 * as many: Fisher's exact test, which that of measures/raters.py is for one person. Given are the
 * numbers of real and of generated texts, how often real was said, and of how many real texts.
 */
function chancesOfGuessing(real, fake, said, hits) {
  let [more, less] = [0n, 0n];
  for (let count = 0; count <= said; count += 1) {
    const ways = countWays(real, count) * countWays(fake, said - count);
    if (count >= hits) more += ways;
    if (count <= hits) less += ways;
  }
  const all = countWays(real + fake, said);
  const share = (ways) => Number((ways * 10n ** 15n) / all) / 1e15;
  return [share(more), share(less)];
}

/** Say whether somebody is better than guessing, from the counts of each source. */
function tellChance(sources) {
  const sum = (isReal, what) =>
    sources.filter((each) => each.real === isReal).reduce((total, each) => total + each[what], 0);
  const hits = sum(true, "taken");
  const said = hits + sum(false, "taken");
  const [more, less] = chancesOfGuessing(sum(true, "texts"), sum(false, "texts"), said, hits);
  const write = (chance) => (chance < 0.001 ? "less than 0.001" : chance.toFixed(3));
  const guesser = "a guesser who says \u201creal\u201d as often as you";
  if (less <= SURE) {
    return `Worse than guessing, you were fooled: ${guesser} gets so few right with a probability of ${write(less)}.`;
  }
  const told = `${guesser} gets at least so many right with a probability of ${write(more)}.`;
  return more <= SURE ? `Better than guessing: ${told}` : `That may be guessing: ${told}`;
}

/** Count what was answered: right ones, and by source the texts and those taken for real. */
function countUp(answers, key, sources) {
  const counts = sources.map((source) => ({ ...source, texts: 0, taken: 0 }));
  let right = 0;
  answers.forEach((each, place) => {
    if (!each) return;
    const source = counts[key[place]];
    source.texts += 1;
    source.taken += each.answer === "real";
    right += (each.answer === "real") === source.real;
  });
  return { right, answered: counts.reduce((sum, each) => sum + each.texts, 0), sources: counts };
}

function percent(value) {
  return `${Math.round(100 * value)}\u00a0%`;
}

function add(parent, name, className = "", text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  parent.append(element);
  return element;
}

function showEnd() {
  const { right, answered, sources } = countUp(state.answers, data.key, data.sources);
  const share = right / answered;
  const [low, high] = wilson(share, answered);
  const texts = answered === 1 ? "text" : "texts";
  by("score").textContent = `You were right about ${right} of ${answered} ${texts}: ${percent(share)}.`;
  const span = `The 95 % interval is ${percent(low)} to ${percent(high)}.`;
  by("chance").textContent = `${span} ${tellChance(sources)}`;
  by("sources").replaceChildren();
  const real = sources.find((source) => source.real);
  const level = real.texts ? real.taken / real.texts : null;
  for (const source of sources) if (source.texts) addSource(by("sources"), source, level);
  showReview();
}

/** Add a row of the table; a line marks the level of real text, null where there is none. */
function addSource(table, source, level) {
  const row = add(table, "tr");
  add(row, "th", "", source.name).scope = "row";
  add(row, "td", "number", String(source.texts));
  const cell = add(row, "td");
  const share = source.taken / source.texts;
  const [low, high] = wilson(share, source.texts);
  add(cell, "span", "share", percent(share));
  add(cell, "span", "interval", ` (${percent(low)} to ${percent(high)})`);
  const track = add(cell, "div", "track");
  track.setAttribute("aria-hidden", "true");
  const reach = add(track, "div", "reach");
  reach.style.left = `${100 * low}%`;
  reach.style.width = `${100 * (high - low)}%`;
  if (level !== null) add(track, "div", "real").style.left = `${100 * level}%`;
  add(track, "div", "point").style.left = `${100 * share}%`;
}

function bandOf(rank) {
  return rank === 0 ? BANDS.length - 1 : BANDS.findIndex(([, last]) => rank <= last);
}

/** Put a text's words into an element, each marked by its rank. */
function showRanks(element, text, ranks) {
  const inside = document.createElement("bdi");
  inside.dir = "auto";
  text.split(" ").forEach((word, place) => {
    if (place) inside.append(" ");
    add(inside, "span", `band band-${bandOf(ranks[place])}`, makeVisible(word));
  });
  element.replaceChildren(inside);
}

function tellRanks(ranks) {
  const counts = BANDS.map(() => 0);
  for (const rank of ranks) counts[bandOf(rank)] += 1;
  const [first, second, third, fourth, unknown] = counts;
  const words = ranks.length === 1 ? "1 word" : `${ranks.length} words`;
  const told = `Of ${words}, ${first} in the first 10, ${second} to 100, ${third} to 1,000, `;
  return `${told}${fourth} beyond${unknown ? `, ${unknown} not known` : ""}.`;
}

function showReview() {
  const withRanks = data.ranks !== null && by("ranks").checked;
  by("legend").hidden = !withRanks;
  by("review").replaceChildren();
  data.texts.forEach((text, place) => {
    const source = data.sources[data.key[place]];
    const given = state.answers[place];
    const isRight = Boolean(given) && (given.answer === "real") === source.real;
    if (by("mistakes").checked && (!given || isRight)) return;
    const item = add(by("review"), "li", given ? (isRight ? "right" : "wrong") : "");
    const verdict = add(item, "p", "verdict");
    if (given) add(verdict, "span", "mark", isRight ? "✓ right" : "✗ wrong");
    const whose = source.real ? "Real" : `Fake, by ${source.name}`;
    verdict.append(` ${place + 1}. ${whose}. You said ${given ? given.answer : "nothing"}.`);
    const ranks = withRanks ? data.ranks[place] : null;
    if (ranks) {
      showRanks(add(item, "p", "text"), text, ranks);
      add(item, "p", "verdict", tellRanks(ranks));
    } else {
      showText(add(item, "p", "text"), text);
    }
  });
  if (!by("review").children.length) add(by("review"), "li", "", "None.");
}

function startReview() {
  by("ranks-option").hidden = data.ranks === null;
  BANDS.forEach(([told], place) => {
    add(add(by("bands"), "li"), "span", `band band-${place}`, told);
  });
  for (const id of ["mistakes", "ranks"]) by(id).addEventListener("change", showReview);
}

start();
