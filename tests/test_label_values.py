"""Labels of any kind: their names, their classes, what is told where they do not fit."""

import pytest

from stages.corpus.errors import UserError
from stages.fetching.label_values import choose_classes, name_label


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *(("0.0", "0"), ("1.", "1"), (" 1 ", "1"), ("+1", "1"), ("-1.0", "-1"), ("-0", "0")),
        *(("0.1666", "0.1666"), ("0.50", "0.5"), ("10", "10"), ("100.0", "100")),
        *(("01", "01"), ("1e3", "1e3"), ("١", "١"), ("ham\n spam", "ham spam"), ("", "")),
        *((1, "1"), (1.0, "1"), (0.25, "0.25"), (True, "True"), ("OFF", "OFF"), ("\ud800", "?")),
    ],
)
def test_a_number_is_named_in_its_shortest_form_and_a_text_as_it_is(value, name):
    assert name_label(value) == name


def test_without_a_mapping_each_label_is_a_class():
    names, class_of = choose_classes({"1": 5, "0": 3}, None)
    assert (names, class_of) == (("0", "1"), {"0": 0, "1": 1})
    names, _ = choose_classes({"b": 1, "10": 1, "2": 1, "-1": 1, "a": 1, "0.5": 1}, None)
    assert names == ("-1", "0.5", "2", "10", "a", "b")


@pytest.mark.parametrize(
    ("found", "mapping", "classes"),
    [
        (["0", "4"], {0: 0, 4: 1}, {"0": 0, "4": 1}),
        (["-1", "1"], {-1: 0, 1: 1}, {"-1": 0, "1": 1}),
        (["OFF", "NOT"], {"OFF": 1, "NOT": 0}, {"OFF": 1, "NOT": 0}),
        (["True", "False"], {True: 1, False: 0}, {"True": 1, "False": 0}),
        (["true", "FALSE"], {True: 1, False: 0}, {"true": 1, "FALSE": 0}),
        (["0.1666", "0.6"], {0.1666: 0, 0.6: 1}, {"0.1666": 0, "0.6": 1}),
        (["0", "1"], {"0.0": 0, 1.0: 1}, {"0": 0, "1": 1}),
    ],
)
def test_a_mapping_names_labels_as_yaml_and_files_write_them(found, mapping, classes):
    names, class_of = choose_classes(dict.fromkeys(found, 1), mapping)
    assert names == ("0", "1")
    assert {label: class_of[label] for label in found} == classes


def test_a_label_that_the_mapping_lacks_has_no_class():
    _, class_of = choose_classes({"0": 2, "1": 2, "2": 1}, {0: 0, 1: 1})
    assert "2" not in class_of


def test_too_many_labels_are_named_with_what_to_set():
    counts = {f"0.{number:04}": number for number in range(1000)}
    with pytest.raises(UserError) as caught:
        choose_classes(counts, None)
    message = str(caught.value)
    assert message.startswith("the label column has 1,000 values (0.0999 (999 rows), 0.0998")
    assert "set prepare.labels to a mapping" in message
    assert len(message) < 500
    assert choose_classes(dict.fromkeys("abcdefghijklmnopqrst", 1), None)


def test_a_mapping_that_no_label_fits_is_told_with_the_labels_found():
    with pytest.raises(UserError) as caught:
        choose_classes({"OFF": 1, "NOT": 2}, {"off": 1, "not": 0})
    assert "names off, not, but the labels found are NOT (2 rows), OFF (1 row)" in str(caught.value)


@pytest.mark.parametrize("label", ["balanced", "as_real"])
def test_a_label_must_not_be_called_as_something_else_is(label):
    with pytest.raises(UserError, match=f"a label is called {label}, which .*prepare.labels to a"):
        choose_classes({"0": 2, label: 1}, None)
    assert choose_classes({"0": 2, label: 1}, {"0": 0, label: 1})[0] == ("0", "1")


def test_one_label_in_two_ways_must_be_one_class():
    assert choose_classes({"1": 1}, {1: 1, "1.0": 1})
    with pytest.raises(UserError, match="maps the label 1 to 0 and to 1"):
        choose_classes({"1": 1}, {1: 1, "1.0": 0})
