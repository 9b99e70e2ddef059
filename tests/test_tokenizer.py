import random
import time
from pathlib import Path

import pytest

from stages.corpus.tokenizer import tokenize
from stages.fetching.raw_files import Reading, read_raw_file

# What stays whole: each of them is one word of the text.
WHOLE = [
    # URLs
    "http://t.co/abc",
    "https://example.org:8080/a_b-c/d.html?x=1&y=2#top",
    "www.example.org",
    "http://example.org/~me/(draft)/page",
    # mentions, hashtags
    "@some_user1",
    "#mkr",
    "#so_good",
    "#2024",
    # emoticons
    *(":)", ":-)", ":(", ":'(", ";)", ";-)", "=)", "=d", ":d", ":p", ":-p", ":o", ":/", ":|"),
    *(":*", ":]", ":3", ">:(", "(:", "(-:", "<3", "</3", "<333", ":))))", "xd", "o_o", "t_t"),
    *("^_^", "-_-", ">_<", r"¯\_(ツ)_/¯", r"\o/"),
    # emoji: plain, presentation selector, skin tone, ZWJ sequences, flags, keycaps
    *("😂", "❤️", "❤", "👍🏽", "👩🏽‍🚀", "👨‍👩‍👧‍👦", "👩‍❤️‍💋‍👨", "🏳️‍🌈", "🏴‍☠️", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
    *("1️⃣", "#️⃣", "☀️", "↔️", "©️"),
    # contractions, hyphens, elongations
    *(
        "don't",
        "i'm",
        "o'clock",
        "y'all'd've",
        "rock'n'roll",
        "well-known",
        "e-mail",
        "mother-in-law",
    ),
    *("soooo", "nooooooo", "snake_case"),
    # numbers
    *(
        "3.14",
        "10:30",
        "1,000",
        "1,000,000.50",
        "50%",
        "3.5%",
        "24/7",
        "2024-01-31",
        "10:30am",
        "3rd",
    ),
    # any script, combining marks included
    *("مرحبا", "العَرَبِيّة", "हिन्दी", "straße", "привет", "한국어", "né", "𞤢𞤣𞤤𞤢𞤥"),
    # joiners that are part of the spelling: Persian, Sinhala, Bengali twice, old Malayalam
    *(
        "می\u200cخواهم",
        "ශ\u0dca\u200dර\u0dd3",
        "র\u200d\u09cd\u09afাব",
        "ক\u09cd\u200cষ",
        "ന\u0d4d\u200d",
    ),
    # one behind a nukta and a virama
    "फ\u093c\u094d\u200dय",
    "#می\u200cخواهم",
    # characters and clusters of scripts without blanks, and their numbers
    *("你", "𠀀", "𰀀", "々", "か", "ガ", "ゝ", "ラー", "か゚", "ーーー", "あ゛"),
    *("วั", "ดี", "เก", "แม่", "มา", "น้ำ", "ไ", "ເກ", "ຂ້າ", "ກຽ", "៣៤", "๒๕๖๗", "๓.๑๔", "၁၂"),
    *("ខ្មែ", "ស្ត្រី", "မြ", "န်", "င်္ဂ", "က္က", "ꦏ꧀ꦱ"),
    "#今日はいい天気",
    "#สวัสดี",
    # hidden letters, "$" for "s"
    *("f*ck", "f**k", "f*****g", "sh*t", "b**ch's", "f***", "a**", "х*й", "п**да"),
    *(
        "bullsh*t",
        "motherf*cking",
        "as***le",
        "s*h*i*t",
        "sh!t",
        "b!tch",
        "d!ck",
        "str!p",
        "sh!t-show",
    ),
    *("ke$ha", "a$$hole", "a$ap"),
    # addresses, initials, abbreviations of Hebrew, Catalan, numbers of Arabic
    *("pic.twitter.com/abc", "bbc.co.uk/news?a=1", "some.one+x@mail.example.co.uk", "a.b@c.org"),
    *("u.s.", "r.i.p", "e.g.", "o.o", "t.o.p's", "т.е.", 'צה"ל', "col·lecció", "٣٫١٤", "٥٪"),
    # runs of one mark, and of ? and !
    *("!!!", "...", "???", "?!", "!?!?", "؟؟!", "--", "****", "___", "$$", "———", "。。"),
]


@pytest.mark.parametrize("word", WHOLE)
def test_a_word_stays_whole(word):
    assert tokenize(word) == [word]
    assert tokenize(f"so {word} it") == ["so", word, "it"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # URLs lose the punctuation behind them.
        ("see http://t.co/abc.", ["see", "http://t.co/abc", "."]),
        ("(www.example.org/x)", ["(", "www.example.org/x", ")"]),
        ('"http://t.co/a?b=1", he', ['"', "http://t.co/a?b=1", '"', ",", "he"]),
        ("http://t.co/abc…", ["http://t.co/abc", "..."]),
        ("http://t.co/abc😂", ["http://t.co/abc", "😂"]),
        ("http://", ["http", ":", "//"]),
        ("www. is", ["www", ".", "is"]),
        # Mentions and hashtags.
        ("RT @A_b: hi", ["rt", "@a_b", ":", "hi"]),
        ("@you's #tag,#other", ["@you", "'", "s", "#tag", ",", "#other"]),
        ("@ # @@", ["@", "#", "@@"]),
        # Emoticons need no space, but letters for a mouth must end there.
        ("ok:)fine", ["ok", ":)", "fine"]),
        ("note:dog", ["note", ":", "dog"]),
        ("a:b", ["a", ":", "b"]),
        ("re:@you", ["re", ":", "@you"]),
        ("<3<3", ["<3", "<3"]),
        ("<35", ["<", "35"]),
        # Emoji are one word each, keycaps do not melt into numbers.
        ("😂😂😂", ["😂", "😂", "😂"]),
        ("love❤️you", ["love", "❤️", "you"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("10️⃣", ["1", "0️⃣"]),
        # Words and punctuation.
        ("Wait...what?!", ["wait", "...", "what", "?!"]),
        ("'quoted' dogs' 'em", ["'", "quoted", "'", "dogs", "'", "'", "em"]),
        ("a--b -c- d'", ["a", "--", "b", "-", "c", "-", "d", "'"]),
        ("end.Next", ["end", ".", "next"]),
        ("3.14. 1,000, 5%!", ["3.14", ".", "1,000", ",", "5%", "!"]),
        ("$5 -5 #1", ["$", "5", "-", "5", "#1"]),
        ("a.b@c.thanks", ["a.b", "@c", ".", "thanks"]),
        ("u.s.navy u.s... u.s., x.", ["u.s.", "navy", "u.s", "...", "u.s.", ",", "x", "."]),
        ("example.com end.com/", ["example", ".", "com", "end", ".", "com", "/"]),
        # Scripts without blanks: a character or a cluster is a word.
        ("你好世界", ["你", "好", "世", "界"]),
        ("我用python3写，人々", ["我", "用", "python3", "写", ",", "人", "々"]),
        ("\u9f8d\U0002a6d6\U00031350\uf9ff", ["龍", "\U0002a6d6", "\U00031350", "刺"]),
        ("時々々a 〱〱ゝゝ", ["時", "々", "々", "a", "〱", "〱", "ゝ", "ゝ"]),
        ("\U00030000\U00030000a", ["\U00030000", "\U00030000", "a"]),
        ("すごーーい!", ["す", "ごーー", "い", "!"]),
        ("ハ\u3099ス ﾊﾞｽ", ["バ", "ス", "バ", "ス"]),
        ("3月14日", ["3", "月", "14", "日"]),
        (
            "@userさん http://t.co/abcを見た",
            ["@user", "さ", "ん", "http://t.co/abc", "を", "見", "た"],
        ),
        ("한국어를 漢字", ["한국어를", "漢", "字"]),
        ("สวัสดีครับ 5555", ["ส", "วั", "ส", "ดี", "ค", "รั", "บ", "5555"]),
        ("ไปไหนมา", ["ไป", "ไห", "น", "มา"]),
        ("เเม่ๆ ฿20", ["เเม่", "ๆ", "฿", "20"]),
        ("ສະບາຍດີ", ["ສະ", "ບາ", "ຍ", "ດີ"]),
        ("ភាសាខ្មែរ។", ["ភា", "សា", "ខ្មែ", "រ", "។"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
        ("အင်္ဂလိပ်", ["အ", "င်္ဂ", "လိ", "ပ်"]),
        ("ꦏꦱꦶ", ["ꦏ", "ꦱꦶ"]),
        ("a\u0e31b \u0e31\u0e49", ["a", "\u0e31", "b", "\u0e31\u0e49"]),
        # Hidden letters, and what only looks like them.
        ("2*3 a*2 2*a", ["2", "*", "3", "a", "*", "2", "2", "*", "a"]),
        (
            "smiles*waves tear*so *hug*",
            ["smiles", "*", "waves", "tear", "*", "so", "*", "hug", "*"],
        ),
        ("**bold** it* your**", ["**", "bold", "**", "it", "*", "your", "**"]),
        ("x**2", ["x", "**", "2"]),
        ("hi!how yes!but ok!then", ["hi", "!", "how", "yes", "!", "but", "ok", "!", "then"]),
        ("great!thanks wow!nice", ["great", "!", "thanks", "wow", "!", "nice"]),
        ("btw!but pls!stop", ["btw", "!", "but", "pls", "!", "stop"]),
        ("my!my sh!! sh!it", ["my", "!", "my", "sh", "!!", "sh", "!", "it"]),
        ("us$5 cash$ $hit", ["us", "$", "5", "cash", "$", "$", "hit"]),
        # Line breaks of HTML are blanks.
        ("one<br />two<br>three<BR/>four</br>", ["one", "two", "three", "four"]),
        ("one&lt;br /&gt;two&amp;lt;br&amp;gt;", ["one", "two"]),
        ("<b>brrr <brx>", ["<", "b", ">", "brrr", "<", "brx", ">"]),
        ("...,,!", ["...", ",,", "!"]),
        # Case, apostrophes, quotes, the ellipsis, compositions.
        ("LOUD İstanbul ÀÉ", ["loud", "i\u0307stanbul", "àé"]),
        ("don’t don´t “x” well‑known…", ["don't", "don't", '"', "x", '"', "well-known", "..."]),
        ("e\u0301te\u0301", ["été"]),
        ("don`t `x`", ["don't", "`", "x", "`"]),
        ("צה״ל ג׳ורג׳", ['צה"ל', "ג'ורג", "'"]),
        # Other widths and fonts are the plain letters.
        ("ＨＥＬＬＯ，ｗｏｒｌｄ！？ １２", ["hello", ",", "world", "!?", "12"]),
        ("＠Ａb ＆lt；", ["@ab", "&", "lt", ";"]),
        ("𝓗𝓮𝓵𝓵𝓸 𝗯𝗼𝗹𝗱 𝑡ℎ𝑒 𝟛", ["hello", "bold", "the", "3"]),
        ("ℹ️ ℹ", ["ℹ️", "ℹ"]),
        # Invisible characters go, whitespace of every kind separates.
        ("sp\u200blit \ufeffbom so\xadft \u202ertl\u202c", ["split", "bom", "soft", "rtl"]),
        ("a\u200d b\ufe0f", ["a", "b"]),
        ("T\u200cext \u200cمن\u200c", ["text", "من"]),
        ("می\u200c\u200cخ \u0dca\u200d", ["میخ", "\u0dca"]),
        ("مـــرحبا", ["مرحبا"]),
        ("so\u3164it\u2800is\ufffcx \u115f\u1160", ["so", "it", "is", "x"]),
        ("a\x00b\x1b", ["ab"]),
        ("\ud800", []),
        ("a\tb\nc\rd\xa0e\u3000f\x85g\u2028h\x1ci", list("abcdefghi")),
        # HTML entities, also those escaped twice.
        ("r&amp;b AT&T", ["r", "&", "b", "at", "&", "t"]),
        ("I &lt;3 you &#39;til &quot;x", ["i", "<3", "you", "'", "til", '"', "x"]),
        ("&amp;lt;3", ["<3"]),
        ("http://t.co/?a=1&amp;b=2", ["http://t.co/?a=1&b=2"]),
        ("http://t.co/?a=1&copy=2&amp;region=3", ["http://t.co/?a=1&copy=2&region=3"]),
        ("one&nbsptwo&nbsp three I &lt3 r&ampb", ["one", "two", "three", "i", "<3", "r", "&", "b"]),
        ("you&ethan &pound5 caf&eacute;", ["you", "&", "ethan", "£", "5", "café"]),
        # Escapes as the Kaggle file has them: lines, code points, UTF-8 and cp1252 bytes.
        (r"one\ntwo\tthree\r\nfour", ["one", "two", "three", "four"]),
        (r"one\xa0two\\xa0three\u00a0four", ["one", "two", "three", "four"]),
        (r"don\u2019t don\xe2\x80\x99t don\x92t", ["don't", "don't", "don't"]),
        (r"caf\xc3\xa9 caf\xe9", ["café", "café"]),
        (r"\ud83d\ude02 \U0001f602 \xf0\x9f\x98\x82", ["😂", "😂", "😂"]),
        ("&#55357;&#56834; &#128514; \ud83d\ude02", ["😂", "😂", "😂"]),
        (r"\xed\xa0\xbd\xed\xb8\x82", ["😂"]),
        (
            "don<U+2019>t <U+0001F602> <U+D83D><U+DE02> <u+2019>",
            ["don't", "😂", "😂", *"<u+", "2019", ">"],
        ),
        (r"\ud83d", ["\ufffd"]),
        (r"a\b \q", ["a", "\\", "b", "\\", "q"]),
        # No words at all.
        ("", []),
        (" \n\u200b\xa0", []),
    ],
)
def test_a_text_falls_into_these_words(text, words):
    assert tokenize(text) == words


# Properties

# What has several meanings: entities, escapes, parts of emoji, of emoticons, of URLs and numbers,
# characters that change when composed or lower-cased, and whitespace.
NASTY = [
    *("&", "&amp;", "&lt", "&lt;", "&#38;", "&#97;", "amp;", "&#x5c;", "#", ";"),
    *(
        "\\",
        "\\n",
        "\\x26",
        "\\x5c",
        "\\xc3",
        "\\xa9",
        "\\u005c",
        "\\ud83d",
        "\\ude00",
        "\\U0001F600",
    ),
    *(
        "\u200d",
        "\ufe0f",
        "\u20e3",
        "\u200b",
        "👩",
        "🏽",
        "🇺",
        "🇸",
        "🏴",
        "\U000e0067",
        "\U000e007f",
        "❤",
    ),
    *(
        "http://",
        "www.",
        "/",
        ".",
        ":",
        ",",
        "%",
        "@",
        "_",
        "-",
        "'",
        "’",
        "…",
        '"',
        "?",
        "!",
        "(",
        ")",
    ),
    *("<", "<3", "</3", ">", "^", "=", "*", "¯", "ツ", "d", "p", "o", "x", "0", "1", "3"),
    *("a", "B", "é", "\u0301", "\u0323", "İ", "Σ", "Å", "\u037e", "\u1fef", "ﬀ", "ع", "ِ", "你"),
    *("\u1100", "\u1161", "🄀", "ℹ", "Ⓜ", " ", "\n", "\x85", "\u2028", "\x00", "\ud800"),
    # Scripts without blanks, joiners, other widths, hidden letters, line breaks, addresses.
    *("ー", "゛", "\u3099", "カ", "ﾊ", "ﾞ", "々", "𠀀", "ก", "เ", "า", "ั", "๕", "ກ", "ຽ", "ក", "្"),
    *("ြ", "က", "\u1039", "ꦏ", "\ua9c0", "ی", "\u200c", "\u0640", "क", "\u094d", "\u093c"),
    *("ර", "\u0dca", "\u0334", "ａ", "＆", "＜", "＼", "￣", "\uffa0", "\u3164", "\u1160", "𝓱"),
    *("<br>", "<br", "/>", "<U+003C>", "<U+D83D>", "U+0041>", "&copy", "&nbsp", "&#55357;"),
    *("\ude00", "f*ck", "**", "sh!t", "f", "k", "u.s", "r.", "b@c", ".com", "t.co/", "$", "`"),
    *("״", "ש", "l", "·", "٫", "٣", "٪", "؟"),
]


def nasty_texts(count):
    random_ = random.Random(7)
    for _ in range(count):
        yield "".join(random_.choices(NASTY, k=random_.randint(1, 15)))
        yield "".join(map(chr, random_.choices(range(0x110000), k=8)))
        yield "".join(map(chr, random_.choices(range(0x3000), k=12)))


def broken_property(text):
    """Name the property of the tokenizer that a text breaks, if any."""
    words = tokenize(text)
    if any(word.split() != [word] for word in words):
        return "a word is empty or holds whitespace"
    if tokenize(" ".join(words)) != words:
        return "the joined words give other words"
    return None


def test_nasty_texts_keep_the_promises():
    broken = [
        (ascii(text), what) for text in nasty_texts(20_000) if (what := broken_property(text))
    ]
    assert broken[:3] == []


@pytest.mark.parametrize("depth", [1, 2, 3, 10, 1000])
def test_entities_within_entities_keep_the_promises(depth):
    assert broken_property("http://t.co/?a" + "&amp;" + "amp;" * depth + "lt;3") is None
    assert broken_property("http://t.co/a\\x5c" + "x5c" * depth + "n") is None


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "@",
            ":",
            "a-",
            ".",
            "a.",
            "1.",
            "1,",
            "1:",
            "-",
            "_",
            "-_",
            "'",
            "(",
            "(:",
            "<",
            "<3",
            "^_",
        ),
        *(
            "!",
            "?!",
            "&",
            "&#",
            "&amp;",
            "&#38;",
            "\\",
            "\\x41\\",
            "\\u0041",
            "\\ud83d",
            "¯\\_",
            "#1",
        ),
        *(
            "http://",
            "http://!",
            "https://a(",
            "www.",
            "www.a.",
            "😂",
            "👩\u200d",
            "🇺",
            "\u200d",
            "\ufe0f",
        ),
        *(
            "\u0301",
            "a\u0323\u0301",
            "1\ufe0f",
            "ab",
            "你",
            "a ",
            " ",
            "a@",
            "a@b.",
            "a.com/",
            "a-a.",
        ),
        *(
            "カー",
            "゛",
            "เ",
            "กั",
            "ก",
            "ក្",
            "\u17d2",
            "ක\u0dca\u200d",
            "ی\u200c",
            "<br",
            "<br ",
            "<U+",
        ),
        *(
            "f*",
            "f*c",
            "sh!",
            "a**",
            "a$",
            "u.",
            "l·",
            "&lt",
            "&a",
            "&#1",
            "`a",
            "𝓱",
            "\ud83d\ude02",
        ),
    ],
)
def test_a_hostile_text_takes_no_time(piece):
    text = piece * (100_000 // len(piece))
    start = time.process_time()
    tokenize(text)
    # A quadratic expression would take minutes.
    assert time.process_time() - start < 1


@pytest.mark.parametrize("start", ["http://", "www.a", "@", "<3", "&#", ":'", "👩", "a'", "1."])
@pytest.mark.parametrize("rest", ["!", "'", ".", "\\", "&", "\u200d", "-"])
def test_a_start_without_its_end_takes_no_time(start, rest):
    clock = time.process_time()
    tokenize(start + rest * 100_000)
    assert time.process_time() - clock < 1


def test_a_number_that_python_refuses_to_read_is_text():
    words = tokenize("&#" + "1" * 100_000 + "; &lt;3")
    assert words == ["&", "#" + "1" * 100_000, ";", "<3"]


def test_a_megabyte_takes_less_than_a_second():
    text = "I don't know @some_user, that was soooo funny!!! 😂 see http://t.co/abc :) #yes. "
    texts = [text * 3] * (1_000_000 // len(text.encode() * 3))
    start = time.process_time()
    for text in texts:
        tokenize(text)
    assert time.process_time() - start < 1


# The real files

REAL = Path(__file__).parents[2] / "shared" / "data" / "cyberbullying"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real comments are not on this machine")
def test_real_comments_keep_the_promises():
    reading = Reading("Text", "oh_label")
    files = [read_raw_file(path, path.name, reading) for path in sorted(REAL.glob("*.csv"))]
    texts = [text for file in files for text, _ in file.rows]
    chosen = random.Random(7).sample(texts, 2000)
    # Counts only: a failing comparison of texts would print them.
    broken = sum(broken_property(text) is not None for text in chosen)
    assert broken == 0
