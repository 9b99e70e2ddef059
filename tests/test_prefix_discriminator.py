"""The discriminator that gives a verdict after each word."""

import math

import pytest
import torch

from stages.networks.prefix_discriminator import (
    WAVES,
    PrefixDiscriminator,
    combine,
    spread,
    verdicts,
)

ROOT = math.sqrt(0.5)


def make_discriminator(width=3, *, token_dropout=0.0, dropout=0.0, sources=2):
    torch.manual_seed(0)
    discriminator = PrefixDiscriminator(width, 8, 2, dropout, token_dropout, sources)
    # As drawn, so small a network hardly minds what it reads.
    for weight in discriminator.parameters():
        weight.data *= 3
    return discriminator


def draw_vectors(count, length, width):
    if width == 1:
        return torch.randint(1, 1000, (count, length, 1)).float()
    return torch.randn(count, length, width)


@pytest.mark.parametrize("width", [1, 3])
def test_a_later_token_changes_no_earlier_logit(width):
    discriminator = make_discriminator(width).eval()
    vectors, lengths = draw_vectors(4, 7, width), torch.full((4,), 7)
    logits = discriminator(vectors, lengths)
    assert logits.shape == (4, 8, 2)
    assert logits.dtype == torch.float32
    for place in range(7):
        changed = vectors.clone()
        changed[:, place] += 1
        others = discriminator(changed, lengths)
        assert torch.allclose(others[:, :place], logits[:, :place], atol=1e-6)
        assert (others[:, place] - logits[:, place]).abs().min() > 1e-5


@pytest.mark.parametrize("bounded", [True, False])
def test_a_bounded_discriminator_cannot_tell_texts_further_apart(bounded):
    torch.manual_seed(0)
    discriminator = PrefixDiscriminator(3, 8, 2, 0.0, 0.0, 2, bounded).train()
    lengths = torch.tensor([1, 4, 9, 0])
    vectors = 100 * torch.randn(4, 9, 3)
    with torch.no_grad():
        for weight in discriminator.parameters():
            weight *= 100
        for _ in range(30):  # each forward step brings the norm's estimate nearer
            discriminator(vectors, lengths)
        logits = verdicts(discriminator.eval()(vectors, lengths), lengths)  # (4, 2)
    apart = (logits.max(0).values - logits.min(0).values).max().item()
    assert (apart <= 2 * math.sqrt(2 * 8) * 1.01) == bounded


@pytest.mark.parametrize("width", [1, 3])
def test_padding_is_never_seen(width):
    # The same texts with other numbers after their ends, and without any: each logit up to the
    # whole text's stays.
    discriminator = make_discriminator(width).eval()
    lengths = torch.tensor([0, 2, 5])
    vectors = draw_vectors(3, 9, width)
    others = torch.where(
        (torch.arange(9) < lengths.unsqueeze(1)).unsqueeze(2), vectors, draw_vectors(3, 9, width)
    )
    logits = discriminator(vectors, lengths)
    for same in (discriminator(others, lengths), discriminator(vectors[:, :5], lengths)):
        for row, length in enumerate(lengths):
            kept = slice(0, length + 1)
            assert torch.allclose(same[row, kept], logits[row, kept], atol=1e-6)


@pytest.mark.parametrize("width", [1, 3])
def test_the_verdict_depends_on_where_the_text_ends(width):
    discriminator = make_discriminator(width).eval()
    vectors = draw_vectors(1, 6, width).expand(7, -1, -1)
    lengths = torch.arange(7)
    logits = discriminator(vectors, lengths)
    whole = verdicts(logits, lengths)[:, 0]
    distances = (whole.unsqueeze(0) - whole.unsqueeze(1)).abs()
    assert distances[~torch.eye(7, dtype=torch.bool)].min() > 1e-6
    # Before its end a text reads as the longer ones do.
    for length in range(7):
        assert torch.allclose(logits[length, :length], logits[6, :length], atol=1e-6)


@pytest.mark.parametrize("width", [1, 3])
def test_an_end_is_not_a_token_of_zeros(width):
    # An unknown word may be zeros too; only the end says that nothing follows.
    discriminator = make_discriminator(width).eval()
    vectors = draw_vectors(1, 4, width)
    vectors[:, 2] = 0
    ended, goes_on = (discriminator(vectors, torch.tensor([length])) for length in (2, 4))
    assert (ended - goes_on)[0, 2].abs().min() > 1e-5


@pytest.mark.parametrize("sources", [1, 3])
def test_combining_weighs_all_sources_alike(sources):
    torch.manual_seed(0)
    logits = 3 * torch.randn(50, sources)
    for combined, row in zip(combine(logits).tolist(), logits.tolist(), strict=True):
        # A logit is log P(real) / P(source), so P(source) / P(real) is exp(-logit).
        odds = sum(math.exp(-logit) for logit in row) / sources
        assert combined == pytest.approx(-math.log(odds), abs=1e-5)


def test_the_logit_against_all_sources_worked_out_by_hand():
    # As likely as real from the first source, a third as likely from the second: 1 / mean(1, 1/3)
    # = 3/2.
    assert combine(torch.tensor([[0, math.log(3)]])).item() == pytest.approx(math.log(1.5))


def test_verdicts_stand_at_the_ends():
    logits, lengths = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]), torch.tensor([2, 0, 1])
    assert verdicts(logits, lengths).tolist() == [3, 4, 8]
    both = torch.stack([logits, -logits], 2)
    assert verdicts(both, lengths).tolist() == [[3, -3], [4, -4], [8, -8]]


@pytest.mark.parametrize("part", ["token_dropout", "dropout"])
def test_dropout_is_for_training_alone(part):
    discriminator = make_discriminator(**{part: 0.5})
    vectors, lengths = torch.randn(4, 6, 3), torch.full((4,), 6)
    discriminator.train()
    discriminator.head[1].eval()  # each pass in training would turn the spectral norm a little
    first, second = discriminator(vectors, lengths), discriminator(vectors, lengths)
    assert (first - second).abs().max() > 1e-3
    discriminator.eval()
    assert torch.equal(discriminator(vectors, lengths), discriminator(vectors, lengths))


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_token_dropout_zeroes_whole_tokens_and_no_end(share):
    # 20,000 tokens: the share within 5 standard deviations, 5 * sqrt(0.3 * 0.7 / 20000) = 0.0162.
    discriminator = make_discriminator(token_dropout=share).train()
    seen = []
    discriminator.front.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    discriminator(torch.ones(500, 40, 3), torch.full((500,), 40))
    tokens, ends = seen[0][:, :40, :3], seen[0][..., 3]
    dropped = (tokens == 0).all(2)
    assert (dropped | (tokens == 1).all(2)).all()
    assert dropped.float().mean().item() == pytest.approx(share, abs=0.0162)
    assert ends[:, 40].all()
    assert not ends[:, :40].any()


def test_waves_have_the_angles_worked_out_by_hand():
    # Waves of lengths 2, 4 and 8. 1 is 1/2, 1/4 and 1/8 of a turn; 3 is 3/2 - 1 = 1/2, 3/4 and 3/8;
    # 6 is none, 6/4 - 1 = 1/2 and 3/4.
    waves = spread(torch.tensor([[[0.0], [1.0], [3.0], [6.0]]]))
    assert waves.shape == (1, 4, 2 * WAVES)
    sines, cosines = waves[0, :, :3], waves[0, :, WAVES : WAVES + 3]
    expected = torch.tensor([[0, 0, 0], [0, 1, ROOT], [0, -1, ROOT], [0, 0, -1]])
    assert torch.allclose(sines, expected, atol=1e-6)
    expected = torch.tensor([[1, 1, 1], [-1, 0, ROOT], [-1, 0, -ROOT], [1, -1, 0]])
    assert torch.allclose(cosines, expected, atol=1e-6)


@pytest.mark.parametrize("start", [1, 40_000, 999_900])
def test_waves_tell_neighbouring_ids_apart(start):
    # Ids that are d = 2^k * odd apart lie half a turn apart on the wave of length 2^(k + 1), so at
    # a distance of 2 or more.
    waves = spread(torch.arange(start, start + 100).float().reshape(1, -1, 1))[0]
    distances = torch.cdist(waves, waves) + 9 * torch.eye(100)
    assert distances.min() > 1.999
    assert waves.square().sum(1) == pytest.approx(torch.full((100,), float(WAVES)), rel=1e-5)


def test_single_numbers_are_spread_and_vectors_are_not():
    for width, features in ((1, 2 * WAVES), (3, 3)):
        # And one number that says where the text ends.
        assert make_discriminator(width).front[0].in_features == features + 1


@pytest.mark.parametrize("scale", [0.1, 1, 20])
def test_the_heads_hidden_layer_stretches_nothing(scale):
    discriminator = make_discriminator().train()
    hidden = discriminator.head[1]
    hidden.parametrizations.weight.original.data *= scale
    vectors, lengths = torch.randn(2, 3, 3), torch.tensor([3, 1])
    for _ in range(100):
        discriminator(vectors, lengths)
    norm = torch.linalg.matrix_norm(hidden.weight, 2).item()
    assert norm == pytest.approx(1, abs=0.02)
