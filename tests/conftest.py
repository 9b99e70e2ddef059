"""Before any test loads a library: the tests calculate as the stages do. And what several share."""

import pytest

import stages  # noqa: F401


@pytest.fixture(scope="session")
def bert(tmp_path_factory):
    """Give the folder of a small BERT with random weights, of three layers and a few pieces."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    markers, letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], "abcdefinxyz"
    inside = [f"##{letter}" for letter in letters]
    pieces = [*markers, *letters, *"'.!", *inside, "ba", "##an"]
    (folder / "vocab.txt").write_text("\n".join(pieces))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=12,
        initializer_range=0.2,  # of 0.02 so few numbers say next to nothing
    )
    BertModel(config).save_pretrained(folder)
    return str(folder)
