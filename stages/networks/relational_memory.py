"""A relational memory core: slots that attend to each other and to what is read, behind gates.

Source: A. Santoro et al., "Relational recurrent neural networks", NeurIPS 2018, arXiv:1806.01822,
with one block of attention, two dense layers behind it, and gates of single numbers ("unit"), as
W. Nie et al., "RelGAN", ICLR 2019, use it. As in the authors' code, a score is divided by the root
of the length of query, key and value together. Each row is normalised for itself, as in Santoro et
al.; the code of RelGAN normalises a text's memory and input rows together.
"""

import torch
from torch import Tensor, nn

from stages.networks.portable import Linear

FORGET_BIAS = 1.0  # so that a memory is kept until something is learnt


class RelationalMemory(nn.Module):
    """A recurrent network whose state are N slots of M numbers, M = num_heads * head_size.

    Args:
        width: W, numbers it reads at each place.
        num_slots: N.
        num_heads: of attention.
        head_size: S, numbers a head of query, key and value each.
    """

    def __init__(self, width: int, num_slots: int, num_heads: int, head_size: int) -> None:
        super().__init__()
        self.num_slots, self.num_heads, self.head_size = num_slots, num_heads, head_size
        self.size = size = num_heads * head_size
        self.scale = (3 * head_size) ** -0.5
        self.reader = Linear(width, size)
        self.attention = Linear(size, 3 * size, bias=False)
        self.attention_norm = nn.LayerNorm(3 * size)
        self.memory_norm = nn.LayerNorm(size)
        self.first, self.second = Linear(size, size), Linear(size, size)
        self.dense_norm = nn.LayerNorm(size)
        self.gates_by_input = Linear(size, 2 * size, bias=False)
        self.gates_by_memory = Linear(size, 2 * size, bias=False)
        bias = torch.cat([torch.zeros(size), torch.full((size,), FORGET_BIAS)])
        self.register_buffer("gate_bias", bias, persistent=False)

    def begin(self, count: int) -> Tensor:
        """Return the memory of `count` texts that begin, (B, N, M): each slot another unit row."""
        eye = torch.eye(self.num_slots, self.size, device=self.gate_bias.device)
        return eye.repeat(count, 1, 1)

    def forward(self, vectors: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Read vectors (B, T, W), one place after the other.

        Args:
            vectors: what is read.
            memory: before the first place, (B, N, M).

        Returns:
            The memory after each place, (B, T, N * M), and that after the last, (B, N, M).
        """
        read = self.reader(vectors)  # (B, T, M)
        # What depends on the input alone, of all places at once.
        _, keys, values = (part.unbind(1) for part in self._attend_by(read))  # T times (B, H, S)
        gates = (self.gates_by_input(read) + self.gate_bias).unbind(1)  # T times (B, 2 * M)
        after = []
        for of_input in zip(keys, values, gates, strict=True):
            memory = self._step(memory, *of_input)
            after.append(memory.flatten(1))
        return torch.stack(after, 1), memory

    def _attend_by(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Turn rows (B, L, M) into queries, keys and values, (B, L, heads, S) each."""
        all_of_it = self.attention_norm(self.attention(rows))
        return all_of_it.view(*rows.shape[:2], 3, self.num_heads, self.head_size).unbind(2)

    def _step(self, memory: Tensor, key: Tensor, value: Tensor, gates: Tensor) -> Tensor:
        """Return the memory (B, N, M) after one place.

        The row of the input takes part as key and value; its own next value is not needed.
        """
        queries, keys, values = self._attend_by(memory)  # (B, N, heads, S)
        keys = torch.cat([keys, key.unsqueeze(1)], 1)  # (B, N + 1, heads, S)
        values = torch.cat([values, value.unsqueeze(1)], 1)
        scores = (queries.unsqueeze(2) * keys.unsqueeze(1)).sum(-1)  # (B, N, N + 1, heads)
        weights = (scores * self.scale).softmax(2)
        attended = (weights.unsqueeze(-1) * values.unsqueeze(1)).sum(2).flatten(2)  # (B, N, M)
        rows = self.memory_norm(memory + attended)
        rows = self.dense_norm(rows + self.second(self.first(rows).relu()))
        gates = (gates.unsqueeze(1) + self.gates_by_memory(memory.tanh())).sigmoid()
        let_in, keep = gates.chunk(2, 2)  # (B, N, M)
        return let_in * rows.tanh() + keep * memory
