"""An exchange to the view of its protocol, which rules look at. Knows no rule."""

from .chat.view import CHAT, Grammar, View
from .completions.view import GRAMMAR as COMPLETIONS
from .exchange import Exchange

GRAMMARS: dict[str, Grammar] = {"chat": CHAT, "completions": COMPLETIONS}


def view_of(exchange: Exchange) -> View:
    """The view of an exchange; one that no grammar of ours reads is looked at as chat, and shows nothing."""
    return View(exchange, GRAMMARS.get(exchange.protocol, CHAT))
