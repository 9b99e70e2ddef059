"""BERT as a Gibbs sampler: what it learns and writes, and its folder."""

import math
from copy import deepcopy

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from transformers import BertConfig, BertForMaskedLM, BertModel

from stages.corpus.errors import UserError
from stages.embeddings.pretrained_bert import load_tokenizer
from stages.generators import bert_gibbs
from stages.generators.bert_gibbs import BertGibbs, BertGibbsSettings
from stages.generators.protocol import load_generator
from stages.networks import masked_sampling
from stages.networks.learnt_pieces import (
    END,
    MARKERS,
    MASK,
    PADDING,
    START,
    LearntPieces,
    frame,
)
from stages.networks.masked_language_model import BertShape
from stages.training import masked
from tests.tampering import array_is, put, said
from tests.test_language_model import make_corpus

SETTINGS = BertGibbsSettings(
    model="unused",
    num_layers=2,
    trained_layers=2,
    masking="any",
    batch_size=8,
    learning_rate=0.01,
    epochs=2,
    sweeps=1,
    at_once=1,
)
SHAPE = BertShape(width=8, hidden_size=12, num_heads=2, activation="gelu", epsilon=1e-12)
BEGINNING, INSIDE = ["a", "b", "c"], ["s", "t"]
A, B, C, S, T = range(MARKERS, MARKERS + 5)
ECHOES = ["a x y a", "b x y b"]


def make_model(lengths=(1, 2, 3, 4), max_length=3, seed=0, **changes):
    torch.manual_seed(seed)
    pieces, settings = LearntPieces(BEGINNING, INSIDE), SETTINGS.model_copy(update=changes)
    model = BertGibbs(pieces, lengths, SHAPE, settings, max_length, "cpu")
    for name, weight in model.network.named_parameters():
        if "LayerNorm" not in name:
            nn.init.normal_(weight)  # as made, all pieces are about as likely
    model.network.eval()
    return model


def build(bert, corpus, **changes):
    torch.manual_seed(1)
    settings = SETTINGS.model_copy(update={"model": bert, **changes})
    return BertGibbs.build(corpus, settings, seed=1, device="cpu")


def write(model, count=50, seed=1, **options):
    return [text for batch in model.generate(count, seed, **options) for text in batch]


# What it says of a place


def plain(model):
    """Return transformers' own BERT with a masked head and the model's weights."""
    network = model.network
    config = deepcopy(network.bert.config)
    config.tie_word_embeddings = True
    plain = BertForMaskedLM(config).eval()
    weights = {f"bert.{name}": part for name, part in network.bert.state_dict().items()}
    head = {f"transform.{name}": part for name, part in network.transform.state_dict().items()}
    bias = torch.cat([torch.randn(MARKERS), network.bias.detach()])
    head |= {"bias": bias, "decoder.bias": bias, "decoder.weight": network.vectors.weight.detach()}
    weights |= {f"cls.predictions.{name}": part for name, part in head.items()}
    plain.load_state_dict(weights)
    return plain


def test_what_is_learnt_from_is_that_of_the_masked_bert_of_transformers_too():
    model, lengths = make_model(), torch.tensor([4, 1, 2, 3])
    tokens = torch.randint(MARKERS, MARKERS + 5, (4, 4))
    tokens = tokens.masked_fill(torch.arange(4) >= lengths.unsqueeze(1), PADDING)
    tokens, mask = frame(tokens, lengths), torch.arange(6) < lengths.unsqueeze(1) + 2
    chosen = tokens >= MARKERS
    logits = plain(model)(tokens, attention_mask=mask.long()).logits[chosen][:, MARKERS:]
    found = model.network.train()(tokens, mask, chosen)
    torch.testing.assert_close(found, logits, rtol=0, atol=1e-5)


def test_a_piece_is_read_and_predicted_by_one_vector():
    network = make_model().network
    tables = [name for name, part in network.named_parameters() if len(part) == MARKERS + 5]
    assert tables == ["bert.embeddings.word_embeddings.weight"]
    tokens = torch.tensor([[START, A, MASK, END]])
    before = network.predict_at(tokens, torch.tensor([[2]]))[0, 0]
    with torch.no_grad():
        network.vectors.weight[S] *= 2  # which the text has not
    after = network.predict_at(tokens, torch.tensor([[2]]))[0, 0]
    others = [piece - MARKERS for piece in (A, B, C, T)]
    assert torch.equal(before[others], after[others])
    without_bias = before[S - MARKERS] - network.bias[S - MARKERS]
    expected = 2 * without_bias + network.bias[S - MARKERS]
    assert after[S - MARKERS].item() == pytest.approx(expected.item(), abs=1e-5)


def test_the_pseudo_log_likelihood_is_the_sum_over_places_masked_one_by_one():
    model, texts = make_model(lengths=[1] * 8), ["as b", "unheard ct", "c a bst as"]
    tokens, _ = model.pieces.read([texts[0], texts[1], "c a bst"])
    expected, words = 0.0, 0
    with torch.no_grad():
        for row in tokens.tolist():
            text = [START, *(place for place in row if place != PADDING), END]
            for place, piece in enumerate(text):
                if piece >= MARKERS:
                    hidden = torch.tensor([[*text[:place], MASK, *text[place + 1 :]]])
                    logits = plain(model)(hidden).logits[0, place, MARKERS:]
                    expected += logits.log_softmax(0)[piece - MARKERS].item()
                    words += piece < S
    # Of the third text the first three words; of the second one is not read, so not counted.
    assert words == 2 + 1 + 3
    found = model.pseudo_log_likelihood(texts)
    assert found == pytest.approx(expected / words, abs=1e-4)
    with pytest.raises(UserError, match="no likelihood"):
        model.log_likelihood(texts)


# What it writes


@pytest.mark.parametrize("options", [{}, {"temperature": 0.3}, {"top_p": 0.8}])
def test_texts_are_pieces_joined_to_words_that_begin(options):
    texts = write(make_model(lengths=[0, 0, 0, 0, 1], max_length=4, sweeps=2), 300, **options)
    assert len({*texts}) > 20
    for text in texts:
        words = text.split(" ")
        assert 1 <= len(words) <= 4
        assert all(word[0] in BEGINNING and {*word[1:]} <= {*INSIDE} for word in words)
        assert len(words) == 4 or len(text.replace(" ", "")) == 5


@pytest.mark.parametrize(("sweeps", "at_once"), [(0, 1), (3, 1), (1, 2), (0, 9)])
def test_a_beginning_stays_and_its_last_word_ends_there(sweeps, at_once):
    model = make_model(lengths=[5] * 5, max_length=4, sweeps=sweeps, at_once=at_once)
    texts = write(model, 200, prefix=" a  cs ")
    assert all(f"{text} ".startswith("a cs ") for text in texts)
    assert "a cs" in texts
    assert len({*texts}) > 10
    # Cropped at words; and at pieces, of which no training text has more.
    assert write(model, 5, prefix="a b c a b") == ["a b c a"] * 5
    assert write(model, 5, prefix="ast bst") == ["ast bs"] * 5


def test_a_beginning_that_cannot_be_spelt_is_refused():
    with pytest.raises(UserError) as error:
        write(make_model(), prefix="a sa")
    assert str(error.value) == "prefix: the BERT has learnt no pieces for the word 'sa'"


def test_texts_depend_on_the_seed_alone(monkeypatch):
    monkeypatch.setattr(bert_gibbs, "BATCH", 40)
    monkeypatch.setattr(masked_sampling, "PIECES", {"cpu": 12})  # two texts, or three, at a time
    model = make_model()
    first = list(model.generate(100, 1))
    torch.randn(5)
    assert [len(batch) for batch in first] == [40, 40, 20]
    assert first == list(model.generate(100, 1)) != list(model.generate(100, 2))


# How it learns


@pytest.mark.parametrize("trained", [0, 1, 2])
def test_layers_below_those_that_learn_stay_as_they_are(bert, trained):
    model = build(bert, make_corpus(ECHOES * 20, ECHOES, 6), trained_layers=trained)
    before = deepcopy(model.network.state_dict())
    for _ in model.train(make_corpus(ECHOES * 20, ECHOES, 6)):
        pass
    after = model.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    layers = {number for number in range(2) if any(f"layer.{number}." in name for name in changed)}
    assert layers == {*range(2 - trained, 2)}
    assert ("bert.embeddings.position_embeddings.weight" in changed) == (trained == 2)
    assert {"bias", "transform.dense.weight"} <= changed
    vectors = "bert.embeddings.word_embeddings.weight"
    assert vectors in changed
    # Below a layer that stays they learn by what they predict alone, and no marker is predicted.
    assert torch.equal(before[vectors][:MARKERS], after[vectors][:MARKERS]) == (trained < 2)


def test_it_begins_with_the_weights_of_the_bert_and_the_frequencies_of_pieces(bert):
    model = build(bert, make_corpus(["x a ba", "x a", "x"], ["a"], 6))
    theirs, tokenizer = BertModel.from_pretrained(bert), load_tokenizer(bert)
    own = model.network.bert
    ids = tokenizer.convert_tokens_to_ids(["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "x", "a"])
    vectors = theirs.embeddings.word_embeddings.weight[ids]
    assert torch.equal(own.embeddings.word_embeddings.weight[:7], vectors)
    # Three pieces at most, two markers.
    places = theirs.embeddings.position_embeddings.weight[:5]
    assert torch.equal(own.embeddings.position_embeddings.weight, places)
    for ours, layer in zip(own.encoder.layer, theirs.encoder.layer[:2], strict=True):
        for mine, weight in zip(ours.parameters(), layer.parameters(), strict=True):
            assert torch.equal(mine, weight)
    # 3, 2 and 1 times, and half a time more each: of 7.5.
    shares = [3.5 / 7.5, 2.5 / 7.5, 1.5 / 7.5]
    assert model.network.bias.exp().tolist() == pytest.approx(shares, abs=1e-6)


@pytest.fixture(scope="module")
def echo(bert):
    corpus = make_corpus(ECHOES * 40, ECHOES, 6)
    model = build(bert, corpus, epochs=20, learning_rate=0.005)
    return model, list(model.train(corpus))


def test_it_learns_what_stands_far_apart(echo):
    # Given all others every piece is known.
    model, steps = echo
    assert steps[-1].validation < 0.1
    assert model.describe()["pseudo_log_likelihood"] == -min(
        step.validation for step in steps if step.validation is not None
    )
    texts = write(model, 200)
    # Each is half of them; 70 is below that by four standard deviations, sqrt(200) / 2 = 7.
    assert all(texts.count(text) > 70 for text in ECHOES)
    assert sum(text in ECHOES for text in texts) > 180


def test_a_learnt_beginning_is_continued(echo):
    model, _ = echo
    assert write(model, 20, prefix="a x", temperature=0.1) == ["a x y a"] * 20
    assert write(model, 20, prefix="b", temperature=0.1) == ["b x y b"] * 20


@pytest.mark.parametrize(("masking", "trained"), [("any", 2), ("bert", 1)])
def test_training_taken_up_again_is_the_unbroken_one(bert, masking, trained):
    corpus = make_corpus(ECHOES * 20, ECHOES, 6)
    changes = {"epochs": 3, "masking": masking, "trained_layers": trained}
    whole = build(bert, corpus, **changes)
    unbroken, state = [], None
    for step in whole.train(corpus):
        unbroken.append(step)
        if step.ends_epoch and step.epoch == 2:
            state, random = deepcopy(whole.state_dict()), torch.get_rng_state()
    assert len(unbroken) == whole.count_steps(corpus) == 3 * 5
    resumed = build(bert, corpus, **changes)
    resumed.load_state_dict(state)
    assert resumed.lowest == min(unbroken[4].validation, unbroken[9].validation)
    torch.set_rng_state(random)
    assert list(resumed.train(corpus)) == unbroken[10:]
    for ours, theirs in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_texts_without_words_are_not_learnt_from(bert):
    corpus = make_corpus(["a x", "", "b"], [""], 6)
    model = build(bert, corpus, batch_size=1)
    steps = list(model.train(corpus))
    assert len(steps) == model.count_steps(corpus) == 2 * 2
    assert model.lengths == [1, 1]
    with pytest.raises(UserError, match=r"^the corpus: no text to learn from has a word"):
        build(bert, make_corpus([""], ["a"], 6))


def test_a_text_of_words_that_have_no_piece_is_not_learnt_from(bert):
    # BERT removes U+FFFD, so nothing is left of the second text to predict.
    corpus = make_corpus(["a x", "\ufffd", "b"], [""], 6)
    model = build(bert, corpus, batch_size=1)
    steps = list(model.train(corpus))
    assert len(steps) == model.count_steps(corpus) == 2 * 2
    assert all(math.isfinite(step.losses["loss"]) for step in steps)


def test_texts_longer_than_the_bert_reads_are_cropped(bert):
    # Of twelve places two are for markers.
    model = build(bert, make_corpus(["a x y " * 5, "b"], ["a"], 20))
    assert len(model.lengths) == 10
    assert (model.lengths[0], model.lengths[9]) == (1, 1)


def test_it_reads_places_in_parts(monkeypatch):
    model, texts = make_model(lengths=[1] * 8), ["as b", "c", "b c as", "ct ct"] * 5
    whole = model.pseudo_log_likelihood(texts)
    monkeypatch.setattr(masked, "READ", 7)
    assert model.pseudo_log_likelihood(texts) == pytest.approx(whole, abs=1e-6)


# How it is kept


def test_a_saved_model_is_the_same_without_its_bert(bert, tmp_path, monkeypatch):
    model = build(bert, make_corpus(["a xé", "b", "banan 🐸"], ["a"], 6), trained_layers=1)
    model.save(tmp_path / "model")
    monkeypatch.setattr("transformers.AutoModel.from_pretrained", None)
    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", None)
    loaded = load_generator(tmp_path / "model", "cpu")
    assert isinstance(loaded, BertGibbs)
    assert (loaded.settings, loaded.max_length) == (model.settings, 6)
    assert not loaded.network.training
    for name, weight in model.network.state_dict().items():
        assert torch.equal(weight, loaded.network.state_dict()[name])
    assert write(model) == write(loaded)
    assert write(loaded, 5, prefix="🐸 xé banan") == write(model, 5, prefix="🐸 xé banan")
    assert model.describe() == loaded.describe()


def test_its_size_is_told():
    # Vectors of 10 pieces, 6 places and one kind of text, 17 * 8, and a norm, 16; two layers of
    # four dense ones of attention, 4 * 72, the inner one, 8 * 12 + 12 and 12 * 8 + 8, and two
    # norms, 32; the head's dense one and norm, 72 + 16; biases of 5 pieces.
    layer = 4 * 72 + 108 + 104 + 32
    expected = 17 * 8 + 16 + 2 * layer + 88 + 5
    assert make_model().describe() == {"pieces": 5, "parameters": expected}


# What it refuses


def test_more_layers_that_learn_than_there_are_is_refused():
    message = "trained_layers is 3; allowed: at most num_layers, which is 2"
    with pytest.raises(ValidationError, match=message):
        BertGibbsSettings(**SETTINGS.model_dump() | {"trained_layers": 3})


def test_more_layers_than_the_bert_has_is_refused(bert):
    with pytest.raises(UserError) as error:
        build(bert, make_corpus(ECHOES), num_layers=4)
    told = f"params.yaml: bert_gibbs.num_layers is 4; allowed for {bert}: at most 3"
    assert str(error.value) == told


def test_a_bert_that_is_not_there_is_told_by_its_key(tmp_path):
    BertConfig(vocab_size=6).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"^params\.yaml: bert_gibbs\.model is .*neither MiniLM"):
        build(str(tmp_path), make_corpus(ECHOES))


ABOUT, WEIGHTS = "about.json", "weights.safetensors"


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        (ABOUT, said("settings", "num_layers", value=3), "is missing"),
        (ABOUT, said("settings", "num_layers", value=10**9), "too few for a num_layers of"),
        (ABOUT, said("settings", "trained_layers", value=5), "trained_layers is 5; allowed"),
        (ABOUT, said("settings", "sweeps", value=-1), "sweeps: "),
        (ABOUT, said("settings", "masking", value="all"), "masking: "),
        (ABOUT, said("shape", "width", value=10), "of the shape"),
        (ABOUT, said("shape", "width", value=9), "expected num_heads to be a divisor of width, 9"),
        (ABOUT, said("shape", "hidden_size", value=13), "of the shape"),
        (ABOUT, said("shape", "activation", value="exec"), "activation: "),
        (ABOUT, said("shape", "epsilon", value=0.0), "epsilon: "),
        (ABOUT, said("shape"), "shape: Field required"),
        (ABOUT, said("beginning", value=["a", "b"]), "of the shape"),
        (ABOUT, said("beginning", value=[]), "beginning: "),
        (ABOUT, said("beginning", value=["a", "b", "a"]), "distinct"),
        (ABOUT, said("beginning", value=["a", "b", "c d"]), "white space"),
        (ABOUT, said("inside", value=["s", ""]), "white space"),
        (ABOUT, said("lengths", value=[1, 1]), "of the shape"),
        (ABOUT, said("lengths", value=[]), "lengths: "),
        (ABOUT, said("lengths", value=[1, 1, 1, -1]), "lengths"),
        (ABOUT, said("lengths", value=[1, 1, 1, 0]), "a text of the greatest length"),
        (WEIGHTS, array_is("bias", put(0, math.nan)), "finite"),
        (WEIGHTS, array_is("bias", lambda bias: bias[1:]), "of the shape"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, file, damage, message):
    folder = tmp_path / "model"
    make_model().save(folder)
    damage(folder / file)
    with pytest.raises(UserError, match=message) as error:
        load_generator(folder, "cpu")
    assert "\n" not in str(error.value)
