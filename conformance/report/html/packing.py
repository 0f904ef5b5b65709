"""JSON values as a text that can stand anywhere in HTML: deflated, in base64, which browsers unpack by themselves."""

import base64
import json
import zlib
from typing import Any


def pack(value: Any) -> str:
    """The value in letters, digits, "+", "/" and "=". Half a surrogate pair becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 6)).decode("ascii")
