"""From the bytes of a file to its text: encodings, packing, what is no text."""

import gzip
import random

import pytest

from stages.corpus.errors import UserError
from stages.fetching.decoding import read_decoded

WESTERN = "Text,oh_label\nit’s café time,0\nno “soup” today,1\n"


@pytest.fixture
def read(tmp_path):
    def read(content, encoding=None):
        path = tmp_path / "some.csv"
        path.write_bytes(content)
        return read_decoded(path, encoding)

    return read


@pytest.mark.parametrize(
    ("text", "written", "found"),
    [
        ("plain\n", "ascii", "utf-8"),
        ("café 😂\n", "utf-8", "utf-8"),
        ("café 😂\n", "utf-8-sig", "utf-8"),
        ("café 😂\n", "utf-16", "utf-16"),
        ("café 😂\n", "utf-32", "utf-32"),
        ("the bus was late and cold\n", "utf-16-le", "utf-16-le"),
        ("the bus was late and cold\n", "utf-16-be", "utf-16-be"),
        (WESTERN, "cp1252", "cp1252"),
        ("price £5 for a café\n", "latin-1", "cp1252"),
        ("a\nb\nc\n" * 5000 + "café\n", "latin-1", "cp1252"),
        ("Das Mädchen hört größere Häuser\n", "latin-1", "cp1252"),
        ("привет как дела сегодня, очень хорошо\n" * 3, "cp1251", "cp1251"),
        ("καλημέρα τι κάνεις σήμερα\n" * 3, "cp1253", "cp1253"),
        ("こんにちは世界、とても良い天気です\n" * 3, "shift_jis", "cp932"),
        ("你好世界今天天气很好\n" * 3, "gbk", "gb18030"),
        ("Dziś świeciło słońce, więc poszliśmy nad jezioro\n" * 3, "cp1250", "cp1250"),
        ("Dziś świeciło słońce, więc poszliśmy nad jezioro\n" * 3, "iso8859_2", "iso8859_2"),
        ("Bugün hava çok güzeldi, ağaçların altında oturduk\n" * 3, "cp1254", "cp1254"),
        ("Az idő szép volt, és sűrű erdőben jártunk, hűvös szél fújt\n", "cp1250", "cp1250"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy\n", "cp1250", "cp1250"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy\n", "iso8859_2", "iso8859_2"),
        (
            "Vremea a fost frumoasă și copiii s-au jucat în grădină\n".replace("ș", "ş"),
            "cp1250",
            "cp1250",
        ),
        ("Déjà vu à la fête, où l'été était très chaud\n", "mac_roman", "mac_roman"),
        ("Å gå på stranda var gøy, sære dager\n", "latin-1", "cp1252"),
        ("Não há ninguém na estação, só a avó\n", "latin-1", "cp1252"),
        ("a señor, a café, ein schönes Mädchen, c'était ça\n", "cp1252", "cp1252"),
        ("Hoy el niño comió y la mañana pasó rápido\n" * 3, "latin-1", "cp1252"),
        ("À la fête l'été était déjà très chaud\n" * 3, "cp1252", "cp1252"),
        ("天氣很好我們去公園散步\n" * 3, "big5", "big5"),
        ("오늘은 날씨가 아주 좋습니다\n" * 3, "cp949", "cp949"),
    ],
)
def test_the_encoding_is_found(read, text, written, found):
    decoded = read(text.encode(written))
    assert (decoded.text, decoded.encoding, decoded.broken) == (text, found, 0)
    assert bool(decoded.guessed) == (found not in ("utf-8", "utf-16", "utf-32"))


def test_a_few_broken_bytes_leave_utf_8_what_it_is_and_are_counted(read):
    decoded = read("café ".encode() * 30 + b"\xff and \xe9 gone")
    assert decoded.encoding == "utf-8"
    assert decoded.broken == 2
    assert decoded.text == "café " * 30 + "\ufffd and \ufffd gone"


def test_the_sign_for_a_broken_byte_may_stand_in_the_file_itself(read):
    assert read("a \ufffd b".encode()).broken == 0


def test_a_named_encoding_is_taken(read):
    assert read("naïve".encode("mac_roman"), "mac_roman").text == "naïve"
    assert read("\ufeffhi".encode(), "utf-8").text == "hi"


@pytest.mark.parametrize(
    ("encoding", "match"),
    [
        ("utf-9", r"fetch.encoding is 'utf-9'; allowed: null"),
        ("hex", r"fetch.encoding is 'hex'; allowed: null"),
        ("ascii", r"some.csv: expected ascii \(fetch.encoding\), found other bytes in line 2"),
        ("punycode", r"some.csv: expected punycode \(fetch.encoding\), found other bytes"),
    ],
)
def test_a_wrong_encoding_is_told_in_one_line(read, encoding, match):
    with pytest.raises(UserError, match=match) as caught:
        read("one\nça va\n".encode(), encoding)
    assert "\n" not in str(caught.value)


def test_a_packed_file_is_unpacked_whatever_its_name(read):
    decoded = read(gzip.compress("café".encode("cp1252")))
    assert (decoded.text, decoded.packed) == ("café", True)


@pytest.mark.parametrize(
    "damage", [lambda packed: packed[:-9], lambda packed: packed[:12] + b"x" * 9]
)
def test_a_damaged_packed_file_is_told_in_one_line(read, damage):
    with pytest.raises(UserError, match="expected a sound gzip file"):
        read(damage(gzip.compress(b"some text" * 50)))


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
        (b"PAR1", "a Parquet file"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x89PNG\r\n", "a picture"),
    ],
)
def test_what_is_no_text_is_named(read, start, what):
    with pytest.raises(UserError, match=f"found {what}; unpack it or save it"):
        read(start + bytes(20))


def test_a_guess_shows_words_by_which_it_can_be_judged(read):
    decoded = read("this was a café, señor\nand déjà vu, naïve\n".encode("cp1252"))
    assert decoded.guessed == ("café,", "señor", "déjà")


def test_one_broken_byte_leaves_typographic_english_what_it_is(read):
    decoded = read("it’s “here” now\n".encode() * 3 + b"a caf\xe9\n")
    assert (decoded.encoding, decoded.broken) == ("utf-8", 1)


def test_an_archive_inside_gzip_and_zero_bytes_are_no_text(read):
    tar = b"poem.txt".ljust(257, b"\0") + b"ustar\x0000" + bytes(300)
    for content in (tar, gzip.compress(tar)):
        with pytest.raises(UserError, match="found a tar archive; unpack it"):
            read(content)
    with pytest.raises(UserError, match="found a binary file"):
        read(b"\x80\x04some" + bytes(range(7)) * 20)
    with pytest.raises(UserError, match="found a binary file"):
        read(random.Random(1).randbytes(5000))
    # A few in a short text may be somebody's slip.
    assert read(b"\x01\x02 hi there\x7f").text.endswith("hi there\x7f")
    assert read(b"one \0 among two hundred " + b"signs " * 40).text.startswith("one \0")


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UserError, match="expected a file of texts, found: "):
            read_decoded(path)
