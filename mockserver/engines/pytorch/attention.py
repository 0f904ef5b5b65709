"""Attention over the key-value memory, in the place of a transformers model's own. Knows no sequence and no sampling.

Transformers calls it by name, with the queries, keys and values of a whole row of tokens: those that decode come first,
one for each sequence, then the pieces of prompts. What the row consists of is found in the thread that computes it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface

from .layout import Layout, Piece

NAME = "streamspec_blocks"
"""For `attn_implementation`."""


class Unfit(Exception):  # noqa: N818 - a model is unfit; nothing is in error
    """A model wants something of attention that is not done here."""


class _Current(threading.local):
    layout: Layout | None = None


_current = _Current()


def register() -> None:
    """Make it known to transformers."""
    AttentionInterface.register(NAME, attend)


@contextmanager
def laid_out(layout: Layout) -> Iterator[None]:
    """Within this, attention of this thread is about that row."""
    _current.layout = layout
    try:
        yield
    finally:
        _current.layout = None


def attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    **wishes: Any,
) -> tuple[Any, None]:
    """What transformers expects: queries, keys, values of (1, heads, tokens, width) to (1, tokens, heads, width)."""
    layout = _current.layout
    if layout is None:
        raise Unfit("attention over blocks is for the engine's own forward passes")
    if attention_mask is not None or (unmet := [name for name in ("softcap", "s_aux") if wishes.get(name) is not None]):
        raise Unfit(f"its attention wants {', '.join(unmet) if attention_mask is None else 'a mask of its own'}")
    layer, rows = module.layer_idx, layout.rows
    if layout.beside is None:
        layout.memory.write(layer, layout.slots, key[0], value[0])
    elif layout.pieces:
        layout.memory.write(layer, layout.slots[rows:], key[0, :, rows:], value[0, :, rows:])
    done = []
    if rows:
        done.append(_decode(layer, query, key, value, layout, scaling))
    for piece in layout.pieces:
        part = slice(piece.offset, piece.offset + piece.count * piece.alike)
        done.append(_read(layer, query[:, :, part], key[:, :, part], value[:, :, part], layout, piece, scaling))
    return (done[0] if len(done) == 1 else torch.cat(done, dim=1)), None


def _decode(layer: int, query: Any, key: Any, value: Any, layout: Layout, scaling: float | None) -> Any:
    """One token of each row against all that its sequence has: (1, rows, heads, width)."""
    rows = layout.rows
    one = query[0, :, :rows].transpose(0, 1)
    if layout.beside is not None:
        layout.beside.add(layer, key[0, :, :rows], value[0, :, :rows])
        keys, values = layout.beside.keys[layer], layout.beside.values[layer]
        result = _look_back(one, keys, values, layout.beside.mask, scaling)
    else:
        result = None
        for group in layout.groups:
            keys, values = layout.memory.read(layer, group.table, rows)
            seen = _look_back(one, keys, values, group.mask, scaling)
            result = seen if result is None else torch.where(group.members, seen, result)
        assert result is not None
    return result.reshape(1, rows, one.shape[1], -1)


def _look_back(one: Any, keys: Any, values: Any, mask: Any, scaling: float | None) -> Any:
    """(rows, heads of keys, queries of each, width): so no key is repeated for the queries that share it."""
    asked = one.reshape(one.shape[0], keys.shape[1], -1, one.shape[2])
    return functional.scaled_dot_product_attention(asked, keys, values, attn_mask=mask, scale=scaling)


def _read(layer: int, query: Any, key: Any, value: Any, layout: Layout, piece: Piece, scaling: float | None) -> Any:
    """A piece of a prompt, or several alike, against itself and all before it: (1, tokens, heads, width)."""
    if piece.table is not None:
        key, value = layout.memory.read(layer, piece.table, 1)
        key, value = key[:, :, : piece.start + piece.count], value[:, :, : piece.start + piece.count]
    elif piece.alike > 1:
        query, key, value = (told[0].unflatten(1, (piece.alike, -1)).transpose(0, 1) for told in (query, key, value))
    shared = query.shape[1] // key.shape[1]
    if shared > 1:
        key, value = _repeated(key, shared), _repeated(value, shared)
    first = piece.table is None
    done = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=piece.mask, is_causal=first and piece.count > 1, scale=scaling
    )
    return done.transpose(1, 2).flatten(0, 1)[None]


def _repeated(heads: Any, times: int) -> Any:
    """Every head as often, one after another."""
    several, count, tokens, width = heads.shape
    return heads[:, :, None].expand(several, count, times, tokens, width).reshape(several, -1, tokens, width)
