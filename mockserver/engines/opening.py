"""Opens the engine with a real model, if what it needs is installed. Knows nothing of it but where it is."""

from typing import Any

EXTRA = "pip install 'streamspec[engine]'"
NEEDED = frozenset({"torch", "transformers", "safetensors", "numpy"})


class EngineMissing(Exception):  # noqa: N818 - it is missing
    """What the engine needs is not installed; the text says how to install it."""


def pytorch() -> Any:
    """The module `mockserver.engines.pytorch.engine`. Raises EngineMissing."""
    try:
        from .pytorch import engine
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise EngineMissing(f"To run a model, {error.name} has to be installed: {EXTRA}") from error
    return engine
