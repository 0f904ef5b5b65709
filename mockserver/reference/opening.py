"""A reference server for a folder with a model, put together. Imports torch only when it is called."""

from dataclasses import dataclass, field
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mockserver.answering import Settings

NEEDED = ("torch", "transformers", "tokenizers", "llguidance", "jinja2")
"""Packages of the extra `engine`."""
INSTALL = "pip install 'streamspec[engine]'"
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
    options: dict[str, Any] = field(default_factory=dict)
    """For the engine: mode, device, precision, rows, context, blocks."""


def opened(wanted: Wanted, host: str = "127.0.0.1", port: int = 0) -> Any:
    """A ReferenceServer. Raises OpeningError."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise OpeningError(f"a model needs packages that are not installed ({', '.join(missing)}): {INSTALL}")
    from mockserver.engines.pytorch.engine import Options, open_engine
    from mockserver.engines.pytorch.loading import ModelUnfit

    from . import template, words
    from .asking import Model
    from .guiding import Guiding
    from .server import ReferenceServer

    folder = wanted.folder or SHIPPED
    name = wanted.name or (NAME if wanted.folder is None else folder.resolve().name)
    try:
        known = words.load(folder)
        engine = open_engine(str(folder), Options(name=name, vocabulary=known.size, **wanted.options))
        read = template.load(folder, known)
    except (words.WordsError, ModelUnfit) as error:
        raise OpeningError(str(error)) from error
    info = engine.info
    model = Model(info, known, read, Guiding(known, info.vocabulary, sorted(info.stop_tokens)))
    return ReferenceServer(engine, model, Settings(models=(name,), keys=wanted.keys), host, port)
