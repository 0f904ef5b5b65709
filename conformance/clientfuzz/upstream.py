"""What is known upstream of what clients do: issues and pull requests, by client and case. Judges nothing.

Each link was looked up in November 2026; its state is that of the day. Where no line fits, none was found.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Known:
    """A report that exists upstream."""

    clients: tuple[str, ...]
    """Globs over names of clients."""
    cases: tuple[str, ...]
    """Globs over ids of cases."""
    where: str
    """As GitHub writes it: OWNER/NAME#NUMBER."""
    says: str

    @property
    def link(self) -> str:
        """As Markdown."""
        place, number = self.where.split("#")
        return f"[{self.where}](https://github.com/{place}/issues/{number})"


ON_OPENAI_PY = ("openai-py*", "langchain-py", "litellm", "pydantic-ai", "llama-index")
ON_NODE = ("openai-node", "openai-node-helper", "eventsource-parser", "ai-sdk", "ai-sdk-text", "langchain-node")
NO_FINISH = ("transport/ended*", "transport/unframed*", "mutant/chat/termination/*", "mutant/sse/events/ended#*")

KNOWN: tuple[Known, ...] = ()


def known(client: str, case: str) -> Known | None:
    """What is known of this client and this case; None where nothing was found."""
    for one in KNOWN:
        if any(fnmatchcase(client, glob) for glob in one.clients) and any(
            fnmatchcase(case, glob) for glob in one.cases
        ):
            return one
    return None
