"""What a BERT's word pieces cannot read: the share, the limits, and MiniLM's scripts."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from transformers import BertConfig

from stages.corpus.errors import Caution, UserError
from stages.corpus.tokenizer import tokenize
from stages.embeddings import unknown_pieces as module
from stages.embeddings.pretrained_bert import load_tokenizer
from stages.embeddings.unknown_pieces import MULTILINGUAL, check_pieces, unknown_pieces
from stages.measures.frechet import fit_gaussian, frechet_distance
from stages.measures.sentence_vectors import SentenceEncoder

README = Path(__file__).parents[1] / "data/README.md"

# Three invented sentences each: that the train was late again and nobody told us why, that the soup
# is good but the bread cold, and who saw yesterday's match.
SCRIPTS = {
    "English": (
        "the train was late again , and nobody told us why",
        "i like this soup , but the bread is cold",
        "who saw the match yesterday ? it was great !",
    ),
    "English with an emoji a sentence": (
        "the train was late again , and nobody told us why 😡",
        "i like this soup , but the bread is cold 🍲",
        "who saw the match yesterday ? it was great ! 🎉",
    ),
    "emoji alone": ("😀 😂 👍🏽", "🎉 🚂 😡 😡", "🍲 ❤️ 🤷"),
    "Vietnamese": (
        "tàu lại đến trễ , và không ai nói cho chúng tôi biết tại sao",
        "tôi thích món súp này , nhưng bánh mì nguội rồi",
        "hôm qua ai đã xem trận đấu ? hay quá !",
    ),
    "Russian": (
        "поезд опять опоздал , и никто не сказал нам почему",
        "мне нравится этот суп , но хлеб холодный",
        "кто смотрел вчера матч ? было здорово !",
    ),
    "Greek": (
        "το τρένο άργησε πάλι , και κανείς δεν μας είπε γιατί",
        "μου αρέσει αυτή η σούπα , αλλά το ψωμί είναι κρύο",
        "ποιος είδε τον αγώνα χθες ; ήταν υπέροχος !",
    ),
    "Arabic": (
        "تأخر القطار مرة أخرى ، ولم يخبرنا أحد لماذا",
        "أحب هذا الحساء ، لكن الخبز بارد",
        "من شاهد المباراة أمس ؟ كانت رائعة !",
    ),
    "Hebrew": (
        "הרכבת איחרה שוב , ואף אחד לא אמר לנו למה",
        "אני אוהב את המרק הזה , אבל הלחם קר",
        "מי ראה את המשחק אתמול ? היה נהדר !",
    ),
    "Bengali": (
        "ট্রেনটি আবার দেরি করল , আর কেউ আমাদের বলেনি কেন",
        "এই স্যুপ আমার ভালো লাগে , কিন্তু রুটি ঠান্ডা",
        "কাল খেলাটা কে দেখেছে ? দারুণ ছিল !",
    ),
    "Korean": (
        "기차가 또 늦었는데 아무도 이유를 말해 주지 않았다",
        "이 국은 좋은데 빵이 차갑다",
        "어제 경기 본 사람 ? 정말 재미있었다 !",
    ),
    "Hindi": (
        "ट्रेन फिर देर से आई , और किसी ने हमें नहीं बताया क्यों",
        "मुझे यह सूप पसंद है , लेकिन रोटी ठंडी है",
        "कल का मैच किसने देखा ? बहुत अच्छा था !",
    ),
    "Georgian": (
        "მატარებელმა ისევ დააგვიანა , და არავინ გვითხრა რატომ",
        "ეს სუპი მომწონს , მაგრამ პური ცივია",
        "ვინ ნახა გუშინ თამაში ? კარგი იყო !",
    ),
    "Japanese": (
        "電車がまた遅れて 、 誰も理由を教えてくれなかった",
        "このスープは好きだけど 、 パンが冷たい",
        "昨日の試合を見た人はいますか ? 最高でした !",
    ),
    "Tamil": (
        "ரயில் மீண்டும் தாமதமாக வந்தது , ஏன் என்று யாரும் சொல்லவில்லை",
        "இந்த சூப் எனக்கு பிடிக்கும் , ஆனால் ரொட்டி ஆறிவிட்டது",
        "நேற்று ஆட்டத்தை யார் பார்த்தது ? அருமையாக இருந்தது !",
    ),
    "Armenian": (
        "գնացքը նորից ուշացավ , և ոչ ոք մեզ չասաց , թե ինչու",
        "ես սիրում եմ այս ապուրը , բայց հացը սառն է",
        "ո՞վ է տեսել երեկվա խաղը , հիանալի էր !",
    ),
    "Thai": (
        "รถไฟ มา สาย อีก แล้ว และ ไม่มี ใคร บอก เรา ว่า ทำไม",
        "ฉัน ชอบ ซุป นี้ แต่ ขนมปัง เย็น แล้ว",
        "เมื่อวาน ใคร ดู การแข่งขัน บ้าง สนุก มาก !",
    ),
    "Chinese": (
        "火车又晚点了 , 没有人告诉我们为什么",
        "我喜欢这个汤 , 但是面包是冷的",
        "昨天谁看了比赛 ? 太精彩了 !",
    ),
    "Sinhala": (
        "දුම්රිය නැවතත් ප්‍රමාදයි , ඒ ඇයි කියා කවුරුවත් අපට කීවේ නැත",
        "මම මේ සුප් එකට කැමතියි , නමුත් පාන් සීතලයි",
        "ඊයේ තරගය බැලුවේ කවුද ? ඒක නියමයි !",
    ),
    "Telugu": (
        "రైలు మళ్ళీ ఆలస్యంగా వచ్చింది , ఎందుకో ఎవరూ మాకు చెప్పలేదు",
        "నాకు ఈ సూప్ ఇష్టం , కానీ రొట్టె చల్లగా ఉంది",
        "నిన్న ఆట ఎవరు చూశారు ? చాలా బాగుంది !",
    ),
    "Gujarati": (
        "ટ્રેન ફરી મોડી પડી , અને કોઈએ અમને કહ્યું નહીં કેમ",
        "મને આ સૂપ ગમે છે , પણ રોટલી ઠંડી છે",
        "ગઈકાલે મેચ કોણે જોઈ ? બહુ સરસ હતી !",
    ),
    "Amharic": (
        "ባቡሩ እንደገና ዘገየ ፣ ለምን እንደሆነም ማንም አልነገረንም",
        "ይህን ሾርባ እወዳለሁ ፣ ግን ዳቦው ቀዝቅዟል",
        "ትናንት ጨዋታውን ማን አየ ? በጣም ጥሩ ነበር !",
    ),
    "Burmese": (
        "ရထား နောက်ကျ ပြန်ပြီ ဘာကြောင့်လဲ ဆိုတာ ဘယ်သူမှ မပြောဘူး",
        "ဒီ ဟင်းချို ကို ကြိုက်တယ် ဒါပေမဲ့ ပေါင်မုန့် အေးနေပြီ",
        "မနေ့က ပွဲ ကို ဘယ်သူ ကြည့်လဲ အရမ်း ကောင်းတယ် !",
    ),
    "Khmer": (
        "រថភ្លើង មក យឺត ម្ដងទៀត ហើយ គ្មាន នរណា ប្រាប់ យើង ថា ហេតុអ្វី",
        "ខ្ញុំ ចូលចិត្ត ស៊ុប នេះ ប៉ុន្តែ នំប៉័ង ត្រជាក់",
        "ម្សិលមិញ អ្នកណា បាន មើល ការប្រកួត អស្ចារ្យ ណាស់ !",
    ),
    "Lao": (
        "ລົດໄຟ ມາ ຊ້າ ອີກ ແລ້ວ ແລະ ບໍ່ມີ ໃຜ ບອກ ພວກເຮົາ ວ່າ ຍ້ອນຫຍັງ",
        "ຂ້ອຍ ມັກ ແກງ ນີ້ ແຕ່ ເຂົ້າຈີ່ ເຢັນ ແລ້ວ",
        "ມື້ວານນີ້ ໃຜ ເບິ່ງ ການແຂ່ງຂັນ ມ່ວນ ຫຼາຍ !",
    ),
}
# As the corpus holds them.
WRITTEN = {
    name: [" ".join(tokenize(sentence)) for sentence in sentences]
    for name, sentences in SCRIPTS.items()
}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """A tokenizer that knows the words `the` and `soup`, and `s` at the end of a word."""
    folder = tmp_path_factory.mktemp("bert")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "soup", "##s"]
    BertConfig(vocab_size=len(pieces)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(pieces))
    return load_tokenizer(str(folder))


@pytest.fixture(scope="module")
def minilm():
    return load_tokenizer("MiniLM")


# The share


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        # the, soup; and two words of one unknown piece each: 2 of 4, over all texts.
        (["the soup", "cold bread"], 0.5),
        (["the soup cold bread"], 0.5),
        # soups is two known pieces, soupz one unknown: 1 of 3.
        (["soups soupz"], 1 / 3),
        (["", "the"], 0),
        (["", ""], 0),
        ([], 0),
        (["bread"], 1),
    ],
)
def test_the_share_is_that_of_pieces_over_all_texts(tokenizer, monkeypatch, texts, share):
    assert unknown_pieces(tokenizer, texts) == pytest.approx(share)
    monkeypatch.setattr(module, "_BATCH", 1)
    assert unknown_pieces(tokenizer, texts) == pytest.approx(share)


# The limits


def check(tokenizer, unknown, **changes):
    """Check a text of 1,000 pieces of which some are unknown."""
    texts = [" ".join(["the"] * (1000 - unknown) + ["bread"] * unknown)]
    about = {"name": "a.txt", "model": "small", "setting": "measure.model", **changes}
    check_pieces(tokenizer, texts, **about)


@pytest.mark.parametrize("unknown", [0, 50])
def test_up_to_a_twentieth_nothing_is_said(tokenizer, unknown):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(tokenizer, unknown)


@pytest.mark.parametrize(("unknown", "shown"), [(51, "5.1"), (300, "30.0")])
def test_above_it_is_a_caution(tokenizer, unknown, shown):
    with pytest.warns(Caution) as caught:
        check(tokenizer, unknown)
    (caution,) = caught
    assert str(caution.message) == (
        f"a.txt: {shown} % of its word pieces are unknown to small ([UNK]), so that different "
        "texts may look alike; better, set measure.model in params.yaml to a BERT whose word "
        "pieces cover the script, such as sentence-transformers/LaBSE"
    )


def test_above_three_tenths_is_a_mistake(tokenizer):
    with pytest.raises(UserError) as error:
        check(tokenizer, 301)
    assert str(error.value) == (
        "a.txt: 30.1 % of its word pieces are unknown to small ([UNK]); allowed: at most 30 %; set "
        "measure.model in params.yaml to a BERT whose word pieces cover the script, such as "
        "sentence-transformers/LaBSE"
    )


def test_an_option_is_in_no_file_and_a_model_is_no_cure_for_itself(tokenizer):
    with pytest.raises(UserError, match=r"; set --model to a BERT whose .* such as "):
        check(tokenizer, 301, setting="--model")
    with pytest.raises(UserError, match=r"whose word pieces cover the script$"):
        check(tokenizer, 301, model=MULTILINGUAL)


# MiniLM


ROWS = re.compile(r"^\| (at most 5 %|above 5 %|above 30 %) \| [^|]* \| (.*) \|$", re.MULTILINE)


def test_the_table_of_scripts_in_the_documents_is_what_minilm_reads(minilm):
    shares = {name: unknown_pieces(minilm, texts) for name, texts in WRITTEN.items()}
    rows = {"at most 5 %": [], "above 5 %": [], "above 30 %": []}
    for name, share in sorted(shares.items(), key=lambda item: item[1]):
        row = "at most 5 %" if share <= 0.05 else "above 5 %" if share <= 0.3 else "above 30 %"
        rows[row].append(f"{name} {share:.0%}".replace("%", " %"))
    expected = {row: ", ".join(texts) for row, texts in rows.items()}
    assert dict(ROWS.findall(README.read_text(encoding="utf-8"))) == expected


@pytest.fixture(scope="module")
def distances():
    """Distances of 100 texts of one half of a script's words to others, and to the other half's."""
    encoder = SentenceEncoder("cpu")

    def measure(name):
        words = dict.fromkeys(word for text in WRITTEN[name] for word in text.split())
        words = [word for word in words if any(map(str.isalpha, word))]
        random = np.random.default_rng(1)

        def fit(known):
            texts = [" ".join(random.choice(known, 8)) for _ in range(100)]
            return fit_gaussian(encoder.encode(texts))

        halves = words[::2], words[1::2]
        first, again, other = map(fit, (halves[0], *halves))
        return frechet_distance(first, again), frechet_distance(first, other)

    return measure


@pytest.mark.parametrize("name", ["English", "Hindi", "Tamil"])
def test_texts_that_are_not_refused_are_told_apart(distances, name):
    alike, apart = distances(name)
    assert apart > 5 * alike


@pytest.mark.parametrize("name", ["Khmer", "Lao", "Amharic"])
def test_texts_that_share_no_word_look_alike_where_they_are_refused(distances, minilm, name):
    assert max(distances(name)) < 0.003
    about = {"name": "texts", "model": "MiniLM", "setting": "measure.model"}
    with pytest.raises(UserError, match="allowed: at most 30 %"):
        check_pieces(minilm, WRITTEN[name], **about)
