"""Who says so: the documents and measurements that rules cite. Facts only; no rule lives here."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Source:
    """A document or measurement, and the place in it."""

    authority: str
    """openai, sse, http, clients or suite."""
    name: str
    url: str = ""
    place: str = ""

    def at(self, place: str) -> "Source":
        """The same source, at a section, member or count."""
        return replace(self, place=place)

    def __str__(self) -> str:
        return f"{self.name}, {self.place}" if self.place else self.name


OPENAPI = Source("openai", "OpenAI OpenAPI document", "https://github.com/openai/openai-openapi")
OBSERVED = Source("openai", "genuine recordings of api.openai.com")
HTML = Source(
    "sse", "WHATWG HTML, server-sent events", "https://html.spec.whatwg.org/multipage/server-sent-events.html"
)
RFC9110 = Source("http", "RFC 9110, HTTP Semantics", "https://www.rfc-editor.org/rfc/rfc9110")
RFC9112 = Source("http", "RFC 9112, HTTP/1.1", "https://www.rfc-editor.org/rfc/rfc9112")
RFC8259 = Source("http", "RFC 8259, JSON", "https://www.rfc-editor.org/rfc/rfc8259")
CLIENTS = Source("clients", "measured on real clients")
SUITE = Source("suite", "policy of this suite")


def issue(reference: str) -> Source:
    """A public bug report, "owner/name#number"."""
    repository, _, number = reference.partition("#")
    return Source("clients", "bug report", f"https://github.com/{repository}/issues/{number}", reference)
