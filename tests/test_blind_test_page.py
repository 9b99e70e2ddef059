"""The blind test's page in a browser: keys, buttons, what is counted, saved, seen, read aloud."""

import json
import time
from importlib import import_module
from itertools import count
from pathlib import Path

import pytest

from stages import blind_test
from stages.measures.detection import wilson
from stages.measures.raters import chance_of_guessing
from stages.pipeline.blind_test_files import write_key
from stages.write_blind_test import render
from tests.browser import start_browser

NUMBERS = count(1)  # of pages
# What anybody may have written, and a word longer than the page is wide.
TEXTS = [
    "<img src=x onerror=alert(1)> </script> &amp; <b>bold</b>",
    "red \x1b[31m bell \x07 nul \x00 end",
    "left \u202e thgir \u200f and \u05e9\u05dc\u05d5\u05dd .",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd ,",
    "w" * 300,
    "a plain text , as most are .",
]
KEY = [0, 1, 2, 0, 1, 0]
SOURCES = ["test", "markov", "hmm"]
NAMES = ["real test text", "Markov chain", "hmm"]
RANKS = [[1, 10, 11, 100], [101, 1000, 1001, 0, 5, 5, 5], [1] * 6, [1] * 3, [5000], [2] * 8]
KEYS = {"right": "\ue014", "left": "\ue012", "back": "\ue003", "tab": "\ue004", "enter": "\ue007"}

# Every visible element that has text of its own: the font's size, and the contrast with what is
# behind it, by the formula of WCAG 2.2 (relative luminance).
LOOK = """
const parse = (colour) => (colour.match(/[0-9.]+/g) || []).map(Number);
const light = (colour) => {
  const [r, g, b] = colour.map((part) => part / 255).map(
    (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const found = [];
for (const element of document.body.querySelectorAll("*")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !element.checkVisibility() || element.closest(".only-read-aloud, script")) continue;
  const style = getComputedStyle(element);
  let behind = element, back = [0, 0, 0, 0];
  while (behind && back[3] === 0) {
    back = parse(getComputedStyle(behind).backgroundColor);
    behind = behind.parentElement;
  }
  const [one, two] = [light(parse(style.color).slice(0, 3)), light(back.slice(0, 3))];
  const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  found.push([element.textContent.trim().slice(0, 30), parseFloat(style.fontSize), contrast]);
}
return found;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with start_browser(tmp_path_factory.mktemp("downloads")) as browser:
        yield browser


@pytest.fixture
def file(tmp_path):
    """Write a page of its own, for which the browser has kept nothing."""
    page = f"{next(NUMBERS):016x}"
    data = {"page": page, "seed": 7, "texts": TEXTS, "key": KEY, "ranks": RANKS}
    data["sources"] = [{"name": name, "real": name == NAMES[0]} for name in NAMES]
    (tmp_path / "blind_test.html").write_text(render(data), encoding="utf-8", newline="\n")
    shown = [(text, SOURCES[place]) for text, place in zip(TEXTS, KEY, strict=True)]
    write_key(tmp_path / "blind_test.json", page, 7, shown)
    return tmp_path / "blind_test.html"


@pytest.fixture
def sheet(browser, file):
    """Open the page."""
    browser.resize(1000)
    browser.complaints()
    browser.open(file)
    yield Sheet(browser)
    assert browser.complaints() == []


class Sheet:
    """The page as somebody uses it."""

    def __init__(self, browser):
        self.browser, self.driver = browser, browser.driver

    def find(self, name):
        return self.driver.find_element("id", name)

    def click(self, *names):
        for name in names:
            self.find(name).click()

    def press(self, *keys):
        chain = import_module("selenium.webdriver").ActionChains(self.driver)
        for key in keys:
            chain.send_keys(KEYS.get(key, key))
        chain.perform()

    def reload(self, section):
        """Load the page anew until a section shows: a busy browser may be slow to store answers."""
        for _ in range(5):
            self.driver.refresh()
            if self.section() == section:
                return
            time.sleep(1)
        raise AssertionError(f"section {self.section()}, where {section} was left")

    def text(self, name):
        return self.find(name).text

    def section(self):
        shown = [
            name for name in ("start", "test", "over", "end") if self.find(name).is_displayed()
        ]
        assert len(shown) == 1
        return shown[0]

    def finish(self, answers="rfrfrf"):
        self.click("begin")
        self.press(*answers)
        self.click("show")

    def save(self):
        """Save the answers; return the file, once the browser has written it."""
        folder = self.browser.downloads
        for old in folder.iterdir():
            old.unlink()
        self.click("save")
        for _ in range(100):
            found = [*folder.glob("*.json")]
            if found and found[0].read_text().endswith("}\n"):
                return found[0]
            time.sleep(0.05)
        raise AssertionError("nothing was saved")

    def rows(self):
        rows = self.driver.find_elements("css selector", "#sources tr")
        return [[cell.text for cell in row.find_elements("css selector", "th, td")] for row in rows]


def test_keys_and_buttons_answer_and_go_back(sheet):
    assert sheet.section() == "start"
    sheet.press("r")  # not yet
    sheet.click("begin")
    assert sheet.text("place") == "Text 1 of 6"
    assert not sheet.find("undo").is_displayed()
    for key in ("r", "F", "right", "left"):
        sheet.press(key)
    assert sheet.text("place") == "Text 5 of 6"
    sheet.press("u", "back")
    sheet.click("undo")
    assert sheet.text("place") == "Text 2 of 6"
    sheet.click("real", "fake")
    assert sheet.text("place") == "Text 4 of 6"
    sheet.press("x", "r", "r", "r")
    assert sheet.section() == "over"
    assert sheet.text("over-title") == "All 6 texts answered"
    sheet.press("r")  # there is nothing left to answer
    sheet.press("u")
    assert sheet.text("place") == "Text 6 of 6"
    sheet.press("f")
    sheet.click("show")
    answers = json.loads(sheet.save().read_text())["answers"]
    assert [each["answer"][0] for each in answers] == [*"rrfrrf"]


def test_a_key_that_is_held_or_is_a_shortcut_answers_nothing(sheet):
    sheet.click("begin")
    for event in (
        "{key: 'r', repeat: true}",
        "{key: 'r', ctrlKey: true}",
        "{key: 'f', altKey: true}",
    ):
        script = f"document.dispatchEvent(new KeyboardEvent('keydown', {event}))"
        sheet.driver.execute_script(script)
    assert sheet.text("place") == "Text 1 of 6"


def test_keys_can_be_switched_off(sheet):
    sheet.click("keys", "begin")
    sheet.press("r", "f")
    assert sheet.text("place") == "Text 1 of 6"
    sheet.click("real")
    assert sheet.text("place") == "Text 2 of 6"


def test_the_score_is_that_counted_by_hand(sheet):
    # Real are 1, 4, 6. Of these the first is called real; of Markov's 2 and 5, the second; hmm's 3
    # is called real. Right: 1, 2; wrong: 3, 4, 5, 6.
    sheet.finish("rfrfrf")
    assert sheet.text("score") == "You were right about 2 of 6 texts: 33 %."
    # Wilson at 2 of 6: 9.7 to 70.0 %. At 1 of 3: 6.1 to 79.2. At 1 of 2: 9.5 to 90.5. At 1: 20.7.
    assert sheet.text("chance").startswith("The 95 % interval is 10 % to 70 %. That may be guess")
    # Three of six are called real, one of them is: all but one of C(6, 3) = 20 ways hit so many.
    assert sheet.text("chance").endswith("at least so many right with a probability of 0.950.")
    assert sheet.rows() == [
        ["real test text", "3", "33 % (6 % to 79 %)"],
        ["Markov chain", "2", "50 % (9 % to 91 %)"],
        ["hmm", "1", "100 % (21 % to 100 %)"],
    ]


@pytest.mark.parametrize("texts", [1, 2, 3, 7, 60, 1000])
def test_intervals_are_python_s(sheet, texts):
    for hits in {0, 1, texts // 3, texts // 2, texts}:
        found = sheet.driver.execute_script(f"return wilson({hits} / {texts}, {texts})")
        assert found == pytest.approx(wilson(hits / texts, texts)[1:], abs=1e-12)


@pytest.mark.parametrize(("real", "fake"), [(1, 0), (0, 2), (3, 3), (8, 2), (30, 31), (400, 350)])
def test_chances_of_guessing_are_python_s(sheet, real, fake):
    for said in {0, 1, (real + fake) // 2, real + fake}:
        for hits in {max(0, said - fake), (max(0, said - fake) + min(real, said)) // 2}:
            script = f"return chancesOfGuessing({real}, {fake}, {said}, {hits})"
            more, less = sheet.driver.execute_script(script)
            is_real = {text: text < real for text in range(real + fake)}
            called = {*range(hits), *range(real, real + said - hits)}
            told = {text: text in called for text in is_real}
            assert more == pytest.approx(chance_of_guessing(is_real, [told]), abs=1e-12)
            # At most so many real texts called real: at least so many of those not called so.
            turned = {text: not called_real for text, called_real in told.items()}
            assert less == pytest.approx(chance_of_guessing(is_real, [turned]), abs=1e-12)


def test_one_answer_to_all_and_an_early_stop_is_guessing(sheet):
    sheet.click("begin")
    sheet.press(*"r")
    sheet.click("stop", "show")
    assert sheet.text("score").startswith("You were right about 1 of 1 text:")
    assert "may be guessing" in sheet.text("chance")
    assert sheet.text("chance").endswith("a probability of 1.000.")


def test_better_and_worse_than_guessing_are_told(sheet):
    # All right, or all wrong: 1 of 20 ways either way.
    sheet.finish("rffrfr")
    assert "Better than guessing" in sheet.text("chance")
    assert "probability of 0.050." in sheet.text("chance")
    sheet.click("again")
    sheet.driver.switch_to.alert.accept()
    sheet.finish("frrfrf")
    assert "Worse than guessing" in sheet.text("chance")
    assert "so few right with a probability of 0.050." in sheet.text("chance")


def test_what_is_saved_is_what_the_command_counts(sheet, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sheet.finish("rfrfrf")
    sheet.find("name").send_keys("Ann <b> Ö")
    saved = sheet.save()
    assert saved.name == "answers-ann-b.json"
    found = json.loads(saved.read_text())
    assert (found["seed"], found["rater"]) == (7, "Ann <b> Ö")
    assert [each["id"] for each in found["answers"]] == [1, 2, 3, 4, 5, 6]
    assert all(0 <= each["milliseconds"] < 60_000 for each in found["answers"])
    assert not [text for text in TEXTS if text in saved.read_text()]
    with pytest.warns(UserWarning, match="no detector"):
        blind_test.main(str(saved), "--key", str(file.with_suffix(".json")))
    counted = json.loads(Path("metrics/blind_test.json").read_text())["blind_test"]
    assert counted["accuracy"]["value"] == pytest.approx(2 / 6, abs=1e-6)
    taken = {name: each["taken_for_real"]["value"] for name, each in counted["sources"].items()}
    assert taken == {"test": pytest.approx(1 / 3, abs=1e-6), "markov": 0.5, "hmm": 1}
    # On the page with the same intervals.
    assert counted["sources"]["markov"]["taken_for_real"]["low"] == pytest.approx(0.0945, abs=1e-4)


def test_whoever_stops_early_saves_what_there_is(sheet):
    sheet.click("begin", "stop")
    assert sheet.text("over-title") == "0 of 6 texts answered"
    assert not sheet.find("show").is_displayed()
    sheet.click("on")
    sheet.press("r", "r")
    sheet.click("stop", "show")
    assert sheet.text("score").startswith("You were right about 1 of 2 texts")
    assert [row[:2] for row in sheet.rows()] == [["real test text", "1"], ["Markov chain", "1"]]
    assert len(json.loads(sheet.save().read_text())["answers"]) == 2


def test_answers_outlive_a_reload(sheet):
    sheet.click("begin")
    sheet.press("r", "f")
    sheet.reload("test")
    assert sheet.text("place") == "Text 3 of 6"
    sheet.press("r", "f", "r", "f")
    sheet.click("show")
    before = json.loads(sheet.save().read_text())
    sheet.reload("end")
    assert json.loads(sheet.save().read_text()) == before


@pytest.mark.parametrize("left", ["no json", "null", '{"sitting": 1}', '{"section": "end"}'])
def test_what_is_no_sitting_of_this_page_begins_anew(sheet, left):
    sheet.driver.execute_script("localStorage.setItem(storageKey(), arguments[0])", left)
    sheet.driver.refresh()
    assert sheet.section() == "start"


def warns_before_leaving(sheet):
    script = "const event = new Event('beforeunload', {cancelable: true});"
    script += "window.dispatchEvent(event); return event.defaultPrevented"
    return sheet.driver.execute_script(script)


def test_where_nothing_can_be_kept_the_page_works_and_warns_before_it_is_left(sheet, browser, file):
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})"
    command, options = "Page.addScriptToEvaluateOnNewDocument", {"source": refuse}
    script = browser.driver.execute_cdp_cmd(command, options)
    try:
        browser.open(file)
        assert not warns_before_leaving(sheet)
        sheet.click("begin")
        sheet.press(*"rfrfr")
        assert warns_before_leaving(sheet)
        sheet.press("f")
        sheet.click("show")
        sheet.save()
        assert not warns_before_leaving(sheet)
    finally:
        browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_another_person_starts_with_nothing_of_the_first(sheet):
    sheet.finish()
    sheet.find("name").send_keys("Ann")
    first = json.loads(sheet.save().read_text())
    sheet.click("again")  # saved, so that nothing is asked
    assert sheet.section() == "start"
    sheet.finish("ffffff")
    second = json.loads(sheet.save().read_text())
    assert second["sitting"] != first["sitting"]
    assert second["rater"] is None
    assert {each["answer"] for each in second["answers"]} == {"fake"}


def test_unsaved_answers_are_not_thrown_away_unasked(sheet):
    sheet.finish()
    sheet.click("again")
    sheet.driver.switch_to.alert.dismiss()
    assert sheet.section() == "end"


def test_nothing_is_asked_of_any_host(sheet, browser, file):
    browser.requests()
    browser.open(file)
    sheet.finish()
    sheet.save()
    sheet.click("ranks", "mistakes")
    asked = [url for url in browser.requests() if not url.startswith("blob:")]
    assert asked == [file.resolve().as_uri()]


def test_texts_are_shown_as_text_with_all_their_signs(sheet):
    sheet.click("begin")
    shown = []
    for _ in TEXTS:
        shown.append(sheet.text("text"))
        inside = sheet.driver.execute_script(
            "return [...document.querySelector('#text').querySelectorAll('*')]"
            ".map((each) => each.tagName + each.dir)"
        )
        assert inside == ["BDIauto"]
        sheet.press("r")
    assert shown[0] == TEXTS[0]
    assert shown[1] == "red \u241b[31m bell \u2407 nul \u2400 end"
    assert shown[2] == "left [U+202E] thgir [U+200F] and \u05e9\u05dc\u05d5\u05dd ."
    sheet.click("show", "ranks")
    review = sheet.text("review")
    assert TEXTS[0] in review
    assert "\u241b[31m" in review
    assert not sheet.driver.find_elements("css selector", "img, b")


def test_nothing_but_the_data_tells_which_text_is_real(sheet):
    sheet.click("begin")
    sheet.press("r")
    pages = set()
    for number in range(2, len(TEXTS) + 1):
        script = """
        document.getElementById("text").replaceChildren();
        return document.documentElement.cloneNode(true).outerHTML.split('<script')[0]"""
        page = sheet.driver.execute_script(script)
        page = page.replace(f"Text {number} of", "Text of").replace(f'value="{number - 1}"', "")
        pages.add(page)
        sheet.press("r")
    assert len(pages) == 1


def test_ranks_are_shown_by_colour_line_and_words(sheet):
    sheet.finish()
    assert not sheet.find("legend").is_displayed()
    sheet.click("ranks")
    items = sheet.driver.find_elements("css selector", "#review li")
    bands = [
        [span.get_attribute("class")[-1] for span in item.find_elements("css selector", ".band")]
        for item in items
    ]
    assert bands[0][:4] == [*"0011"]  # 1, 10, 11, 100
    assert bands[1] == [*"2234000"]  # 101, 1000, 1001, not known
    assert items[1].text.endswith(
        "Of 7 words, 3 in the first 10, 0 to 100, 2 to 1,000, 1 beyond, 1 not known."
    )
    assert items[4].text.endswith("Of 1 word, 0 in the first 10, 0 to 100, 0 to 1,000, 1 beyond.")
    looks = {
        tuple(
            sheet.driver.find_element("css selector", f"#bands .band-{band}").value_of_css_property(
                name
            )
            for name in ("text-decoration-line", "text-decoration-style", "outline-style")
        )
        for band in range(5)
    }
    assert len(looks) == 5  # without a colour
    assert sheet.find("legend").is_displayed()


def test_the_review_tells_the_truth_and_can_show_mistakes_alone(sheet):
    sheet.finish("rfrfrf")
    told = [
        item.text.split("\n")[0] for item in sheet.driver.find_elements("css selector", "li.right")
    ]
    assert told == [
        "✓ right 1. Real. You said real.",
        "✓ right 2. Fake, by Markov chain. You said fake.",
    ]
    sheet.click("mistakes")
    items = sheet.driver.find_elements("css selector", "#review li")
    assert [item.get_attribute("class") for item in items] == ["wrong"] * 4
    assert items[0].text.startswith("✗ wrong 3. Fake, by hmm. You said real.")


def test_a_page_without_ranks_offers_none(browser, tmp_path):
    data = {"page": "no ranks", "seed": 1, "texts": ["a", "b"], "key": [0, 1], "ranks": None}
    data["sources"] = [{"name": "real", "real": True}, {"name": "hmm", "real": False}]
    (tmp_path / "page.html").write_text(render(data), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    sheet = Sheet(browser)
    sheet.finish("rr")
    assert not sheet.find("ranks").is_displayed()
    assert browser.complaints() == []


SECTIONS = ["start", "test", "over", "end"]


def visit(sheet, section):
    """Go to a section; at the end with all that it can show."""
    steps = {
        "start": lambda: None,
        "test": lambda: sheet.click("begin"),
        "over": lambda: (sheet.click("begin"), sheet.press(*"rfrfrf")),
        "end": lambda: (sheet.finish(), sheet.click("ranks")),
    }
    steps[section]()
    assert sheet.section() == section


@pytest.mark.parametrize("section", SECTIONS)
def test_on_a_phone_nothing_is_cut_off_or_small(sheet, section):
    sheet.browser.resize(400, 800)
    visit(sheet, section)
    while sheet.section() == "test" and sheet.text("place") != "Text 5 of 6":
        sheet.press("r")  # up to the longest word
    assert sheet.driver.execute_script("return document.documentElement.scrollWidth") <= 400
    assert min(size for _, size, _ in sheet.driver.execute_script(LOOK)) >= 16
    for button in sheet.driver.find_elements("tag name", "button"):
        if button.is_displayed():
            assert button.rect["height"] >= 44
            assert button.rect["x"] + button.rect["width"] <= 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("section", SECTIONS)
def test_letters_stand_out_by_day_and_by_night(sheet, section, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    sheet.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        visit(sheet, section)
        time.sleep(0.1)
        found = sheet.driver.execute_script(LOOK)
    finally:
        sheet.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(found) > 2
    assert [each for each in found if each[2] < 4.5] == []


def test_a_screen_reader_is_told_what_there_is(sheet):
    roles = {
        name: sheet.driver.find_element("tag name", name).aria_role
        for name in ("header", "main", "footer")
    }
    assert roles == {"header": "banner", "main": "main", "footer": "contentinfo"}
    assert sheet.driver.find_element("tag name", "html").get_attribute("lang") == "en"
    assert sheet.find("keys").accessible_name == "Answer by these keys"
    sheet.click("begin")
    names = {name: sheet.find(name).accessible_name for name in ("real", "fake", "undo", "stop")}
    sheet.press("r")
    names["undo"] = sheet.find("undo").accessible_name
    assert names == {
        "real": "Real",
        "fake": "Fake",
        "undo": "Back to the text before",
        "stop": "Stop here",
    }
    assert sheet.find("test").accessible_name == "The texts"
    progress = sheet.find("progress")
    assert (progress.aria_role, progress.accessible_name) == ("progressbar", "Text 2 of 6")
    assert (progress.get_property("value"), progress.get_property("max")) == (1, 6)
    sheet.press(*"frfrf")
    sheet.click("show")
    assert sheet.find("name").accessible_name == "Your name, if you like"
    heads = [head.aria_role for head in sheet.driver.find_elements("css selector", "#sources th")]
    assert heads == ["rowheader"] * 3


def test_the_next_text_is_read_aloud(sheet):
    region = sheet.driver.find_element("css selector", "[aria-live]")
    assert region.get_attribute("aria-live") == "polite"
    assert region.get_attribute("aria-atomic") == "true"
    sheet.click("begin")
    told = []
    for _ in range(3):
        told.append(region.get_property("textContent"))
        sheet.click("real")
        focused = sheet.driver.switch_to.active_element.get_attribute("id")
        assert focused == "real"  # it stays where it was
    assert len({*told}) == 3
    assert "Text 2 of 6" in told[1]


def test_the_keyboard_alone_goes_from_begin_to_the_saved_file(sheet):
    def go_to(name):
        for _ in range(20):
            if sheet.driver.switch_to.active_element.get_attribute("id") == name:
                style = "return getComputedStyle(document.activeElement).outlineStyle"
                assert sheet.driver.execute_script(style) == "solid"
                return
            sheet.press("tab")
        raise AssertionError(f"{name} is not reached")

    go_to("begin")
    sheet.press("enter")
    go_to("real")
    sheet.press("enter")
    go_to("undo")
    sheet.press("enter")
    # The button has gone; the keyboard goes on from the heading.
    assert sheet.driver.switch_to.active_element.get_attribute("id") == "test-title"
    sheet.press(*"rfrfrf")
    assert sheet.driver.switch_to.active_element.get_attribute("id") == "over-title"
    go_to("show")
    sheet.press("enter")
    go_to("name")
    sheet.press("B")
    go_to("save")
    for old in sheet.browser.downloads.iterdir():
        old.unlink()
    sheet.press("enter")
    assert sheet.text("saved").startswith("Saved as answers-b.json")
    go_to("ranks")
    sheet.press(" ")
    assert sheet.find("legend").is_displayed()
