"""Who takes part in the next step: joining, leaving, and giving way at each one. Knows no tensor, thread, or client.

Iteration-level scheduling after Orca, blocks after PagedAttention: a sequence takes a block when it needs one and
gives all back at once when it ends. Where none is left, the youngest gives way: its blocks are freed, and what it had
is computed again later. The eldest never gives way, so all come to an end.
"""

from bisect import insort
from dataclasses import dataclass
from operator import attrgetter

from .pool import Pool
from .sequence import Plan, Sequence, Work

ARRIVAL = attrgetter("arrival")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is done at a time."""

    rows: int = 64
    """Sequences that are decoded together."""
    chunk: int = 256
    """Tokens of prompts in one step: a long prompt is computed in pieces, between which the others go on."""
    constant: bool = False
    """The pieces of a prompt depend on that prompt alone, and all after it is decoded, also what is computed again."""


class Scheduler:
    """Makes the plan of each step."""

    def __init__(self, pool: Pool, limits: Limits) -> None:
        self.pool = pool
        self.limits = limits
        self.running: list[Sequence] = []
        self.waiting: list[Sequence] = []
        """Both by arrival."""
        self.preempted = 0

    def join(self, sequence: Sequence) -> None:
        """Wait for a turn."""
        insort(self.waiting, sequence, key=ARRIVAL)

    def leave(self, sequence: Sequence) -> None:
        """Be done: its blocks are free, or left to those that share them."""
        sequence.ended = True
        self.pool.give(sequence.blocks)
        (self.running if sequence in self.running else self.waiting).remove(sequence)
        self._lead_no_more(sequence)

    def plan(self) -> Plan:
        """The next step; without works where nothing is to be done."""
        works: list[Work] = []
        copies: list[tuple[int, int]] = []
        left = self.limits.chunk
        before = self.preempted
        for sequence in list(self.running):  # by arrival: who gives way has not been planned yet
            if before != self.preempted and sequence not in self.running:
                continue
            work = self._work(sequence, left)
            if work is not None and self._reserve(work, copies):
                works.append(work)
                left -= 0 if work.decodes else work.count
        if before == self.preempted:
            self._admit(works, copies, left)
        works.sort(key=lambda work: not work.decodes)
        return Plan(tuple(works), tuple(copies))

    def prompt_done(self, sequence: Sequence) -> None:
        """Choices that waited for its prompt begin: they share its blocks, all but the last token's."""
        shared = sequence.prompt_length - 1
        for follower in sequence.followers:
            if shared and follower in self.waiting and len(self.running) < self.limits.rows:
                follower.blocks = self.pool.share(sequence.blocks[: self.pool.blocks_for(shared)])
                follower.computed = shared
                follower.prompt = list(sequence.prompt)
                self.waiting.remove(follower)
                insort(self.running, follower, key=ARRIVAL)
        self._lead_no_more(sequence)

    def _admit(self, works: list[Work], copies: list[tuple[int, int]], left: int) -> None:
        """Let those in who have waited, as long as there is room for all that they have."""
        for sequence in list(self.waiting):
            if left <= 0 or len(self.running) >= self.limits.rows:
                break
            if sequence.leader is not None:
                continue
            if self.pool.blocks_for(len(sequence.tokens) + 1) + len(self.running) > self.pool.free:
                break  # those that run are left a block each, or the new one would soon have to give way
            work = self._work(sequence, left)
            if work is None:
                break
            self.waiting.remove(sequence)
            insort(self.running, sequence, key=ARRIVAL)
            if not self._reserve(work, copies):
                break
            works.append(work)
            left -= 0 if work.decodes else work.count

    def _work(self, sequence: Sequence, left: int) -> Work | None:
        """What is next for a sequence; None where it has to wait for a step with room for a piece of its prompt."""
        start, known = sequence.computed, len(sequence.tokens)
        if self.limits.constant:
            end = sequence.prompt_length - 1
            if start >= end:
                return Work(sequence, start, 1, start == known - 1, decodes=True)
            count = min(self.limits.chunk - start % self.limits.chunk, end - start)
            return Work(sequence, start, count, draws=False, decodes=False) if left == self.limits.chunk else None
        if start == known - 1:
            return Work(sequence, start, 1, draws=True, decodes=True)
        count = min(left, known - start)
        return Work(sequence, start, count, start + count == known, decodes=False) if count > 0 else None

    def _reserve(self, work: Work, copies: list[tuple[int, int]]) -> bool:
        """Whether there are blocks for a work, others giving way if they have to; if not, this one gave way itself."""
        sequence, pool = work.sequence, self.pool
        first = work.start // pool.size
        copied = first < len(sequence.blocks) and pool.shared(sequence.blocks[first])
        while pool.free < pool.blocks_for(work.start + work.count) - len(sequence.blocks) + copied:
            youngest = self.running[-1]
            self._give_way(youngest)
            if youngest is sequence:
                return False
            copied = copied and pool.shared(sequence.blocks[first])
        if copied:
            old, new = sequence.blocks[first], pool.take()
            copies.append((old, new))
            pool.give([old])
            sequence.blocks[first] = new
        while len(sequence.blocks) < pool.blocks_for(work.start + work.count):
            sequence.blocks.append(pool.take())
        return True

    def _give_way(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self.pool.give(sequence.blocks)
        sequence.computed = 0
        sequence.prompt.clear()
        self.preempted += 1
        self.join(sequence)

    def _lead_no_more(self, sequence: Sequence) -> None:
        for follower in sequence.followers:
            follower.leader = None
        sequence.followers.clear()
