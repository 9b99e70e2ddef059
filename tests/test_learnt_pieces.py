"""Word pieces in a corpus' own spelling: found, read and written back."""

from stages.embeddings.pretrained_bert import load_tokenizer
from stages.networks.learnt_pieces import MARKERS, PADDING, UNKNOWN, LearntPieces, find_pieces

BEGINNING, INSIDE = ["a", "b", "c"], ["s", "t"]
A, B, C, S, T = range(MARKERS, MARKERS + 5)


def test_pieces_are_spelt_as_the_corpus_spells_them(bert):
    # BERT reads é as e and the emoji as [UNK]; of the apostrophe's word it makes three.
    texts = ["banan bé", "🐸 b'a"]
    pieces, ids = find_pieces(load_tokenizer(bert), texts)
    assert pieces.beginning == ["ba", "b", "🐸"]
    assert pieces.inside == ["n", "an", "é", "'", "a"]
    vocabulary = load_tokenizer(bert).convert_ids_to_tokens(ids.tolist())
    markers = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"]
    found = ["ba", "b", "[UNK]", "##n", "##an", "##e", "'", "a"]
    assert vocabulary == [*markers, *found]
    tokens, lengths = pieces.read(texts)
    assert lengths.tolist() == [5, 4]
    rows = zip(tokens.tolist(), lengths.tolist(), strict=True)
    assert [pieces.write(row[:length], 9) for row, length in rows] == texts


def test_a_word_is_split_into_the_longest_pieces_that_leave_no_rest():
    # "abc" is the longest beginning of "abcd", but no piece is "d".
    pieces = LearntPieces(["a", "ab", "abc"], ["c", "cd", "b"])
    split = {
        word: [pieces.spelling[at] for at in pieces.read_word(word)] for word in ("abcd", "abc")
    }
    assert split == {"abcd": ["ab", "cd"], "abc": ["abc"]}
    assert pieces.read_word("abd") == pieces.read_word("b") == []
    tokens, lengths = pieces.read(["abd ab", "", "abcd ab a"], most=3)
    ab, cd = (pieces.read_word("abcd")[place] for place in (0, 1))
    assert tokens.tolist() == [[UNKNOWN, ab, PADDING], [PADDING] * 3, [ab, cd, ab]]
    assert lengths.tolist() == [2, 0, 3]


def test_pieces_are_joined_to_words_up_to_the_crop():
    pieces = LearntPieces(BEGINNING, INSIDE)
    assert pieces.write([A, S, T, B, C, S], 9) == "ast b cs"
    assert pieces.write([A, S, T, B, C, S], 2) == "ast b"
    assert pieces.write([S, A], 9) == "s a"  # which is never drawn
    assert pieces.write([], 9) == ""
