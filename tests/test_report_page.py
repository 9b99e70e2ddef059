"""The page of a run, from a small invented one: its lab book, texts, judges, and runs compared."""

import json
import re
from html import unescape
from itertools import combinations
from pathlib import Path

import pytest

from stages.corpus.errors import UserError
from stages.pipeline.judgements import write_judgements
from stages.reporting.experiments import FOLDER
from stages.reporting.html_book import read_picture, render_book
from stages.reporting.lab_book import render_lab_book
from stages.reporting.page_data import gather_texts, read_answers
from stages.reporting.run_page import render_page
from tests.browser import start_browser, wait_until

GENERATED = ("markov", "hmm")
DOT = bytes.fromhex(  # a PNG of one pixel
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
HOSTILE = [
    "</script><script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title = 'owned'\">",
    "red \x1b[31m alarm",
    "turned \u202e round",
    "line\u2028separated",
]
TRAIN = ["the cat sat on the mat", "a dog ran off"]
TEXTS = {
    "train": TRAIN,
    "test": ["the cat slept", "dogs bark", "Cats purr"],
    # 1 to 25, of which none is copied but for its first word.
    "markov": [f"the {n} th" for n in range(1, 26)],
    # Copied whole; five words of six; no word; then what may do harm.
    "hmm": ["a dog ran off", "cat sat on the mat !", "", *HOSTILE],
}
LABELS = {"train": ["0", "1"], "test": ["0", "1", "0"]}
# The judge is right about 2 of 3 test texts, 5 of 8 of hmm's.
LOGITS = {"test": [2.0, -1.0, 0.0], "hmm": [3.0, -3.0, 1.0, -1.0, -2.0, -1.5, 0.5, -0.5]}
ROW = {"value": 0.25, "low": 0.2, "high": 0.3}


def write(root, path, values):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")


def write_run(root):
    for source, texts in TEXTS.items():
        write(root, f"data/samples/{source}.txt", "".join(f"{text}\n" for text in texts))
        labels = LABELS.get(source, [""] * len(texts))
        write(root, f"data/samples/{source}.labels", "".join(f"{label}\n" for label in labels))
    write(root, "data/sweep/hmm/temperatures.txt", "0.7\n1.3\n")
    write(root, "data/sweep/hmm/0.7.txt", "cool cat\n")
    write(root, "data/sweep/hmm/1.3.txt", "hot cat\nhot dog\n")
    write(root, "data/sweep/markov/temperatures.txt", "")
    lines = {source: range(len(said)) for source, said in LOGITS.items()}
    write_judgements(root / "data/judgements/ngrams.csv", LOGITS, lines)
    right = {"test": 2 / 3, "hmm": 5 / 8, "markov": 0.5}
    verdicts = {source: {"accuracy": share, "mse": 0.25} for source, share in right.items()}
    write(root, "metrics/cross_evaluate.json", {"ngrams": verdicts})
    for source, frechet in (("train", 0.2), ("markov", 0.5), ("hmm", 0.31)):
        values = {"texts": 25, "frechet": frechet, "distinct_lines": 0.9, "mauve": 0.75}
        write(root, f"metrics/measure/{source}.json", values)
    rows = ["source,measure,value,low,high", "markov,frechet,0.5,0.45,0.55"]
    write(root, "plots/measure.csv", "\n".join([*rows, "hmm,frechet,0.31,0.3,0.32", ""]))
    for name in ("measure", "cross_evaluate"):
        (root / f"plots/{name}.png").write_bytes(DOT)
    found = {"width": 50, "empty_queries": 0, "precision_at_0.002": 0.6}
    found = {"texts": {"queries": 259, "chance": 0.05}, "word2vec": found}
    write(root, "metrics/evaluate_documents.json", {"evaluate_documents": found})
    rows = ["source,measure,value,low,high", "word2vec,precision_at_0.002,0.6,0.58,0.62", ""]
    write(root, "plots/documents.csv", "\n".join(rows))
    write(root, "metrics/prepare.json", {"prepare": {"rows": 3136}})
    about = {"commit": "0123456", "processor": "any", "note": "So *it* is."}
    about |= {"title": "An <older> run", "command": "dvc exp run -S seed=2"}
    write(root, f"{FOLDER}/older/experiment.json", about)
    # Markov's distance was 0.4, from 0.38 to 0.42; hmm's 0.25, from 0.2 to 0.3.
    old = {"frechet": {"value": 0.4, "low": 0.38, "high": 0.42}, "distinct_lines": 0.95}
    write(root, f"{FOLDER}/older/measure/markov.json", old)
    write(root, f"{FOLDER}/older/measure/hmm.json", {"frechet": ROW})
    write(root, f"{FOLDER}/older/measure/seqgan.json", {"frechet": 0.6})
    # The encoder found 65 %, from 63 to 67, in vectors of 40 numbers.
    old = {"width": 40, "precision_at_0.002": {"value": 0.65, "low": 0.63, "high": 0.67}}
    old = {"texts": {"queries": 259, "chance": 0.05}, "word2vec": old}
    write(root, f"{FOLDER}/older/evaluate_documents.json", {"evaluate_documents": old})


def render_both(root, count=200):
    lab_book = render_lab_book(root, GENERATED, [], True, "some BERT")
    return lab_book, render_page(root, lab_book, GENERATED, count)


@pytest.fixture
def tree(tmp_path):
    write_run(tmp_path)
    return tmp_path


def read_data(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def as_text(html):
    return unescape(re.sub(r"<[^>]+>", "", html)).strip()


# Without a browser


def test_the_page_holds_every_table_of_the_lab_book(tree):
    lab_book, page = render_both(tree)
    tables = [block for block in lab_book.split("\n\n") if block.startswith("|")]
    found = re.findall(r"<table.*?</table>", page.replace("caption", "!"), re.DOTALL)
    found = [table for table in found if "<thead>" in table]
    assert len(found) == len(tables) > 5
    for table, html in zip(tables, found, strict=True):
        rows = [line.strip("| ").split(" | ") for line in table.split("\n")]
        del rows[1]  # the rule under the head
        cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL) for row in html.split("<tr>")[1:]]
        assert [[as_text(cell) for cell in row] for row in cells] == rows
        assert all('scope="col"' in cell for cell in cells[0])
        assert all(row[0].startswith('<th scope="row">') for row in cells[1:])
        assert all('class="number"' in cell for row in cells for cell in row[1:])


def test_every_section_is_in_the_contents_and_every_line_leads_somewhere(tree):
    lab_book, page = render_both(tree)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    links = re.findall(r'<a href="#([^"]+)">(.*?)</a>', page)
    assert {link for link, _ in links} <= set(ids)
    titles = re.findall(r"^###? (.+)$", lab_book, re.MULTILINE)
    assert titles[-3:] == ["Texts", "Recorded experiments", "An <older> run"]
    titles.remove("Texts")  # of which the page has a part of its own
    own = ["Read the texts", "What the judges say", "Compare two runs"]
    assert [as_text(title) for _, title in links] == own + titles


def test_pictures_are_inside_and_what_is_not_beside_is_left_out(tree):
    _, page = render_both(tree)
    assert page.count("<img ") == 2  # prepare-lengths.png is not there
    assert page.count('src="data:image/png;base64,iVBOR') == 2
    outside = tree.parent / "outside.png"
    outside.write_bytes(DOT)
    assert read_picture(tree / "metrics", "../plots/measure.png")
    for path in ("../../outside.png", str(outside), "../plots/measure.csv", "https://x.org/a.png"):
        assert read_picture(tree / "metrics", path) == ""


def test_html_in_a_lab_book_is_text(tmp_path):
    book = render_book("## A <b>\n\n<script>1</script>\n\n| <i> | n |\n| - | - |\n", tmp_path)
    assert "<script>" not in book.run
    assert "<i>" not in book.run
    assert book.contents[0].title == "A <b>"


def test_headings_of_one_name_have_ids_of_their_own(tmp_path):
    book = render_book("## A!\n\n## A?\n\n### A\n", tmp_path)
    first, second = book.contents
    assert [first.id, second.id, second.parts[0].id] == ["book-a", "book-a--2", "book-a--3"]


def test_equal_files_give_equal_pages(tree, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write_run(other)
    assert render_both(tree)[1] == render_both(other)[1]


def test_no_text_of_a_source_is_html(tree):
    _, page = render_both(tree)
    # The page's own two scripts, and none of a text.
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img src=x" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert read_data(page)["texts"][-1]["sets"][0]["texts"] == TEXTS["hmm"]


def test_each_source_shows_so_many_texts_of_each_temperature_and_no_more(tree):
    sources = gather_texts(tree / "data/samples", tree / "data/sweep", GENERATED, {}, 4)
    shown = {
        (source["key"], part["temperature"]): (len(part["texts"]), part["total"])
        for source in sources
        for part in source["sets"]
    }
    assert shown == {
        ("test", None): (3, 3),
        ("train", None): (2, 2),
        ("markov", None): (4, 25),
        ("hmm", None): (4, 8),
        ("hmm", "0.7"): (1, 1),
        ("hmm", "1.3"): (2, 2),
    }


def test_of_a_source_that_was_judged_in_part_those_texts_are_shown(tree):
    lines = {"markov": [20, 3, 11]}
    path = tree / "data/judgements/ngrams.csv"
    write_judgements(path, {"markov": [1.0, -1.0, 0.5]}, lines)
    answers = read_answers(tree / "data/judgements", ["ngrams", "nobody"])
    assert answers == {"ngrams": {"markov": {3: -1.0, 11: 0.5, 20: 1.0}}}
    sources = gather_texts(tree / "data/samples", tree / "data/sweep", GENERATED, answers, 2)
    (markov,) = (source for source in sources if source["key"] == "markov")
    assert markov["sets"][0]["lines"] == [4, 12]
    assert markov["sets"][0]["texts"] == ["the 4 th", "the 12 th"]
    judge = read_data(render_both(tree, 2)[1])["judges"][0]
    assert judge["answers"] == {"markov": [-1.0, 0.5]}


def test_what_is_copied_is_counted_in_words(tree):
    sources = gather_texts(tree / "data/samples", tree / "data/sweep", GENERATED, {}, 200)
    copied = {source["key"]: source["sets"][0]["copied"] for source in sources}
    assert copied["hmm"][:3] == [4, 5, 0]
    assert copied["test"] == [2, 0, 0]  # "the cat"; letters count as they are
    assert copied["train"] is None


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("data/judgements/ngrams.csv", []),  # the table of judges stays, without texts
        ("metrics/cross_evaluate.json", ["What the judges say", "The judges"]),
        ("metrics/experiments/older/experiment.json", ["Compare two runs", "Recorded experiments"]),
        ("data/sweep/hmm/0.7.txt", []),
        ("data/samples/train.txt", []),
        ("data/samples/hmm.labels", []),
        ("plots/measure.csv", []),
        ("plots/measure.png", []),
        ("metrics/measure/markov.json", []),
        ("metrics/prepare.json", ["The corpus"]),
    ],
)
def test_a_missing_file_leaves_its_part_out(tree, path, gone):
    _, before = render_both(tree)
    (tree / path).unlink()
    _, after = render_both(tree)
    assert before != after or path == "data/samples/hmm.labels"  # which had none
    parts = [re.findall(r"<h2>(.*?)</h2>", page) for page in (before, after)]
    assert {*parts[0]} - {*parts[1]} == {*gone}


@pytest.mark.parametrize(
    "path",
    [
        "data/judgements/ngrams.csv",
        "data/samples/hmm.txt",
        "data/samples/test.labels",
        "data/samples/train.txt",
        "data/sweep/hmm/0.7.txt",
        "data/sweep/hmm/temperatures.txt",
        "metrics/measure/hmm.json",
        "plots/measure.csv",
    ],
)
def test_a_file_that_is_no_utf_8_is_one_line(tree, path):
    content = (tree / path).read_bytes()
    (tree / path).write_bytes(content + b"\xff\n")
    with pytest.raises(UserError, match=f"^{tree / path}: ") as caught:
        render_both(tree)
    assert "\n" not in str(caught.value)
    assert "line 0" not in str(caught.value)


@pytest.mark.parametrize("line", ["hmm,frechet,,0.3,0.32", "hmm,frechet,0.31", "hmm"])
def test_a_table_of_intervals_that_lacks_a_number_is_one_line(tree, line):
    write(tree, "plots/measure.csv", f"source,measure,value,low,high\n{line}\n")
    with pytest.raises(UserError, match=r"measure\.csv: line 2: expected .*`dvc repro`"):
        render_both(tree)


def test_without_any_file_there_is_a_page(tmp_path):
    _, page = render_both(tmp_path)
    assert "<h1>Report</h1>" in page
    assert "<h2>" not in page


# In a browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with start_browser(tmp_path_factory.mktemp("downloads")) as browser:
        yield browser


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    write_run(root)
    (root / "report.html").write_text(render_both(root)[1], encoding="utf-8")
    return root / "report.html"


@pytest.fixture
def opened(browser, path):
    """Give the browser with the page just opened, which may neither ask a host nor complain."""
    browser.resize(1280)
    browser.open(path)
    yield browser
    asked = [url for url in browser.requests() if not url.startswith("data:")]
    assert asked == [path.resolve().as_uri()]
    assert browser.complaints() == []
    assert browser.driver.title == "Report"  # no text has run


def find(browser, css):
    return browser.driver.find_elements("css selector", css)


def one(browser, css):
    (element,) = find(browser, css)
    return element


def choose(browser, css, title):
    for option in one(browser, css).find_elements("css selector", "option"):
        if option.text == title:
            option.click()
            return
    raise AssertionError(f"{css} has no {title}")


def tick(browser, *titles):
    """Let the columns be those of these sources."""
    for label in find(browser, "#texts-sources label"):
        box = label.find_element("css selector", "input")
        if box.is_selected() != (label.text.strip() in titles):
            box.send_keys(" ")


def columns(browser):
    """Return the texts that each column shows, by its title."""
    shown = {}
    for column in find(browser, "#texts-columns section"):
        title = column.find_element("css selector", "h3").text
        shown[title] = [text.text for text in column.find_elements("css selector", ".text")]
    return shown


def test_texts_stand_side_by_side_real_ones_too(opened):
    tick(opened, "real test text", "Markov chain", "hmm")
    shown = columns(opened)
    assert [*shown] == ["real test text", "Markov chain", "hmm"]
    assert shown["real test text"] == TEXTS["test"]
    assert shown["Markov chain"] == TEXTS["markov"][:20]
    assert shown["hmm"][2] == "no word"
    status = one(opened, "#texts-status").text
    assert status == "Texts found: real test text 3, Markov chain 25, hmm 8."


def test_texts_come_in_pages_of_twenty(opened):
    tick(opened, "real test text", "Markov chain")
    back, on = find(opened, "#texts-pager button")
    assert not back.is_enabled()
    on.send_keys("\n")
    shown = columns(opened)
    assert shown == {"real test text": [], "Markov chain": TEXTS["markov"][20:]}
    assert one(opened, "#texts-pager span").text == "page 2 of 2"
    # The keyboard stays where something can be done.
    assert opened.driver.switch_to.active_element.text == "‹ Back"
    tick(opened, "real test text")  # fewer texts: the first page again
    assert columns(opened) == {"real test text": TEXTS["test"]}
    assert not one(opened, "#texts-pager").is_displayed()


def test_a_label_picks_texts(opened):
    tick(opened, "real test text", "real training text", "hmm")
    choose(opened, "#texts-label", "0")
    assert columns(opened) == {
        "real test text": ["the cat slept", "Cats purr"],
        "real training text": [TRAIN[0]],
        "hmm": [],
    }
    assert "texts without labels" in one(opened, "#texts-columns").text


def test_a_temperature_picks_texts_and_real_text_stays(opened):
    tick(opened, "real test text", "Markov chain", "hmm")
    choose(opened, "#texts-temperature", "1.3")
    shown = columns(opened)
    assert shown["hmm"] == ["hot cat", "hot dog"]
    assert shown["real test text"] == TEXTS["test"]
    assert shown["Markov chain"] == []
    assert "writes at one temperature alone" in one(opened, "#texts-columns").text


def test_a_search_finds_letters_of_any_case_and_marks_them(opened):
    tick(opened, "real test text", "hmm")
    one(opened, "#texts-query").send_keys("cat")
    assert columns(opened) == {
        "real test text": ["the cat slept", "Cats purr"],
        "hmm": ["cat sat on the mat !"],
    }
    assert [mark.text for mark in find(opened, "#texts mark")] == ["cat", "Cat", "cat"]
    one(opened, "#texts-query").send_keys(".*[")  # plain letters, not a pattern
    assert columns(opened) == {"real test text": [], "hmm": []}


def test_copied_texts_are_marked_and_found(opened):
    tick(opened, "hmm")
    notes = [note.text for note in find(opened, "#texts-columns .notes")]
    assert notes == ["copied", "copied: 5 of 6 words"]
    choose(opened, "#texts-copied", "the whole text")
    assert columns(opened) == {"hmm": ["a dog ran off"]}
    choose(opened, "#texts-copied", "5 words in a row or more")
    assert columns(opened) == {"hmm": ["cat sat on the mat !"]}


def test_a_hostile_text_is_shown_and_does_no_harm(opened):
    tick(opened, "hmm")
    shown = columns(opened)["hmm"][3:]
    assert shown == [
        *HOSTILE[:2],
        "red ␛[31m alarm",
        "turned [U+202E] round",
        "line[U+2028]separated",
    ]
    assert not find(opened, "#texts .text img, #texts .text script")
    one(opened, "#texts-query").send_keys("<IMG")  # marked, it is text all the same
    assert columns(opened)["hmm"] == [HOSTILE[1]]
    assert one(opened, "#texts mark").text == "<img"


def rows(table):
    """Return the cells' texts, without intervals' line breaks."""
    return [
        [cell.text.replace("\n", " ") for cell in row.find_elements("css selector", "th, td")]
        for row in table.find_elements("css selector", "tbody tr")
    ]


def test_a_table_is_sorted_by_its_heads_and_back(opened):
    (table,) = (
        each
        for each in find(opened, "table.sorts")
        if each.find_element("css selector", "caption").get_property("textContent")
        == "Near to real text?"
    )
    source, distance = table.find_elements("css selector", "thead button")[:2]
    before = rows(table)
    intervals = ["0.500 (0.450 to 0.550)", "0.310 (0.300 to 0.320)"]
    assert [row[1] for row in before] == ["0.200", *intervals]
    head = distance.find_element("xpath", "..")
    for order, expected in (
        ("ascending", ["real training text", "hmm", "Markov chain"]),
        ("descending", ["Markov chain", "hmm", "real training text"]),
        (None, ["real training text", "Markov chain", "hmm"]),
    ):
        distance.send_keys("\n")
        assert [row[0] for row in rows(table)] == expected
        assert head.get_attribute("aria-sort") == order
    source.send_keys("\n")
    assert [row[0] for row in rows(table)] == ["hmm", "Markov chain", "real training text"]


def test_what_is_no_number_is_sorted_last_either_way(opened):
    script = """
      const table = make("table");
      const head = make("tr", {}, make("th", { class: "number" }, "n"));
      table.append(make("thead", {}, head), make("tbody"));
      for (const shown of ["–", "1,200", "−3 (−4 to 2)", "7.5 %"])
        table.tBodies[0].append(make("tr", {}, make("td", {}, shown)));
      makeSortable(table);
      const read = () => [...table.tBodies[0].rows].map((row) => row.textContent);
      const button = table.querySelector("button");
      button.click(); const up = read();
      button.click(); return [up, read()];
    """
    up, down = opened.driver.execute_script(script)
    assert up == ["−3 (−4 to 2)", "7.5 %", "1,200", "–"]
    assert down == ["1,200", "7.5 %", "−3 (−4 to 2)", "–"]


def test_a_cell_opens_its_texts_by_keyboard_and_escape_goes_back(opened):
    table = one(opened, "#judges-matrix")
    assert rows(table) == [
        ["real test text", "66.7 %"],
        ["Markov chain", "50.0 %"],  # of which no single answer is known
        ["hmm", "62.5 %"],
    ]
    buttons = table.find_elements("css selector", "button")
    assert [button.text for button in buttons] == ["66.7 %", "62.5 %"]
    assert not one(opened, "#judges-texts").is_displayed()
    buttons[1].send_keys("\n")
    title = opened.driver.switch_to.active_element
    assert title.text == "ngrams on hmm"
    texts = [text.text for text in find(opened, "#judges-list .text")]
    assert texts[:2] == ["a dog ran off", "cat sat on the mat !"]
    # 1 / (1 + e^-3) = 0.953, and 1 / (1 + e^3) = 0.047.
    notes = [note.text for note in find(opened, "#judges-list .notes")]
    assert notes[0].split("\n") == ["✗ wrong: takes it for real", "score 0.95", "copied"]
    assert notes[1].split("\n")[:2] == ["✓ right: takes it for generated", "score 0.05"]
    title.send_keys("\ue00c")
    assert not one(opened, "#judges-texts").is_displayed()
    assert opened.driver.switch_to.active_element == buttons[1]


def test_a_judge_s_texts_are_ordered_and_chosen(opened):
    one(opened, "#judges-matrix tbody tr:first-child button").send_keys("\n")
    choose(opened, "#judges-order", "most generated first")
    texts = [text.text for text in find(opened, "#judges-list .text")]
    assert texts == ["dogs bark", "Cats purr", "the cat slept"]  # -1, 0, 2
    choose(opened, "#judges-taken", "real")  # a score of a half is one
    choose(opened, "#judges-order", "most real first")
    texts = [text.text for text in find(opened, "#judges-list .text")]
    assert texts == ["the cat slept", "Cats purr"]


HMM = ("0.250 (0.200 to 0.300)", "0.310 (0.300 to 0.320)")
MARKOV = ("0.400 (0.380 to 0.420)", "0.500 (0.450 to 0.550)")
# 60 % - 65 % = -5 points, and 62 is below 63.
FOUND = ("65.0 % (63.0 to 67.0)", "60.0 % (58.0 to 62.0)", "−5.0 points worse", "apart")
ENCODERS = [
    ["all encoders", "queries", "259", "259", "0", "–"],
    ["all encoders", "right by chance", "5.0 %", "5.0 %", "0.0 points", "–"],
    ["word2vec", "width", "40", "50", "+10", "–"],
    ["word2vec", "right of the nearest 0.2 %", *FOUND],
]


def test_two_runs_differ_by_what_hand_gives(opened):
    choose(opened, "#runs-first", "An <older> run")
    choose(opened, "#runs-second", "this run")
    choose(opened, "#runs-theme", "all")
    # 0.5 - 0.4 = 0.1, and 0.45 is above 0.42; 0.31 - 0.25 = 0.06, and 0.3 is in both intervals;
    # 90 % - 95 % = -5 points. MAUVE, and seqgan, stand in one of them alone.
    assert rows(one(opened, "#runs-table table")) == [
        ["Markov chain", "Frechet distance", *MARKOV, "+0.100 worse", "apart"],
        ["hmm", "Frechet distance", *HMM, "+0.060 worse", "overlap"],
        ["Markov chain", "distinct lines", "95.0 %", "90.0 %", "−5.0 points", "–"],
        *ENCODERS,
    ]
    assert one(opened, "#runs-status").text == "7 numbers, 2 of them apart."
    assert one(opened, "#runs-commands").text == "An <older> run\ndvc exp run -S seed=2"


def test_encoders_of_whole_texts_are_compared_by_their_own_names(opened):
    choose(opened, "#runs-first", "An <older> run")
    choose(opened, "#runs-second", "this run")
    choose(opened, "#runs-theme", "Encoders of whole texts")
    assert rows(one(opened, "#runs-table table")) == ENCODERS
    choose(opened, "#runs-first-source", "word2vec")  # no GAN's name
    assert rows(one(opened, "#runs-table table")) == ENCODERS[2:]


def test_sources_of_other_names_can_be_compared(opened):
    choose(opened, "#runs-first", "An <older> run")
    choose(opened, "#runs-first-source", "seqgan")
    assert "no number in common" in one(opened, "#runs-status").text
    choose(opened, "#runs-second-source", "hmm")
    (row,) = rows(one(opened, "#runs-table table"))
    assert row == ["seqgan → hmm", "Frechet distance", "0.600", HMM[1], "−0.290 better", "–"]


@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_never_scrolls_sideways(opened, width):
    opened.resize(width)
    tick(opened, "real test text", "real training text", "Markov chain", "hmm")
    find(opened, "#judges-matrix button")[0].send_keys("\n")
    opened.driver.execute_script("for (const e of document.querySelectorAll('details')) e.open = 1")
    script = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    needed, there = opened.driver.execute_script(script)
    assert needed <= there
    # What is wider scrolls in a region that the keyboard reaches and that has a name.
    script = """return [...document.querySelectorAll("main *")].filter((e) =>
      ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
      && !(e.tabIndex === 0 && e.role === "region" && e.ariaLabel)).map((e) => e.outerHTML)"""
    assert opened.driver.execute_script(script) == []


def test_every_field_and_button_has_a_name(opened):
    find(opened, "#judges-matrix button")[0].send_keys("\n")
    for element in find(opened, "main select, main input, main button, main img"):
        if element.is_displayed():
            assert element.accessible_name, element.get_attribute("outerHTML")


def test_a_line_of_the_contents_opens_what_is_folded(opened):
    folded = one(opened, "main details")
    assert folded.get_attribute("open") is None
    link = next(a for a in find(opened, "nav a") if a.text == "An <older> run")
    link.send_keys("\n")
    wait_until(lambda: folded.get_attribute("open") is not None)
    assert "So it is." in folded.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_by_day_and_by_night(opened, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    script = """
      const colour = (name) => {
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
        const code = parseInt(canvas.fillStyle.slice(1), 16);
        const parts = [code >> 16, (code >> 8) & 255, code & 255].map((part) => {
          const share = part / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
      };
      const [one, other] = arguments.map(colour).sort((a, b) => b - a);
      return (one + 0.05) / (other + 0.05);
    """.replace("arguments.map", "[...arguments].map")
    for letters in ("--ink", "--quiet", "--accent", "--good", "--bad"):
        for ground in ("--paper", "--card"):
            assert opened.driver.execute_script(script, letters, ground) >= 4.5, (letters, ground)
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_on_paper_what_is_folded_is_open(opened):
    script = """
      window.dispatchEvent(new Event("beforeprint"));
      const during = document.querySelector("main details").open;
      window.dispatchEvent(new Event("afterprint"));
      return [during, document.querySelector("main details").open];
    """
    assert opened.driver.execute_script(script) == [True, False]


def test_the_parts_of_the_page_are_files_that_people_can_read():
    for path in (Path(__file__).parents[1] / "stages/pages").glob("report*"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert max(map(len, lines)) <= 120, path
        assert len(lines) < 600, path


def read_rules(name):
    """Return each declaration of a style sheet with its selector and what it stands in."""
    content = (Path(__file__).parents[1] / "stages/pages" / name).read_text(encoding="utf-8")
    content = re.sub(r"/\*.*?\*/", "", content, flags=re.DOTALL)
    rules, around = set(), []
    for part, sign in re.findall(r"([^{}]*)([{}])", content):
        if sign == "{":
            around.append(" ".join(part.split()))
            continue
        *outer, selectors = around
        for selector in selectors.split(", "):
            rules |= {(*outer, selector, each.strip()) for each in part.split(";") if each.strip()}
        around.pop()
    return rules


def test_what_both_pages_style_alike_stands_in_what_they_share():
    assert (".number", "font-variant-numeric: tabular-nums") in read_rules("page.css")
    dark = "@media (prefers-color-scheme: dark)"
    assert (dark, ":root", "--paper: #16181c") in read_rules("page.css")
    sheets = [read_rules(name) for name in ("page.css", "report.css", "blind_test.css")]
    for one, other in combinations(sheets, 2):
        assert one & other == set()
