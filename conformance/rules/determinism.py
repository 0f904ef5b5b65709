"""Whether a target says the same twice: what may be compared between two answers, and what may not. No rule is here."""

from collections.abc import Sequence

from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Exchange


def said(exchange: Exchange) -> dict[int, tuple[str, str | None]]:
    """The text and the finish_reason of each choice of a stream that is finished."""
    return {index: (choice.text, choice.finish) for index, choice in View(exchange).choices.items() if choice.finishes}


def undetermined(exchanges: Sequence[Exchange]) -> str:
    """Why answers of this target cannot be compared: it gave two to the same request. "" where it did not."""
    for exchange in exchanges:
        if exchange.probe == "repeat" and exchange.beside is not None:
            one, other = said(exchange.beside), said(exchange)
            if one and other and one != other:
                return "the target is not deterministic: probe repeat got two answers to the same request"
    return ""


def parting(one: str, other: str) -> int:
    """The first character in which two texts differ."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
