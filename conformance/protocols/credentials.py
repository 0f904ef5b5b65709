"""What must never reach a recording or a report: keys in headers, in URLs and in bodies. Knows no file format."""

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit, urlunsplit

SECRET = re.compile(
    r"(auth|authorization|key|token|secret|password|cookie2?|signature|sig|credentials?)$", re.IGNORECASE
)
"""Names of headers and of query parameters whose value is a credential, by how they end. `www-authenticate` and
`x-ratelimit-limit-tokens` are none."""
SECRET_MEMBERS = ("api_key", "api-key", "apikey")
"""Members of a request body that gateways read a key from."""
MASK = "***"

Headers = tuple[tuple[str, str], ...]


def without_credentials(headers: Iterable[tuple[str, str]]) -> Headers:
    """The headers that may be written down."""
    return tuple((name, value) for name, value in headers if not SECRET.search(name.strip()))


def without_credentials_in_url(url: str) -> str:
    """The URL without user info and fragment, secret parameters masked. Raises ValueError for what is no URL."""
    parts = urlsplit(url)
    query = "&".join(_masked(pair) for pair in parts.query.split("&")) if parts.query else ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def without_credentials_in_body(body: object) -> object:
    """The body of a request, keys in its first level masked."""
    if isinstance(body, dict) and any(name in body for name in SECRET_MEMBERS):
        return {name: MASK if name in SECRET_MEMBERS else value for name, value in body.items()}
    return body


def _masked(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={MASK}" if equals and SECRET.search(unquote(name)) else pair
