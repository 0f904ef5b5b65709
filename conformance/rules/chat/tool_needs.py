"""What rules about tools need: streams to which tools were offered, by tool_choice and limit. Knows no rule."""

from conformance.protocols.chat.calls import functions_of
from conformance.protocols.exchange import Exchange
from conformance.rules.determinism import undetermined
from conformance.rules.need import ANY_STREAM, Need, is_stream, posts_json, stream_asked, token_limit, was_read

SMALL = 32
"""A limit of tokens that ends amid a call: what is cut short there is not broken."""
CALLING = (
    "tools-auto",
    "tools-text-first",
    "tools-parallel",
    "tools-parallel-off",
    "tools-required",
    "tools-named",
    "tools-strict",
    "tools-no-arguments",
)
"""Probes whose answers call tools."""
TOOLS = (*CALLING, "tools-none", "tools-cut")


def offers_tools(exchange: Exchange) -> bool:
    """Some tool is offered."""
    return isinstance(exchange.member("tools"), list) and bool(exchange.member("tools"))


def may_be_cut(exchange: Exchange) -> bool:
    """The limit of tokens is so small that it ends amid a call."""
    return 0 < token_limit(exchange) <= SMALL


def _calls(exchange: Exchange) -> bool:
    return was_read(exchange) and offers_tools(exchange) and exchange.member("tool_choice") != "none"


def _chooses(exchange: Exchange, *choices: object) -> bool:
    return _calls(exchange) and exchange.member("tool_choice") in choices and not may_be_cut(exchange)


def chosen(exchange: Exchange) -> str:
    """The function that tool_choice names, "" where it names none."""
    choice = exchange.member("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else ""


def _are_strict(exchange: Exchange) -> set[bool]:
    return {function.get("strict") is True for function in functions_of(exchange).values()}


TOOLS_OFFERED = Need(
    name="a stream to which tools were offered",
    fits=lambda e: is_stream(e) and offers_tools(e),
    probes=TOOLS,
    protocol="chat",
    feature="tools",
)
TOOLS_NOT_OFFERED = Need(
    name="a stream to which no tools were offered",
    fits=lambda e: is_stream(e) and not e.member("tools") and not e.member("functions"),
    probes=ANY_STREAM,
    protocol="chat",
)
FUNCTIONS_NOT_OFFERED = Need(
    name="a stream to which no functions of the older kind were offered",
    fits=lambda e: is_stream(e) and not e.member("functions"),
    probes=(*ANY_STREAM, *TOOLS),
    protocol="chat",
)
TOOLS_READ = Need(
    name="a stream to which tools were offered, read to its end",
    fits=lambda e: was_read(e) and offers_tools(e),
    probes=TOOLS,
    protocol="chat",
    feature="tools",
)
CALLS_WHOLE = Need(
    name="a stream that may call tools, with no small limit of tokens",
    fits=lambda e: _calls(e) and not may_be_cut(e),
    probes=CALLING,
    protocol="chat",
    feature="tools",
)
CALLS_CUT = Need(
    name="a stream that may call tools, with a limit of at most 32 tokens",
    fits=lambda e: _calls(e) and may_be_cut(e),
    probes=("tools-cut",),
    protocol="chat",
    feature="tools",
)
AUTO_OR_REQUIRED = Need(
    name="a stream that may call tools, none of them named",
    fits=lambda e: _chooses(e, None, "auto", "required"),
    probes=tuple(name for name in CALLING if name != "tools-named"),
    protocol="chat",
    feature="tools",
)
CHOICE_NONE = Need(
    name="a stream with tools and tool_choice none",
    fits=lambda e: is_stream(e) and offers_tools(e) and e.member("tool_choice") == "none",
    probes=("tools-none",),
    protocol="chat",
    feature="tools",
)
CHOICE_REQUIRED = Need(
    name="a stream with tools and tool_choice required",
    fits=lambda e: _chooses(e, "required"),
    probes=("tools-required", "tools-strict", "tools-no-arguments"),
    protocol="chat",
    feature="tools",
)
CHOICE_NAMED = Need(
    name="a stream with a tool_choice that names a function",
    fits=lambda e: _calls(e) and chosen(e) in functions_of(e) and not may_be_cut(e),
    probes=("tools-named",),
    protocol="chat",
    feature="tools",
)
PARALLEL_OFF = Need(
    name="a stream with tools and parallel_tool_calls false",
    fits=lambda e: _calls(e) and e.member("parallel_tool_calls") is False,
    probes=("tools-parallel-off",),
    protocol="chat",
    feature="tools",
)
LOOSE_CALLS = Need(
    name="a stream that may call a function that is not strict",
    fits=lambda e: CALLS_WHOLE.fits(e) and False in _are_strict(e),
    probes=tuple(name for name in CALLING if name != "tools-strict"),
    protocol="chat",
    feature="tools",
)
STRICT_CALLS = Need(
    name="a stream that may call a strict function",
    fits=lambda e: CALLS_WHOLE.fits(e) and True in _are_strict(e),
    probes=("tools-strict",),
    protocol="chat",
    feature="tools",
)
CHOICE_UNKNOWN = Need(
    name="a request with a tool_choice that names a function that is not offered",
    fits=lambda e: posts_json(e) and offers_tools(e) and bool(chosen(e)) and chosen(e) not in functions_of(e),
    probes=("tool-choice-unknown",),
    protocol="chat",
    feature="tools",
)
CHOICE_WITHOUT_TOOLS = Need(
    name="a request with a tool_choice that wants a call, and no tools",
    fits=lambda e: (
        posts_json(e)
        and (e.member("tool_choice") in ("required", "any") or bool(chosen(e)))
        and not (e.member("tools") or e.member("functions"))
    ),
    probes=("tool-choice-without-tools",),
    protocol="chat",
    feature="tools",
)
CALLS_TWIN = Need(
    name="the same request with tools streamed and not streamed",
    fits=lambda e: (
        was_read(e)
        and e.beside is not None
        and isinstance(e.beside.document, dict)
        and e.probe == "tools-twin"
        and stream_asked(e)
    ),
    probes=("tools-twin",),
    protocol="chat",
    feature="tools",
    alone=False,
    unless=undetermined,
)
