"""The blind test: whose texts the page shows, how expected their words are, and what is counted."""

import json
import shutil
import sys
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.stats import fisher_exact

from stages import blind_test, write_blind_test
from stages.blind_test import count_answers, judge_texts
from stages.corpus.corpus import UNKNOWN
from stages.corpus.errors import Caution, UserError
from stages.generators.per_label import PerLabel
from stages.measures.detection import share, wilson
from stages.measures.raters import chance_of_guessing, fleiss_kappa, share_of_answers
from stages.measures.word_ranks import NOT_RANKED, rank_texts, word_ranks
from stages.pages.page import embed, page
from stages.pipeline.blind_test_files import MOST, Answer, Key, Sheet, ShownText, number_page
from stages.pipeline.command_line import run_command
from stages.pipeline.sources import Source, load_source, write_source
from stages.reporting.people_part import people_part
from stages.write_blind_test import draw_texts
from tests.test_detector import GIVEN_AWAY, make_detector, make_texts
from tests.test_language_model import WORDS, make_known_model, make_model

PARAMS = Path(__file__).with_name("params.yaml")
NAMES = ("markov", "language_model", "hmm", "scalar")
WORDS_OF = dict(zip(NAMES, [*GIVEN_AWAY.values()] * 2, strict=False))
PAGE = "0123456789abcdef"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Give a folder in which the page was written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("run"))
        params = YAML(typ="safe").load(PARAMS)
        params |= {"embeddings": ["scalar"], "generators": ["hmm"]}
        YAML().dump(params, Path("params.yaml"))
        write_source("test", ["a b c d", *make_texts(40, 1), ""], [None] * 42)
        for place, name in enumerate(("train", "validation")):
            write_source(name, make_texts(20, 30 + place), [None] * 20)
        for place, name in enumerate(NAMES):
            write_source(name, [*make_texts(10, 2 + place, WORDS_OF[name]), ""], [None] * 11)
        Path("data/generators").mkdir()
        make_known_model(max_length=9).save(Path("data/generators/language_model"))
        write_blind_test.main()
        yield Path.cwd()


@pytest.fixture(autouse=True)
def folder(tree, tmp_path, monkeypatch):
    """Run each test in a copy of it."""
    shutil.copytree(tree, tmp_path / "tree")
    monkeypatch.chdir(tmp_path / "tree")


def make_key(*sources):
    texts = [ShownText(text=f"text {place}", source=name) for place, name in enumerate(sources)]
    return Key(format=1, page=PAGE, seed=1, texts=texts)


def make_sheet(answers, sitting=1, rater=None, page=PAGE):
    """Make answers by text number: r, f, or a blank for none."""
    words = {"r": "real", "f": "fake"}
    given = [
        Answer(id=number, answer=words[each], milliseconds=1000 * number)
        for number, each in enumerate(answers, start=1)
        if each != " "
    ]
    return Sheet(page=page, seed=1, sitting=f"{sitting:016x}", rater=rater, answers=given)


def save_sheet(path, sheet, **changes):
    Path(path).write_text(json.dumps({**sheet.model_dump(), **changes}))


# The stage


def test_half_of_the_texts_are_real_and_each_generator_has_its_count():
    key = json.loads(Path("data/blind_test.json").read_text())
    sources = [each["source"] for each in key["texts"]]
    # Three of each of four generators, and as many of real text as of these.
    assert {name: sources.count(name) for name in sources} == {
        **dict.fromkeys(NAMES, 3),
        "test": 12,
    }
    assert len({each["text"] for each in key["texts"]}) == 24
    assert sources != sorted(sources)
    told = json.loads(Path("metrics/write_blind_test.json").read_text())["write_blind_test"]
    assert told == {"page": number_page(key["page"]), "texts": 24, "real": 12}


def test_same_seed_same_bytes_and_another_seed_another_page():
    paths = [Path("data/blind_test.html"), Path("data/blind_test.json")]
    before = [path.read_bytes() for path in paths]
    write_blind_test.main()
    assert [path.read_bytes() for path in paths] == before
    change("seed", 2)
    write_blind_test.main()
    assert all(path.read_bytes() != bytes_ for path, bytes_ in zip(paths, before, strict=True))


def change(key, value):
    params = YAML(typ="safe").load(Path("params.yaml"))
    params[key] = value
    YAML().dump(params, Path("params.yaml"))


def test_generators_can_be_chosen():
    change("blind_test", {"count": 2, "generators": ["hmm"]})
    write_blind_test.main()
    sources = [
        each["source"] for each in json.loads(Path("data/blind_test.json").read_text())["texts"]
    ]
    assert sorted(sources) == ["hmm", "hmm", "test", "test"]


def test_no_text_is_shown_twice_and_too_few_are_told():
    sources = {
        "markov": Source(["a", "a", "", "b"], [None] * 4),
        "hmm": Source(["a", "b", "c"], [None] * 3),
        "test": Source(["d", "d", "e", "f"], [None] * 4),
    }
    with pytest.warns(Caution, match="hmm.txt: 1 distinct texts"):
        shown = draw_texts(sources, set(), 2, 1)
    assert {(each.text, each.source) for each in shown if each.source != "test"} == {
        ("a", "markov"),
        ("b", "markov"),
        ("c", "hmm"),
    }
    assert sorted(each.text for each in shown) == ["a", "b", "c", "d", "e", "f"]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_generated_text_that_is_a_real_one_is_not_shown(split):
    # Of hmm's eleven, one of which is empty, all but two are real texts.
    real, own = load_source(split), load_source("hmm").texts
    texts = [*real.texts, *own[2:]]
    write_source(split, texts, [None] * len(texts))
    with pytest.warns(Caution, match="hmm.txt: 2 distinct texts with words that no other source"):
        write_blind_test.main()
    key = json.loads(Path("data/blind_test.json").read_text())
    assert {each["text"] for each in key["texts"] if each["source"] == "hmm"} == {*own[:2]}


def test_a_real_text_that_was_learnt_is_not_shown():
    sources = {
        "markov": Source(["a", "b", "lol"], [None] * 3),
        "test": Source(["c", "d", "lol", "ok"], [None] * 4),
    }
    shown = draw_texts(sources, {"lol", "ok"}, 2, 1)
    assert sorted(each.text for each in shown) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("side", ["markov", "test"])
def test_where_one_side_only_has_copies_they_are_shown(side):
    # The other side has a text of its own, which alone would be no test.
    sources = {"markov": Source([*"abx"], [None] * 3), "test": Source([*"abcdef"], [None] * 6)}
    learnt = {*"abx"} if side == "markov" else {*"abcdef"}
    with pytest.warns(Caution, match="^data/samples: nothing is left without copies; "):
        shown = draw_texts(sources, learnt, 2, 1)
    assert sorted(each.source for each in shown) == ["markov", "markov", "test", "test"]
    assert len({each.text for each in shown}) == 4


@pytest.mark.filterwarnings("error::stages.corpus.errors.Caution")  # one line says it all
@pytest.mark.parametrize(
    ("empty", "told"),
    [("markov", "no generated text has words"), ("test", "no real text has words that no")],
)
def test_a_side_without_words_is_refused(empty, told):
    sources = {name: Source(["" if name == empty else name], [None]) for name in ("markov", "test")}
    with pytest.raises(UserError, match=f"^data/samples.*: {told}"):
        draw_texts(sources, set(), 2, 1)


# How expected words are


def test_ranks_follow_the_known_shares():
    # Of 55: the end 9, a 25, b 16, c 4, d 1. The end cannot come first; later it is third.
    model = make_known_model(max_length=9)
    assert word_ranks(model, "a b c d") == [1, 2, 4, 5]
    assert word_ranks(model, "d d") == [4, 5]


def test_ranks_are_those_of_the_likelihoods():
    model = make_model(max_length=4, seed=3)
    text = "c a d b"
    words = text.split()
    for place, rank in enumerate(word_ranks(model, text)):
        # Cropped behind this place, a text's likelihood goes as far as the word that is ranked.
        model.max_length = place + 1
        begun = " ".join(words[:place])
        others = [f"{begun} {word}".strip() for word in WORDS[1:]] + [begun] * (place > 0)
        own, *rest = model.log_likelihood([" ".join(words[: place + 1]), *others])
        assert rank == 1 + sum(rest > own)


def test_a_word_that_is_not_known_has_no_rank():
    assert word_ranks(make_known_model(max_length=9), "a zebra b") == [1, NOT_RANKED, 2]
    assert word_ranks(make_known_model(max_length=9), "zebra") == [NOT_RANKED]
    # The unknown word, where there is one, has 25 of 55, and is none that is written.
    words = ["", UNKNOWN, "b", "c", "d"]
    assert word_ranks(make_known_model(max_length=9, words=words), "b zebra c") == [
        1,
        NOT_RANKED,
        3,
    ]


def test_one_model_a_label_ranks_its_own_texts():
    parts = {"0": make_known_model(), "1": make_model(seed=3)}
    found = rank_texts(
        PerLabel(parts, {"0": 0.5, "1": 0.5}), ["a b", "a b", "a b"], ["0", "1", None]
    )
    assert found == [[1, 2], word_ranks(parts["1"], "a b"), None]


# What answers say


def test_one_answer_a_text_has_wilson_s_interval():
    hits = [True, False, True, True, False, False, False]
    answers = {number: [each] for number, each in enumerate(hits)}
    assert share_of_answers(answers) == pytest.approx(share(np.array(hits)))


def test_people_who_agree_on_all_count_as_one():
    hits = [True] * 4 + [False] * 6
    once = share_of_answers({number: [each] for number, each in enumerate(hits)})
    assert share_of_answers({n: [each] * 3 for n, each in enumerate(hits)}) == pytest.approx(once)
    assert share_of_answers({n: [True] * 3 for n in range(10)}) == pytest.approx(wilson(1.0, 10))


def test_people_who_differ_count_each():
    # Each text is called real once and fake once: nothing depends on the text.
    assert share_of_answers({n: [True, False] for n in range(10)}) == pytest.approx(wilson(0.5, 20))


def test_kappa_is_that_worked_out_by_hand():
    # Agreement 1, 1, 1, 0: 3/4. Answers 5 and 3 of 8: chance (25 + 9) / 64. (48 - 34) / (64 - 34).
    assert fleiss_kappa([(2, 0), (2, 0), (0, 2), (1, 1), (1, 0)]) == pytest.approx(14 / 30)
    assert fleiss_kappa([(3, 0), (0, 2)]) == pytest.approx(1)
    assert fleiss_kappa([(1, 0), (0, 1)]) is None
    assert fleiss_kappa([(2, 0), (3, 0)]) is None


def chance(*people):
    """Ask of people, each with texts of their own: r or f of real ones, then of generated ones."""
    is_real, said = {}, []
    for real, fake in people:
        texts = range(len(is_real), len(is_real) + len(real + fake))
        said.append({text: each == "r" for text, each in zip(texts, real + fake, strict=True)})
        is_real |= {text: place < len(real) for place, text in enumerate(texts)}
    return chance_of_guessing(is_real, said)


def test_the_lady_tasting_tea():
    # Fisher's: 8 cups, 4 of each kind, 4 named. All right: 1 of C(8, 4) = 70 ways; three of four
    # in 4 * 4 more; two in 6 * 6, so that half right is reached by 53 of 70.
    assert chance(("rrrr", "ffff")) == 1 / 70
    assert chance(("rrrf", "rfff")) == 17 / 70
    assert chance(("rrff", "rrff")) == 53 / 70
    assert chance(("ffff", "rrrr")) == 1


def test_one_answer_to_all_texts_gains_nothing_wherever_one_stops():
    # Eight of ten are real: right about 80 %, which is more than half at 5 % (56 / 1024).
    assert chance(("rrrrrrrr", "rr")) == 1
    assert chance(("", "fffff")) == 1
    # Two who answer so and stop so are 16 of 20 right together, one table of which would be sure.
    assert chance(("rrrrrrrr", "rr"), ("ff", "ffffffff")) == 1
    assert fisher_exact([[8, 2], [2, 8]], alternative="greater").pvalue < 0.02


def test_guessing_over_several_people_is_worked_out_by_hand():
    # Ways of 0 to 3 hits, of three real and three fake, three of them called real: 1, 9, 9, 1. Of
    # one real and two fake, one called real: 2, 1. The sums: 2, 19, 27, 11, 1, of 60.
    first, second = ("rrf", "rff"), ("r", "ff")
    assert chance(first, second) == chance(second, first) == 12 / 60


def test_people_who_agree_on_all_are_as_sure_as_one():
    is_real = dict(enumerate([True] * 10 + [False] * 10))
    said = {text: text < 7 or text > 16 for text in is_real}  # right about 7 of 10, twice
    one = chance_of_guessing(is_real, [said])
    assert one == pytest.approx(fisher_exact([[7, 3], [3, 7]], alternative="greater").pvalue)
    assert one > 0.05
    assert chance_of_guessing(is_real, [said] * 5) == one


def test_guessing_is_what_other_choices_of_the_real_texts_would_give():
    random = np.random.default_rng(2)
    for _ in range(20):
        is_real = {text: bool(random.integers(2)) for text in range(8)}
        # The second stops after the fifth text.
        people = [{text: bool(random.integers(2)) for text in range(end)} for end in (8, 5, 8)]
        calls = [sum(said.get(text, False) for said in people) for text in range(8)]
        parts = [
            combinations(part, sum(is_real[text] for text in part))
            for part in (range(5), range(5, 8))
        ]
        found = [sum(calls[text] for text in (*one, *two)) for one, two in product(*parts)]
        hits = sum(calls[text] for text in range(8) if is_real[text])
        assert chance_of_guessing(is_real, people) == np.mean(np.array(found) >= hits)


def test_one_person_s_chance_is_scipy_s():
    random = np.random.default_rng(1)
    for _ in range(50):
        real, fake = ("".join(random.choice([*"rf"], random.integers(1, 40))) for _ in range(2))
        table = [[side.count(answer) for answer in "rf"] for side in (real, fake)]
        expected = fisher_exact(table, alternative="greater").pvalue
        assert chance((real, fake)) == pytest.approx(expected)


def test_answers_are_counted_by_source():
    key = make_key("test", "markov", "test", "hmm", "markov", "test")
    found = count_answers(key, [make_sheet("rfrrff"), make_sheet("rf f  ", 2)])
    # The first is right about 1, 2, 3, 5; the second about 1, 2, 4, and leaves 3, 5, 6.
    assert (found["raters"], found["answers"], found["unanswered"]) == (2, 9, 3)
    assert found["accuracy"].value == pytest.approx(7 / 9)
    # Both answer 1, 2, 4, one of them real, called real by two, none and one: 2, 0 or 1 hits. The
    # first alone answers 3, 5, 6, two of them real, called real by one, none, none: 1, 1 or 0. Of
    # these 9 ways 2 have all 3 hits that there are.
    assert found["chance"] == 2 / 9
    assert found["above_chance"] == 0
    assert found["seconds"] == 3  # of 1, 1, 2, 2, 3, 4, 4, 5, 6
    # Both call 1 real and 2 fake, and differ about 4: 3 real, 3 fake. (2/3 - 1/2) / (1 - 1/2)
    assert found["kappa"] == pytest.approx(1 / 3)
    sources = found["sources"]
    assert [*sources] == ["test", "hmm", "markov"]
    assert sources["test"]["taken_for_real"].value == pytest.approx(3 / 4)
    assert sources["hmm"]["taken_for_real"].value == pytest.approx(1 / 2)
    assert sources["markov"] == {
        "texts": 2,
        "answers": 3,
        "taken_for_real": wilson(0.0, 2),
        "accuracy": pytest.approx((3 / 4 + 1) / 2),
    }


def test_a_source_without_an_answer_says_so():
    found = count_answers(make_key("test", "hmm"), [make_sheet("r ")])
    assert found["sources"]["hmm"] == {"texts": 1, "answers": 0}
    assert "kappa" not in found


def test_detectors_judge_the_same_texts():
    key = make_key("test", "markov", "test", "hmm")
    found = judge_texts(key, np.array([2.0, 1.0, -1.0, -2.0]))
    # Right about the first and the last; real above generated in 3 of 4 pairs.
    assert found["accuracy"].value == 0.5
    assert found["area"].value == 0.75
    taken = {source: each["taken_for_real"].value for source, each in found["sources"].items()}
    assert taken == {"test": 0.5, "hmm": 0, "markov": 1}


# The command


@pytest.fixture
def key():
    """The key of the page, and a sheet that answers real to all of it."""
    return Key(**json.loads(Path("data/blind_test.json").read_text()))


def answer_all(key, answer="r", **options):
    return make_sheet(answer * len(key.texts), page=key.page, **options)


@pytest.mark.filterwarnings("ignore::stages.corpus.errors.Caution")
def test_the_numbers_are_written_and_told(key, capfd):
    save_sheet("ann.json", answer_all(key, rater="Ann"))
    save_sheet("bob.json", answer_all(key, "f", sitting=2))
    blind_test.main("ann.json", "bob.json")
    found = json.loads(Path("metrics/blind_test.json").read_text())["blind_test"]
    assert (found["raters"], found["answers"], found["page"]) == (2, 48, number_page(key.page))
    assert found["sources"]["hmm"]["taken_for_real"]["value"] == 0.5
    told = capfd.readouterr().out.splitlines()
    assert told[0] == "2 people, 48 answers"
    assert "real text: 50 %" in told[3]


def test_detectors_that_are_there_stand_beside_people(key):
    detector = make_detector()
    Path("data/detectors").mkdir()
    detector.save(Path("data/detectors/ngrams"))
    save_sheet("ann.json", answer_all(key))
    blind_test.main("ann.json", "--output", "out/numbers.json")
    found = json.loads(Path("out/numbers.json").read_text())["blind_test"]
    # Each generator's texts hold a word that gives them away, three times in four.
    assert found["detectors"]["ngrams"]["area"]["value"] > 0.7
    assert found["accuracy"]["value"] == 0.5
    assert not Path("metrics/blind_test.json").exists()


@pytest.mark.parametrize("now", ["another page", "no page"])
def test_detectors_of_another_run_than_the_page_say_nothing_of_its_texts(key, now):
    # They may have learnt from the texts that the page shows.
    Path("data/detectors").mkdir()
    make_detector().save(Path("data/detectors/ngrams"))
    Path("data/blind_test.json").rename("old.json")
    if now == "another page":
        change("seed", 2)
        write_blind_test.main()
    save_sheet("ann.json", answer_all(key))
    with pytest.warns(Caution, match=f"^data/detectors: of another run than .* {key.page}") as told:
        blind_test.main("ann.json", "--key", "old.json")
    assert len(told) == 1
    found = json.loads(Path("metrics/blind_test.json").read_text())["blind_test"]
    assert (found["answers"], found["detectors"]) == (24, {})


def test_without_detectors_people_are_counted_alone(key):
    save_sheet("ann.json", answer_all(key))
    with pytest.warns(Caution, match="no detector"):
        blind_test.main("ann.json")


@pytest.mark.filterwarnings("ignore:data/detectors")
@pytest.mark.parametrize("rater", [None, "Ann"])
def test_the_same_person_counts_once_with_most_answers(key, rater):
    save_sheet("first.json", make_sheet("rr", page=key.page, rater=rater))
    save_sheet("whole.json", answer_all(key, rater=rater, sitting=1 if rater is None else 9))
    with pytest.warns(
        Caution, match="first.json and whole.json: of one person, .*; whole.json counts alone"
    ):
        blind_test.main("first.json", "whole.json")
    found = json.loads(Path("metrics/blind_test.json").read_text())["blind_test"]
    assert (found["raters"], found["answers"], found["unanswered"]) == (1, 24, 0)


@pytest.mark.filterwarnings("ignore:data/detectors")
def test_a_file_that_joins_two_others_makes_them_one_person_s(key):
    save_sheet("sitting.json", make_sheet("r", page=key.page))
    save_sheet("name.json", make_sheet("rr", page=key.page, rater=" ann", sitting=2))
    save_sheet("both.json", answer_all(key, rater="Ann"))
    with pytest.warns(Caution, match="sitting.json, name.json and both.json: .* both.json counts"):
        blind_test.main("sitting.json", "name.json", "both.json")
    found = json.loads(Path("metrics/blind_test.json").read_text())["blind_test"]
    assert (found["raters"], found["answers"]) == (1, 24)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"page": "f" * 16}, "answers to the page ffffffffffffffff, but the key is that of"),
        ({"answers": []}, "answers: list should have at least 1 item"),
        ({"sitting": "me"}, "sitting: string should match pattern"),
        ({"more": 1}, "more: extra inputs are not permitted"),
        ({"\x1b[31m\n": 1}, r"\\x1b\[31m\\n: extra inputs are not permitted"),
        ({"rater": " "}, r"rater: string should match pattern '\\S'"),
        (
            {"answers": [{"id": 1, "answer": "real", "milliseconds": 10**400}]},
            "answers.0.milliseconds: input should be less than",
        ),
        (
            {"answers": [{"id": 25, "answer": "real", "milliseconds": 1}]},
            "an answer to text 25; the",
        ),
        ({"answers": [{"id": 1, "answer": "yes", "milliseconds": 1}]}, "answers.0.answer: input"),
        (
            {"answers": [{"id": 1, "answer": "real", "milliseconds": 1}] * 2},
            "expected one answer a",
        ),
    ],
)
def test_a_file_that_is_no_answer_to_this_page_is_refused(key, changes, reason):
    save_sheet("ann.json", answer_all(key), **changes)
    with pytest.raises(UserError, match=f"^ann.json: .*{reason}"):
        blind_test.main("ann.json")


@pytest.mark.parametrize(
    "content",
    ["", "no json", "[" * 100_000, "[]", "\udcff", " " * (MOST + 1)],
    ids=["empty", "text", "deep", "list", "bytes", "large"],
)
def test_a_file_that_is_no_json_is_one_line(content, monkeypatch):
    Path("ann.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    monkeypatch.setattr(sys, "argv", ["blind_test.py", "ann.json"])
    with pytest.raises(SystemExit) as caught:
        run_command(blind_test.main)
    assert str(caught.value).startswith("error: ann.json: ")
    assert "expected the file that the page saves" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_or_page_is_told(key):
    with pytest.raises(UserError, match=r"nobody\.json: no such file"):
        blind_test.main("nobody.json")
    Path("data/blind_test.json").unlink()
    with pytest.raises(UserError, match=r"data/blind_test.json: not found; .*dvc repro"):
        blind_test.main("nobody.json")
    with pytest.raises(UserError, match=r"arguments: .*ANSWERS\.json"):
        blind_test.main()


# The lab book


@pytest.mark.filterwarnings("ignore::stages.corpus.errors.Caution")
def test_the_lab_book_has_a_row_a_source_and_tells_of_another_page(key):
    save_sheet("ann.json", answer_all(key))
    blind_test.main("ann.json")
    told = people_part(Path("metrics"), NAMES)
    rows = [line.split(" | ")[0] for line in told.splitlines() if line.startswith("| ")]
    assert rows[2:7] == [
        "| real test text",
        "| Markov chain",
        "| language model",
        "| hmm",
        "| GAN, scalar",
    ]
    assert "another page" not in told
    change("seed", 2)
    write_blind_test.main()
    assert "They saw another page than the one that is there now." in people_part(
        Path("metrics"), NAMES
    )


def test_numbers_that_lack_a_part_are_one_line():
    Path("metrics/blind_test.json").write_text('{"blind_test": {"raters": 1, "page": 2}}')
    with pytest.raises(UserError, match=r"blind_test\.json: answers is missing; `python -m"):
        people_part(Path("metrics"), NAMES)


def test_nobody_asked_is_nothing_to_tell():
    assert people_part(Path("metrics"), NAMES) == ""
    committed = Path(__file__).parents[1] / "metrics/blind_test.json"
    if json.loads(committed.read_text()) == {"blind_test": {"raters": 0}}:
        assert people_part(committed.parent, NAMES) == ""


# The page's frame


def test_data_in_a_page_close_nothing():
    bad = "</script><!-- &amp; \u2028 \x1b[31m \u202e \ud800 \x7f"
    embedded = embed({"text": bad})
    assert embedded.isascii()
    assert not {*"<>&\x1b\x7f"} & {*embedded}
    assert json.loads(embedded) == {"text": bad}


def test_a_page_names_its_script_by_its_hash_and_nothing_else():
    made = page("T & U", "p {}", "start();", {}, "<p></p>")
    assert "<title>T &amp; U</title>" in made
    assert "default-src 'none'; script-src 'sha256-" in made
    assert "http" not in made.replace("http-equiv", "")


@pytest.mark.parametrize(("style", "script"), [("</STYLE>", ""), ("", "'</script>'"), ("", "<!--")])
def test_a_part_that_closes_its_element_is_refused(style, script):
    with pytest.raises(ValueError, match="may hold neither"):
        page("T", style, script, {})


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed(float("nan"))
