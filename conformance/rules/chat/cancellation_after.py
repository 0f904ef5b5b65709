"""What comes after a client has left: the server lives, and the next answer is its own. Also half-closing clients."""

from collections.abc import Iterator

from conformance.protocols.chat.states import Kind
from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding, show
from conformance.protocols.viewing import view_of
from conformance.rules.behaviour import Behaviour, Stops
from conformance.rules.chat.cancellation import told
from conformance.rules.chat.leaving_needs import ASKED_AGAIN, CLIENT, FOLLOWED, HALF_CLOSE, asks_half_closed
from conformance.rules.rule import MAY, MUST, SHOULD, rule
from conformance.rules.sources import RFC9112, SUITE, issue

SEEN = 12
"""Characters of what would have come next that show that somebody else's answer goes on."""
NEAR = 80
"""Characters behind what the client had heard, among which they are looked for: some may have been lost on the way."""


def outcome_of(exchange: Exchange) -> str:
    """What is wrong with an answer that had to come whole, in words; "" where it is whole."""
    if exchange.head is None:
        return f"no response ({exchange.ending.value})"
    if exchange.status != 200:
        return f"status {exchange.status}"
    if not any(step.kind is Kind.TERMINATOR for step in exchange.steps):
        last = exchange.steps[-1].kind.value if exchange.steps else "no message"
        return f"a stream without [DONE], ended by {exchange.ending.value} after {last}"
    return ""


@rule(
    id="chat/cancellation/survives",
    level=MUST,
    says="After clients have left, be it a hundred in a row, the server answers the next one.",
    source=(
        SUITE.at("requirement CAN-04"),
        issue("sgl-project/sglang#36552"),
        issue("vllm-project/vllm#2475"),
    ),
    needs=FOLLOWED,
    broken_when=(Behaviour(name="dies-after-twenty", dies_after=20),),
    also_breaks=("http/connection/head-arrives",),
)
def survives(exchange: Exchange) -> Iterator[Finding]:
    last = exchange.group[-1]
    clients = 1 + sum(1 for other in exchange.group if other.left_by)
    if last.status != 429 and (wrong := outcome_of(last)):
        times = "a client had left" if clients == 1 else f"{clients} clients had left"
        yield exchange.finding(f"an answer to the next request after {times}", wrong)


@rule(
    id="chat/cancellation/again",
    level=SHOULD,
    says="The same request right after its client has left is answered whole, and from the start.",
    source=(SUITE.at("requirement CAN-13"), issue("sgl-project/sglang#36552")),
    needs=ASKED_AGAIN,
    broken_when=(Behaviour(name="goes-on-where-the-other-left", residue=True),),
)
def again(exchange: Exchange) -> Iterator[Finding]:
    then, undisturbed = exchange.group
    if outcome_of(undisturbed):
        return  # it is not the leaving that makes this server stumble
    if wrong := outcome_of(then):
        yield exchange.finding("a whole answer to the same request at once", wrong)
        return
    heard, whole, next_one = _text(exchange), _text(undisturbed), _text(then)
    rest = whole[len(heard) : len(heard) + NEAR] if heard and whole.startswith(heard) else ""
    start = next_one[:SEEN]
    if len(start) == SEEN and start in rest and not whole.startswith(start):
        got = f"{show(next_one[:40])}, with which the one that was left would have gone on"
        yield exchange.finding(f"an answer that begins {show(whole[:40])}", got)


def _text(exchange: Exchange) -> str:
    choice = view_of(exchange).choices.get(0)
    return choice.text if choice is not None else ""


@rule(
    id="chat/cancellation/half-close",
    level=MAY,
    says="A client that closes its sending side alone gets its answer, or the work for it ends.",
    source=(SUITE.at("requirement CAN-05: a server is free to do either"), RFC9112.at("9.6")),
    needs=HALF_CLOSE,
    broken_when=(Behaviour(name="goes-on-for-nobody", stops=Stops.NEVER, when=asks_half_closed),),
)
def half_close(exchange: Exchange) -> Iterator[Finding]:
    watch = exchange.watch
    if watch is not None and watch.stopped is False and watch.observer != CLIENT:
        yield exchange.finding("the rest of the answer, or an end of the work", told(watch))


RULES = (survives, again, half_close)
