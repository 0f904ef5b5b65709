"""A decode step without Python: what torch did for one is recorded, and played for the next of the same shape.

Most of a small model's step is Python walking from one small operation to the next. A recording is made per number of
rows, when that number has come often enough. A model whose own code looks into tensors (torch warns of that while it
records) is never played; and the first plays are compared with what the model does itself.
"""

import warnings
from collections import Counter
from itertools import islice
from typing import Any

import torch

from .attention import laid_out
from .layout import Beside, Group, Layout, Row
from .memory import Memory

OFTEN = 16
"""Steps of a shape before it is recorded: a recording takes as long as some tens of steps."""
COMPARED = 2
"""Plays of each recording that are compared."""
NEAR = 1e-3
"""How far apart logits may be then, in their standard deviations; in `constant` mode not at all."""

Shape = tuple[int, int, bool, bool]
"""Rows, groups of them; whether what they look back on is gathered, and whether the logits of some only are wanted."""


def forward(model: Any, row: Row) -> Any:
    """The logits of a row, by the model itself: (tokens whose logits are wanted, vocabulary)."""
    with laid_out(row.layout):
        told = model(
            input_ids=row.ids,
            position_ids=row.positions,
            use_cache=False,
            logits_to_keep=0 if row.keep is None else row.keep,
        )
    return told.logits[0]


class Traces:
    """Recordings of a model's decode steps."""

    def __init__(self, model: Any, *, exact: bool) -> None:
        self._model = model
        self._exact = exact
        for part in model.modules():  # recording asks for all that a module has, and transformers remarks on this
            if getattr(part, "loss_type", "") is None:
                part.loss_type = "ForCausalLM"
        self._seen: Counter[Shape] = Counter()
        self._recorded: dict[Shape, Any] = {}
        self.works = True
        """Whether this model can be recorded, as far as is known."""

    def logits(self, row: Row) -> Any:
        """The logits of a row in which all tokens decode."""
        shape = _shape(row)
        self._seen[shape] += 1
        recorded = self._recording(shape, row) if self.works and self._seen[shape] >= OFTEN else None
        if recorded is None:
            return forward(self._model, row)
        with torch.jit.optimized_execution(False):  # as it was recorded: nothing is fused, so all bits are the same
            played = recorded(*_inputs(row))
        if self._seen[shape] < OFTEN + COMPARED:
            return self._compared(played, forward(self._model, row))
        return played

    def _recording(self, shape: Shape, row: Row) -> Any:
        """What is recorded of a shape, made of this row if it has to be; None where the model cannot be recorded."""
        if shape not in self._recorded:
            self._recorded[shape] = self._record(row)
        return self._recorded[shape]

    def _record(self, row: Row) -> Any:
        step = _Step(self._model, row.layout.memory, _shape(row))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                recorded = torch.jit.trace(step.eval(), tuple(_inputs(row)), check_trace=False)
                recorded = torch.jit.freeze(recorded, optimize_numerics=False)  # one list of operations, no modules
            except Exception:  # noqa: BLE001 - it is a matter of speed alone; what is wrong will show without it
                self.works = False
                return None
        self.works = not any(issubclass(warning.category, torch.jit.TracerWarning) for warning in said)
        return recorded if self.works else None

    def _compared(self, played: Any, own: Any) -> Any:
        """The model's own logits; if the played ones are others, there is no more playing."""
        if self._exact:
            self.works = bool(torch.equal(played, own))
        else:
            self.works = bool((played - own).abs().max() <= NEAR * own.float().std())
        return own


class _Step(torch.nn.Module):  # type: ignore[misc]  # torch has no types where it is not installed
    """A decode step as a function of tensors alone."""

    def __init__(self, model: Any, memory: Memory, shape: Shape) -> None:
        super().__init__()
        self.model = model
        self.size = memory.size
        self.layers = len(memory.keys)
        self.shape = shape

    def forward(self, *tensors: Any) -> Any:
        """Of what `_inputs` gives."""
        rows, groups, beside, keeps = self.shape
        left = iter(tensors)
        ids, positions, slots = islice(left, 3)
        memory = Memory(list(islice(left, self.layers)), list(islice(left, self.layers)), self.size)
        layout = Layout(memory, slots, rows, groups=[Group(*islice(left, 3)) for _ in range(groups)])
        if beside:
            layout.beside = Beside(
                next(left), next(left), next(left), list(islice(left, self.layers)), list(islice(left, self.layers))
            )
        return forward(self.model, Row(ids, positions, layout, next(left) if keeps else None))


def _shape(row: Row) -> Shape:
    return (row.layout.rows, len(row.layout.groups), row.layout.beside is not None, row.keep is not None)


def _inputs(row: Row) -> list[Any]:
    """All tensors that a decode step depends on, besides the weights."""
    layout = row.layout
    groups = [tensor for group in layout.groups for tensor in (group.table, group.mask, group.members)]
    beside = layout.beside
    gathered = [] if beside is None else [beside.rows, beside.places, beside.mask, *beside.keys, *beside.values]
    kept = [] if row.keep is None else [row.keep]
    return [row.ids, row.positions, layout.slots, *layout.memory.keys, *layout.memory.values, *groups, *gathered, *kept]
