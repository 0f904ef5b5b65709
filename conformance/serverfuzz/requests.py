"""Whole valid requests for a chat completion: members put together so that they go with each other.

What a target declares decides what it is sent; what the schema allows and servers may well not know (`FRINGE`) comes
now and then, and to refuse it is no failure. Every request has a limit of tokens. Knows no server and no oracle.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from . import members
from .members import PROPERTIES, Json

Body = dict[str, Any]
LIMITS = ("max_tokens", "max_completion_tokens")
OF_FEATURES = {
    "stop": "stop",
    "stream_options": "usage",
    "n": "choices",
    "tools": "tools",
    "tool_choice": "tools",
    "parallel_tool_calls": "tools",
    "response_format": "json",
    "logprobs": "logprobs",
    "top_logprobs": "logprobs",
}
"""Members that go to a target only if it declares the feature."""
CORE = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
"""Members that every server is sent. `seed` need not be kept, but it has to be taken."""
GROUPED = frozenset({"model", "messages", "stream", *LIMITS, *CORE, *OF_FEATURES})
FRINGE = tuple(name for name in PROPERTIES if name not in GROUPED)
"""Members of OpenAI's that other servers need not know."""
ODD_LIMIT = "max_completion_tokens"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a target declares, and what one answer may cost."""

    features: frozenset[str]
    tokens: int = 24
    """Most tokens of a choice."""
    choices: int = 2
    """Most choices of an answer."""
    slots: int = 0
    """Requests that it works on at the same time; 0 where that is not declared."""
    deterministic: bool = False
    """It was asked for the same twice, and gave the same."""

    def takes(self, feature: str) -> bool:
        """Whether it declares this."""
        return feature in self.features


def is_fringe(body: Json) -> bool:
    """Whether there is something in a valid request that a server need not take."""
    if not isinstance(body, dict) or not body.keys().isdisjoint((*FRINGE, ODD_LIMIT)):
        return True
    messages = body.get("messages") or []
    plain = all(isinstance(m.get("content"), str) and m["content"] and "name" not in m for m in messages)
    roles = [message["role"] for message in messages if message["role"] != "system"]
    by_turns = all(one != other for one, other in pairwise(roles))
    known = {"system", "user", "assistant"}.issuperset(roles)
    empty = any(value is None for value in body.values()) or body.get("stop") == ""
    options = body.get("stream_options") or {}
    return not (plain and by_turns and known) or empty or "include_obfuscation" in options


@st.composite
def requests(draw: st.DrawFn, offer: Offer) -> Body:
    """The members of a valid request, besides the model; the simplest says Hello and has a limit."""
    odd = draw(st.sampled_from([False, False, False, False, True]))
    body: Body = {"messages": draw(members.conversations(odd=odd))}
    body["max_tokens"] = draw(st.integers(1, offer.tokens))
    if draw(st.booleans()):
        body["stream"] = True
    body |= _sampling(draw, offer)
    if draw(st.booleans()):
        body |= _extras(draw, offer, streamed="stream" in body)
    for name in draw(st.lists(st.sampled_from(FRINGE), max_size=2, unique=True)) if odd else ():
        body[name] = draw(members.of_schema(name))
    if odd and draw(st.booleans()):
        body[ODD_LIMIT] = body.pop("max_tokens")
    return body


def _sampling(draw: st.DrawFn, offer: Offer) -> Body:
    """Members that have to do with chance, and several choices, which are not asked for at temperature 0.

    At temperature 0 they would all be the same, and vLLM refuses to make them.
    """
    optional = {name: members.of_schema(name) for name in CORE}
    chosen = draw(st.fixed_dictionaries({}, optional=optional)) if draw(st.booleans()) else {}
    if "temperature" not in chosen and draw(st.booleans()):
        chosen["temperature"] = 0
    if offer.takes("choices") and chosen.get("temperature") != 0 and draw(st.booleans()):
        chosen["n"] = draw(st.integers(1, offer.choices))
    return chosen


def _extras(draw: st.DrawFn, offer: Offer, *, streamed: bool) -> Body:
    """What has to be declared. Tools, formats and logprobs come one at a time: not every server has them together."""
    extras: Body = {}
    if offer.takes("stop") and draw(st.booleans()):
        extras["stop"] = draw(members.STOP | st.lists(members.STOP, min_size=1, max_size=4))
    if streamed and offer.takes("usage") and draw(st.booleans()):
        extras["stream_options"] = draw(st.sampled_from([{"include_usage": True}, {}, {"include_usage": False}]))
    kinds = [kind for kind in ("tools", "json", "logprobs") if offer.takes(kind)]
    match draw(st.sampled_from(["", *kinds])):
        case "tools":
            extras |= draw(members.offers())
        case "json":
            extras["response_format"] = draw(members.formats())
        case "logprobs":
            extras["logprobs"] = True
            extras |= draw(st.fixed_dictionaries({}, optional={"top_logprobs": members.SMALL["top_logprobs"]}))
    return extras


def determined(body: Body) -> Body:
    """The same request, asked so that a deterministic target says the same again."""
    kept = {name: value for name, value in body.items() if name not in ("temperature", "top_p", "seed")}
    several = (body.get("n") or 1) > 1
    return {**kept, "temperature": 1, "top_p": 0.000001, "seed": 4} if several else {**kept, "temperature": 0}
