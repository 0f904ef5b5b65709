"""Which answer a method and a path get. Knows no socket and no fault."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from conformance.protocols.exchange import Request
from conformance.protocols.finding import shorten
from conformance.wire.script import Answer

from . import answering, chaos, completing, dialects
from .answering import Settings
from .dialects import speaking
from .engines.draft import Engine

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
MODELS = "/v1/models"
HEALTH = "/health"
JOURNAL = "/journal"
METRICS = "/metrics"
SLOTS = "/slots"
OPENAPI = "/openapi.json"
RUNNING = (METRICS, SLOTS, OPENAPI)
"""What only a server that runs shows."""
SHOWN = (HEALTH, JOURNAL, *RUNNING)
PAGE = "/"
CONTROL = "/control/"
METHODS = {CHAT: "POST", COMPLETIONS: "POST", MODELS: "GET"} | dict.fromkeys(SHOWN, "GET")


def is_own(path: str) -> bool:
    """Whether this is a path at which the server is watched or controlled: what happens there leaves no trace."""
    return path in (PAGE, *SHOWN) or path.startswith(CONTROL)


def is_side(path: str) -> bool:
    """Whether this is a path that serves no completions."""
    return is_own(path) or path == MODELS or path.startswith(f"{MODELS}/")


def respond(
    request: Request, settings: Settings, journal: Callable[[], object] = dict, engine: Engine | None = None
) -> Answer:
    """The answer of a server that does everything right, in the dialect and the chaos of the settings.

    `journal` tells what it has on record; `engine` says the words, where it has any. How the bytes are written is the
    same in every chaos: `chaos.spelled` changes that, where no fault is to be found at a certain byte.
    """
    dialect = dialects.find(settings.dialect)
    if (dialect is dialects.OPENAI and settings.chaos is None) or is_own(unquote(request.path)):
        return _good(request, settings, journal, engine)
    answer = in_dialect(_good(speaking.asked(request, dialect), settings, journal, engine), request, settings)
    habits = habits_of(request, settings)
    return answer if habits is None else chaos.varied(answer, habits)


def in_dialect(answer: Answer, request: Request, settings: Settings) -> Answer:
    """An answer of OpenAI's, as the dialect of the settings has it."""
    dialect = dialects.find(settings.dialect)
    return answer if dialect is dialects.OPENAI else speaking.spoken(answer, request, dialect)


def habits_of(request: Request, settings: Settings) -> chaos.Habits | None:
    """The habits that the chaos of the settings has for this request."""
    if settings.chaos is None:
        return None
    habits = chaos.habits_of(settings.chaos, f"{request.path}/{answering.mark_of(request, settings)}")
    # which members there are, and in which order, is what a vendor is known by
    is_openai = settings.dialect == dialects.OPENAI.name
    return habits if is_openai else replace(habits, shuffles=False, adds_unknown=0.0)


def _good(
    request: Request, settings: Settings, journal: Callable[[], object] = dict, engine: Engine | None = None
) -> Answer:
    path = unquote(request.path)
    name = path.removeprefix(f"{MODELS}/") if path.startswith(f"{MODELS}/") else None
    wanted = METHODS.get(MODELS if name else path)
    if wanted is None or (path in RUNNING and request.method == wanted):
        return answering.refusal(404, f"There is nothing at '{shorten(path)}'.", code="unknown_url")
    if request.method != wanted:
        message = f"'{shorten(request.method)}' is not allowed at '{shorten(path)}'; {wanted} is."
        return answering.refusal(405, message, code="method_not_allowed", headers=(("allow", wanted),))
    mark = hashlib.sha256(f"{settings.seed}\n{path!r}".encode()).hexdigest()
    if path == CHAT:
        return answering.answer(request, settings, engine)
    if path == COMPLETIONS:
        return completing.answer(request, settings, engine)
    if path in (HEALTH, JOURNAL):
        return answering.document({"status": "ok"} if path == HEALTH else journal(), mark)
    return answering.locked(request, settings) or _models(name, settings, mark)


def _models(name: str | None, settings: Settings, mark: str) -> Answer:
    """The list of models, or one of them."""
    if name is None:
        models = [_model(model, settings) for model in settings.models]
        return answering.document({"object": "list", "data": models}, mark)
    return answering.document(_model(name, settings), mark) if name in settings.models else answering.no_model(name)


def _model(name: str, settings: Settings) -> dict[str, object]:
    return {"id": name, "object": "model", "created": settings.created, "owned_by": "streamspec"}
