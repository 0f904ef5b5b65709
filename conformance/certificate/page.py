"""A certificate for people: one HTML page. Decides nothing."""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from .certificate import Certificate

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff]")
"""What moves a cursor, turns a line around or hides. Written out here, so that a page is the same on every Python."""


def page_of(certificate: Certificate) -> bytes:
    """The page that goes with this certificate, the same bytes for the same certificate."""
    template = environment(__package__).get_template("certificate.html.jinja")
    return (template.render(certificate=certificate) + "\n").encode()


@cache
def environment(package: str) -> Environment:
    """Templates of a package, for pages in which nothing of what was told to us acts."""
    return Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _harmless(value: object) -> object:
    """Text that turns no line around and hides nothing; who sent it is not to be trusted."""
    if type(value) is not str:
        return value
    return UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", value)
