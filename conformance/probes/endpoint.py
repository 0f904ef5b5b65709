"""Where requests go: address, key, TLS, and the limits of one exchange. Sends nothing.

Everything that is wrong with the configuration is a ValueError here, before a connection is made; its text says what
to write and never repeats a key.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from conformance.protocols.credentials import without_credentials_in_url
from conformance.protocols.finding import shorten
from conformance.protocols.reading import TIME_LIMIT
from conformance.wire.http import MAX_HEAD

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header name (RFC 9110, 5.6.2)."""
VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
"""A header value we are willing to send: visible ASCII, spaces inside only."""
KEY = re.compile(r"[\x21-\x7e]+")
FRAMING = ("host", "content-length", "transfer-encoding", "connection", "content-type")
"""Headers that follow from the request itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one exchange may take. At the limits of size it is cut, at those of time it has timed out."""

    connect_s: float = 5.0
    """Name look-up, TCP and TLS together."""
    head_s: float = 30.0
    """From the request to the end of the response head."""
    exchange_s: float = TIME_LIMIT
    """From the request to the end of the response."""
    linger_s: float = 0.03
    """How long to listen for stray bytes after the end of a response."""
    max_bytes: int = 32 * 1024 * 1024
    """Of the response, both as it was sent and decoded."""
    max_head: int = MAX_HEAD
    """Bytes before the end of the response head, interim responses included."""
    max_memory: int = 80 * 1024 * 1024
    """Bytes that an exchange may take once it is read, by an estimate: enough for 40,000 chunks. A bracket on the wire
    is a hundred bytes in memory, so the limit of bytes alone would not bound it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A base URL (ending in /v1, as a rule), a model, and how to be let in."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    key_header: str = "authorization"
    """`authorization` sends "Bearer KEY"; any other header (Azure: `api-key`) the key alone."""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Sent with every request."""
    verify: bool | Path = True
    """Whether the certificate is checked; a path is the file of the authorities to trust."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not self.model:
            raise ValueError("no model is given; write the name of one that the endpoint serves")
        if self.key and not KEY.fullmatch(self.key):
            raise ValueError(
                "the API key holds spaces, line ends or non-ASCII characters; give the key alone, without `Bearer`"
            )
        for name, value in {self.key_header: "x", **self.headers}.items():
            if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
                raise ValueError(f"the header {shorten(name)!r} cannot be sent; write a name and printable ASCII text")
            if name.lower() in FRAMING:
                raise ValueError(f"the header {name!r} follows from the request; leave it out")
        if isinstance(self.verify, Path) and not self.verify.is_file():
            raise ValueError(f"no file {str(self.verify)!r}; write the path of a PEM file of certificate authorities")

    @property
    def host(self) -> str:
        """The host to connect to."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port to connect to."""
        return urlsplit(self.url).port or (443 if self.secure else 80)

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return urlsplit(self.url).scheme.lower() == "https"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        parts = urlsplit(self.url)
        host = self.host.encode("idna").decode() if not self.host.isascii() else self.host
        host = f"[{host}]" if ":" in host else host
        return host if parts.port is None else f"{host}:{parts.port}"

    def tls(self) -> ssl.SSLContext | None:
        """How TLS is spoken, None for plain HTTP. Raises ValueError for a file that holds no certificates."""
        if not self.secure:
            return None
        try:
            context = ssl.create_default_context(cafile=self.verify if isinstance(self.verify, Path) else None)
        except ssl.SSLError as error:
            raise ValueError(f"{str(self.verify)!r} holds no certificates; write the path of a PEM file") from error
        if self.verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        return context


def _check_url(url: str) -> None:
    example = "write it like http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna")
        shown = shorten(without_credentials_in_url(url))
    except ValueError as error:
        raise ValueError(f"the url cannot be read ({shorten(str(error))}); {example}") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError(f"the url {shown!r} does not start with http:// or https://; {example}")
    if not host:
        raise ValueError(f"the url {shown!r} names no host; {example}")
    if port == 0:
        raise ValueError(f"the url {shown!r} has port 0; {example}")
    if "@" in parts.netloc:
        raise ValueError(f"the url of {shown!r} holds a user or password; give that as the key instead")
    if not url.isprintable() or " " in url:
        raise ValueError(f"the url {shown!r} holds spaces or control characters; {example}")
    for path in ("/chat/completions", "/completions"):
        if parts.path.rstrip("/").endswith(path):
            raise ValueError(f"the url {shown!r} goes too far; leave {path} out: it is put behind the url")
