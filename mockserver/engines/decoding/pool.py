"""Blocks of the key-value memory: which are free, and how many sequences hold each. Knows no tensor and no sequence."""


class Pool:
    """Blocks 1 to `total`. Block 0 is nobody's: what pads a batch may write there."""

    def __init__(self, total: int, size: int) -> None:
        self.total = total
        self.size = size
        """Tokens in a block."""
        self._holders = [0] * (total + 1)
        self._free = list(range(total, 0, -1))

    @property
    def free(self) -> int:
        """How many nobody holds."""
        return len(self._free)

    @property
    def used(self) -> int:
        """How many somebody holds."""
        return self.total - len(self._free)

    def blocks_for(self, tokens: int) -> int:
        """How many blocks hold this many tokens."""
        return -(-tokens // self.size)

    def take(self) -> int:
        """A free block, now held once. Raises IndexError where there is none."""
        block = self._free.pop()
        self._holders[block] = 1
        return block

    def share(self, blocks: list[int]) -> list[int]:
        """The same blocks, held once more."""
        for block in blocks:
            self._holders[block] += 1
        return list(blocks)

    def shared(self, block: int) -> bool:
        """Whether several hold it: then none of them may write into it."""
        return self._holders[block] > 1

    def give(self, blocks: list[int]) -> None:
        """Hold these no longer; who was the last frees them. Empties the list."""
        for block in blocks:
            self._holders[block] -= 1
            if not self._holders[block]:
                self._free.append(block)
        blocks.clear()
