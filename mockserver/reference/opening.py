"""A reference server for a folder with a model, put together. Imports torch, or vLLM, only when it is called."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mockserver.answering import Settings
from mockserver.engines.decoding.interface import Engine

NEEDED = {
    "torch": ("engine", ("torch", "transformers", "tokenizers", "llguidance", "jinja2")),
    "vllm": ("vllm", ("vllm", "tokenizers", "llguidance", "jinja2")),
}
"""For each engine the extra, and the packages of it."""
IN_VLLM = {"precision": "dtype", "rows": "max_num_seqs", "context": "max_model_len"}
"""Options that vLLM has too, and their names there."""
SHIPPED = Path(str(files("mockserver.reference").joinpath("model")))
"""The folder of the tiny model that comes with the project."""
NAME = "tiny"


class OpeningError(Exception):
    """There can be no server with this model; says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a model is to be served."""

    folder: Path | None = None
    """None: the tiny model."""
    name: str = ""
    """By which clients ask for it; "": that of the folder."""
    keys: frozenset[str] = frozenset()
    """Keys that are let in; empty: everybody is."""
    engine: str = "torch"
    """"torch": our own; "vllm": vLLM's."""
    options: dict[str, Any] = field(default_factory=dict)
    """For the engine: mode, device, precision, rows, context, blocks. None is as good as nothing."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """For vLLM alone: what else its AsyncEngineArgs take."""


def opened(wanted: Wanted, host: str = "127.0.0.1", port: int = 0) -> Any:
    """A ReferenceServer. Raises OpeningError."""
    extra, needed = NEEDED[wanted.engine]
    if missing := [name for name in needed if find_spec(name) is None]:
        install = f"pip install 'streamspec[{extra}]'"
        raise OpeningError(f"a model needs packages that are not installed ({', '.join(missing)}): {install}")
    from . import template, words
    from .asking import Model
    from .guiding import Guiding
    from .server import ReferenceServer

    folder = wanted.folder or SHIPPED
    name = wanted.name or (NAME if wanted.folder is None else folder.resolve().name)
    try:
        known = words.load(folder)
        read = template.load(folder, known)
    except words.WordsError as error:
        raise OpeningError(str(error)) from error
    engine = (_of_vllm if wanted.engine == "vllm" else _of_torch)(wanted, str(folder), name, known.size)
    info = engine.info
    model = Model(info, known, read, Guiding(known, info.vocabulary, sorted(info.stop_tokens)))
    return ReferenceServer(engine, model, Settings(models=(name,), keys=wanted.keys), host, port)


def _of_torch(wanted: Wanted, folder: str, name: str, vocabulary: int) -> Engine:
    if wanted.arguments:
        raise OpeningError(f"these are for vLLM alone, not for this engine: {', '.join(wanted.arguments)}")
    from mockserver.engines.pytorch.engine import Options, open_engine
    from mockserver.engines.pytorch.loading import ModelUnfit

    try:
        return open_engine(folder, Options(name=name, vocabulary=vocabulary, **wanted.options))
    except ModelUnfit as error:
        raise OpeningError(str(error)) from error
    except (RuntimeError, MemoryError) as error:  # torch's word for memory that it cannot have
        raise OpeningError(f"the engine cannot be made here: {str(error) or type(error).__name__}") from error


def _of_vllm(wanted: Wanted, folder: str, name: str, vocabulary: int) -> Engine:
    from mockserver.engines.vllm.opening import VllmMissing, VllmUnfit, open_vllm

    asked = {option: value for option, value in wanted.options.items() if value not in (None, "fast")}
    if unknown := sorted(asked.keys() - IN_VLLM):
        told = ", ".join(f"--{option} {asked[option]}" for option in unknown)
        raise OpeningError(f"vLLM as the engine has no {told}")
    arguments = {IN_VLLM[option]: value for option, value in asked.items()}
    try:
        return open_vllm(folder, name=name, vocabulary=vocabulary, arguments={**arguments, **wanted.arguments})
    except (VllmMissing, VllmUnfit) as error:
        raise OpeningError(str(error)) from error
