"""What a browser does with packed data, in Python."""

import base64
import json
import zlib
from typing import Any


def unpack(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))
