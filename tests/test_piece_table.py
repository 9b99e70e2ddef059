"""A generator's words as an embedding's tokens, against the embedding's own."""

import random

import pytest
import torch

from stages.embeddings.bert import BertEmbedding
from stages.embeddings.piece_table import PieceTable, lengths_of
from stages.embeddings.scalar import ScalarEmbedding
from stages.embeddings.word2vec import Word2VecEmbedding
from stages.generators.language_model import LanguageModel, LanguageModelSettings

# In no alphabetical order, with words of many pieces, of one that BERT does not know, and of none.
WORDS = [
    "",
    "the",
    "soup",
    "incomprehensibilities",
    "don't",
    "was",
    "antidisestablishmentarianism",
    "🦤",
    "!!!",
    "@ivy",
    "a",
    "\u00ad",
]
TABLED = [word for word in reversed(WORDS) if word]


class Letters:
    """A token for each letter: a is 1, b is 2 and so on."""

    def tokenize(self, texts, length=None):
        rows = [[ord(letter) - ord("a") + 1 for letter in text if letter != " "] for text in texts]
        length = max(map(len, rows)) if length is None else length
        return torch.tensor([(row + [0] * length)[:length] for row in rows], dtype=torch.int32)


@pytest.fixture(scope="module")
def embeddings():
    torch.manual_seed(0)
    # Nothing but the tokenizer is asked, so no BERT has to run.
    none = torch.zeros((1, 384))
    bert = BertEmbedding(
        "MiniLM", [""], torch.zeros(1).bool(), none, none[0], torch.eye(384), project=False
    )
    return {
        "scalar": ScalarEmbedding(TABLED),
        "word2vec": Word2VecEmbedding(TABLED, torch.randn(len(WORDS), 4)),
        "bert": bert,
    }


def draw_texts(count, length, seed=0):
    """Texts of 0 to `length` words, ids (B, T), 0 after the end."""
    chance, rows = random.Random(seed), torch.zeros((count, length), dtype=torch.int64)
    for row in rows:
        size = chance.randint(0, length)
        row[:size] = torch.tensor([chance.randrange(1, len(WORDS)) for _ in range(size)])
    return rows


def write(words):
    return [" ".join(WORDS[word] for word in row if word) for row in words.tolist()]


@pytest.mark.parametrize("name", ["scalar", "word2vec", "bert"])
@pytest.mark.parametrize("length", [1, 3, 8, 40])
def test_tokens_are_those_of_the_written_texts(embeddings, name, length):
    embedding = embeddings[name]
    words = draw_texts(200, 8)
    tokens, ends = PieceTable(embedding, WORDS, length).tokenize(words)
    assert tokens.dtype == torch.int64
    assert torch.equal(tokens, embedding.tokenize(write(words), length).long())
    # Up to and with each word: as many as the embedding gives the text's beginning.
    for place in range(8):
        begun = embedding.tokenize(write(words[:, : place + 1]), length)
        assert torch.equal(ends[:, place], (begun != 0).sum(1))


def test_bert_has_words_of_several_pieces_and_of_none(embeddings):
    # Else the equality above would say little.
    counts = PieceTable(embeddings["bert"], WORDS, 40).counts
    assert counts[WORDS.index("antidisestablishmentarianism")] >= 4
    assert counts[WORDS.index("don't")] == 3  # don, ', t
    assert counts[WORDS.index("\u00ad")] == 0
    assert counts[0] == 0


def test_what_a_language_model_writes_is_what_it_is_read_as(embeddings):
    settings = LanguageModelSettings(
        width=8,
        hidden_size=8,
        num_layers=1,
        dropout=0.0,
        batch_size=1,
        learning_rate=0.1,
        patience=1,
        epochs=1,
    )
    torch.manual_seed(1)
    model = LanguageModel(WORDS, settings, 6, "cpu")
    words = model.network.eval().sample(50, 6)
    for embedding in embeddings.values():
        tokens, _ = PieceTable(embedding, model.words, 9).tokenize(words)
        assert torch.equal(tokens, embedding.tokenize(model.write(words), 9).long())


def test_ends_worked_out_by_hand():
    table = PieceTable(Letters(), ["", "a", "bb", "ccc"], 4)
    tokens, ends = table.tokenize(torch.tensor([[2, 3, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]))
    # "bb ccc a" has 2, 2 + 3 and 2 + 3 + 1 tokens, of which 4 are kept; "a a" has 1 and 2.
    assert tokens.tolist() == [[2, 2, 3, 3], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert ends.tolist() == [[2, 4, 4, 4], [1, 2, 2, 2], [0, 0, 0, 0]]
    assert ends.dtype == torch.int64


def test_the_first_word_is_no_word():
    # Whatever an embedding makes of it.
    tokens, ends = PieceTable(Letters(), ["z", "a"], 2).tokenize(torch.tensor([[1, 0]]))
    assert (tokens.tolist(), ends.tolist()) == ([[1, 0]], [[1, 1]])


def test_a_word_longer_than_a_text_is_cropped():
    tokens, ends = PieceTable(Letters(), ["", "abcde"], 3).tokenize(torch.tensor([[1, 1]]))
    assert (tokens.tolist(), ends.tolist()) == ([[1, 2, 3]], [[3, 3]])


def test_a_text_reaches_to_its_last_token():
    # An unknown word in the middle is 0 as well, and part of the text.
    tokens = torch.tensor([[3, 0, 5, 0], [0, 0, 0, 0], [1, 2, 3, 4], [0, 0, 0, 9], [7, 0, 0, 0]])
    for kind in (torch.int32, torch.int64):
        assert lengths_of(tokens.to(kind)).tolist() == [3, 0, 4, 4, 1]
    assert lengths_of(tokens).dtype == torch.int64
