"""A chat exchange as rules look at it: gathered once, in one pass, so that a hundred rules cost little more than one.

Knows the protocol, no rule and no level. Every attribute is derived from the exchange.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from conformance.protocols.exchange import Ending, Exchange, Step
from conformance.protocols.finding import Finding, show
from conformance.protocols.schema_errors import SchemaError, explain, misfits
from conformance.wire.events import Dataless

from .calls import Call, put_together
from .logprobs import Told, is_misshapen, told
from .reader import NOT_FINISHED
from .reasoning import Thought, has_any, thoughts
from .states import Kind, State

NO_DATA = (b"event:", b"id:", b"retry:")
"""Lines that are read and bring no data, whatever stands in them."""
OTHER_PAYLOAD = ("refusal", "tool_calls", "function_call", "reasoning_content", "reasoning", "audio")
"""Members of a delta, besides content, that carry something for the reader of the reply."""


@dataclass(slots=True)
class Choice:
    """What came for one choice index, in order."""

    index: int
    first: Step
    roles: list[Step] = field(default_factory=list)
    """Chunks that name a role."""
    texts: list[tuple[Step, str]] = field(default_factory=list)
    """Non-empty `delta.content`, with its chunk."""
    first_payload: Step | None = None
    """First chunk that carries content, a refusal, a tool call or reasoning."""
    finishes: list[tuple[Step, str]] = field(default_factory=list)
    """Non-null finish reasons, with their chunk."""
    late: list[Step] = field(default_factory=list)
    """Chunks with a role or a payload after the first finish_reason."""
    empties: list[Step] = field(default_factory=list)
    """Chunks for this choice that carry nothing at all."""
    called: list[tuple[Step, list[dict[str, Any]]]] = field(default_factory=list)
    """Fragments of tool calls, with their chunk."""

    @property
    def text(self) -> str:
        """The content, put together as a client does."""
        return "".join(text for _, text in self.texts)

    @property
    def finish(self) -> str | None:
        """The first finish reason."""
        return self.finishes[0][1] if self.finishes else None

    def step_at(self, position: int) -> Step:
        """The chunk that carries this character of the text."""
        for step, text in self.texts:
            position -= len(text)
            if position < 0:
                return step
        return self.texts[-1][0]


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where a protocol whose chunks have choices keeps what it says: all in which its view differs from another's."""

    chunk: str
    """The strict schema of a chunk."""
    document: str
    """The strict schema of an answer that is not streamed."""
    gather: Callable[[Choice, Step, dict[str, Any]], None]
    """Adds what a chunk says of a choice to that choice."""
    choices_asked: Callable[[Exchange], int]


class View:
    """One exchange of a protocol whose chunks have choices, streamed or not."""

    def __init__(self, exchange: Exchange, grammar: Grammar | None = None) -> None:
        self.exchange = exchange
        self._grammar = grammar or CHAT
        self.steps = exchange.steps
        self._distinct: dict[str, list[tuple[object, Step]]] = {}

    # -- what was asked ------------------------------------------------------------------------------------------

    @property
    def usage_asked(self) -> bool:
        """`stream_options.include_usage` is true in the request."""
        options = self.exchange.member("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    @property
    def choices_asked(self) -> int:
        """How many choices the request asks for."""
        return self._grammar.choices_asked(self.exchange)

    @property
    def max_tokens(self) -> int | None:
        """`max_completion_tokens` or `max_tokens` of the request."""
        for name in ("max_completion_tokens", "max_tokens"):
            if isinstance(limit := self.exchange.member(name), int):
                return limit
        return None

    @property
    def stops(self) -> list[str]:
        """Stop sequences of the request."""
        asked = self.exchange.member("stop")
        stops = asked if isinstance(asked, list) else [asked]
        return [s for s in stops if isinstance(s, str)]

    # -- how it went ---------------------------------------------------------------------------------------------

    @cached_property
    def chunks(self) -> list[Step]:
        """Messages that are JSON objects, errors left out."""
        return [s for s in self.steps if s.chunk is not None and s.kind is not Kind.ERROR]

    @cached_property
    def errors(self) -> list[Step]:
        """Error messages."""
        return self.of(Kind.ERROR)

    @cached_property
    def unreadable(self) -> bool:
        """Some message was lost, so that nothing can be said of what is missing from the stream."""
        blocks = (e for e in self.exchange.events if isinstance(e, Dataless))
        lines = (line.raw for block in blocks for line in block.lines)
        lost = any((b"{" in raw or b"[DONE]" in raw) and not raw.startswith(NO_DATA) for raw in lines)
        return lost or any(s.kind is Kind.UNREADABLE for s in self.steps)

    @cached_property
    def ended(self) -> bool:
        """The stream came to its own end: it was not cut by us, by the clock, by a reset or in its framing."""
        exchange = self.exchange
        whole = exchange.transport is None or (exchange.transport.complete and not exchange.transport.flaw)
        return exchange.ending is Ending.EOF and whole

    @cached_property
    def completed(self) -> bool:
        """The stream ended, every message was readable and no error was reported: what is missing is truly missing."""
        return self.ended and not self.unreadable and not self.errors and not self.misnumbered

    @cached_property
    def misnumbered(self) -> bool:
        """Chunks bear the index of another choice, so that nothing can be said of what a choice lacks."""
        choices = self.choices.values()
        surplus = any(len(c.finishes) > 1 for c in choices) and any(not c.finishes for c in choices)
        return surplus or any(not 0 <= c.index < self.choices_asked for c in choices)

    @property
    def last(self) -> Step | None:
        """The last message."""
        return self.steps[-1] if self.steps else None

    def of(self, *kinds: Kind) -> list[Step]:
        """Messages of these kinds."""
        return [s for s in self.steps if s.kind in kinds]

    @cached_property
    def illegal(self) -> list[Step]:
        """Messages that the order table does not allow where they came."""
        return [s for s in self.steps if not s.legal]

    # -- what came -----------------------------------------------------------------------------------------------

    @cached_property
    def choices(self) -> dict[int, Choice]:
        """What came per choice index, in order of first appearance."""
        choices: dict[int, Choice] = {}
        gather = self._grammar.gather
        for step in self.chunks:
            if step.kind is Kind.UNREADABLE or not (step.kind is Kind.DELTA or step.kind is Kind.FINISH):
                continue
            assert step.chunk is not None
            for entry in step.chunk["choices"]:
                index = int(entry["index"])  # it may be written 0.0
                if (choice := choices.get(index)) is None:
                    choice = choices[index] = Choice(index, step)
                gather(choice, step, entry)
        return choices

    @cached_property
    def calls(self) -> list[Call]:
        """The tool calls; none where their fragments are misshapen, which is another matter."""
        came = ((choice.index, *called) for choice in self.choices.values() for called in choice.called)
        fragments = [called for called in came if called[1].before is not State.DONE]
        return put_together(fragments) if fragments and not _misshapen(self.schema_errors) else []

    @cached_property
    def told(self) -> dict[int, list[Told]]:
        """Text and tokens of each choice; none where logprobs are misshapen, which is another matter."""
        return {} if is_misshapen(self.schema_errors) else told(self._unfinished)

    @cached_property
    def thoughts(self) -> dict[int, Thought]:
        """The reasoning of each choice that has some."""
        return thoughts(self._unfinished) if has_any(self.exchange.body) else {}

    @property
    def _unfinished(self) -> Iterator[Step]:
        """Chunks of choices, but for those that come after all is finished, which is a matter of order."""
        return (s for s in self.of(Kind.DELTA, Kind.FINISH) if s.before in (State.START, State.OPEN))

    @cached_property
    def usages(self) -> list[Step]:
        """Chunks whose `usage` is an object."""
        return [s for s in self.chunks if s.kind is not Kind.UNREADABLE and s.chunk and s.chunk.get("usage")]

    @property
    def usage(self) -> dict[str, Any] | None:
        """The last usage object, which is the one that clients keep."""
        if self.exchange.document is not None:
            found = _member(self.exchange.document, "usage")
            return found if isinstance(found, dict) else None
        return self.usages[-1].chunk["usage"] if self.usages and self.usages[-1].chunk else None

    def distinct(self, name: str) -> list[tuple[object, Step]]:
        """The values that a member of the chunk takes over the stream, each with the chunk it was first seen in."""
        if name in self._distinct:
            return self._distinct[name]
        seen: dict[object, Step] = {}
        for step in self.chunks:
            chunk = step.chunk
            if chunk is not None and name in chunk:
                value = chunk[name]
                if type(value) is not str and type(value) is not int:
                    value = show(value)
                if value not in seen:
                    seen[value] = step
        self._distinct[name] = list(seen.items())
        return self._distinct[name]

    # -- schema --------------------------------------------------------------------------------------------------

    @cached_property
    def schema_errors(self) -> list[SchemaError]:
        """How the chunks, or the document, differ from the strict schema: one entry per kind of difference."""
        document = self.exchange.document
        if document is not None:
            refused = self.exchange.status >= 400 or _member(document, "error") is not None
            name = "chat/error.strict" if refused else self._grammar.document
            return explain(name, [(None, document)])
        name = self._grammar.chunk
        found = misfits(name, self.chunks, self.exchange.body)
        return explain(name, [(step, step.chunk) for step in found if not is_foreign(step)])

    def schema_findings(self, *pointers: str, where: Callable[[SchemaError], bool] | None = None) -> Iterator[Finding]:
        """Findings for the schema errors at these places, written like "/choices/*/index", or for some of them."""
        for error in self.schema_errors:
            if error.place in pointers and (where is None or where(error)):
                more = f" (and in {error.times - 1} more messages)" if error.times > 1 else ""
                yield self.finding(error.wanted, f"{error.shown}{more}", error.step, pointer=error.pointer_text)

    # -- findings ------------------------------------------------------------------------------------------------

    def finding(
        self,
        wanted: str,
        got: object,
        step: Step | None = None,
        *,
        pointer: str = "",
        span: tuple[int, int] | None = None,
    ) -> Finding:
        """A finding at a message (by default about the whole stream). `got` that is no text is shown as JSON."""
        text = got if isinstance(got, str) else show(got)
        if step is None:
            return Finding(wanted=wanted, got=text, span=span, pointer=pointer)
        return Finding(
            wanted=wanted,
            got=text,
            event=step.number,
            events=len(self.steps),
            span=span or (step.event.start, step.event.end),
            pointer=pointer,
        )

    def first_of(
        self, steps: Sequence[Step], wanted: str, got: Callable[[Step], str] | None = None, *, pointer: str = ""
    ) -> Iterator[Finding]:
        """One finding for messages that are wrong alike, at the first of them; by default it shows that message."""
        if steps:
            first = steps[0]
            shown = got(first) if got else self.exchange.text((first.event.start, first.event.end))
            more = f" (and in {len(steps) - 1} more messages)" if len(steps) > 1 else ""
            yield self.finding(wanted, shown + more, first, pointer=pointer)


def _gather(choice: Choice, step: Step, entry: dict[str, Any]) -> None:
    delta = entry["delta"]
    if text := delta.get("content"):
        choice.texts.append((step, text))
    if role := delta.get("role"):
        choice.roles.append(step)
    if called := delta.get("tool_calls"):
        choice.called.append((step, called))
    carries = bool(text) or any(delta.get(name) for name in OTHER_PAYLOAD if name in delta)
    if carries and choice.first_payload is None:
        choice.first_payload = step
    if choice.finishes and (carries or role):
        choice.late.append(step)
    reason = entry.get("finish_reason")
    if reason not in NOT_FINISHED:
        choice.finishes.append((step, reason))
    elif not carries and not any(delta.values()) and not entry.get("logprobs") and not (step.chunk or {}).get("usage"):
        choice.empties.append(step)


def _choices_asked(exchange: Exchange) -> int:
    """`n` of the request, 1 where it is absent."""
    asked = exchange.member("n")
    return asked if isinstance(asked, int) and asked > 0 else 1


CHAT = Grammar("chat/chunk.strict", "chat/completion.strict", _gather, _choices_asked)


def _misshapen(errors: list[SchemaError]) -> bool:
    """Fragments of tool calls differ from the schema in more than that they have null for what is absent."""
    return any(
        error.place.startswith("/choices/*/delta/tool_calls/*")
        and (error.keyword == "required" or error.value is not None)
        for error in errors
    )


def _member(document: object, name: str) -> object:
    return document.get(name) if isinstance(document, dict) else None


def is_foreign(step: Step) -> bool:
    """A JSON object that is neither a chunk, good or bad, nor an error."""
    return step.kind is Kind.UNREADABLE and step.chunk is not None and not step.chunk.keys() & {"choices", "object"}
