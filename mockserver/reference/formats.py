"""What a string of a format looks like, as patterns that every validator takes. Knows no schema and no model.

Each is narrower than its format: years have four digits and leap days a leap year, no second is a leap second, names
are short. What is left out is what validators do not agree on, or what goes on without end.
"""

YEAR = "[1-9][0-9]{3}"
LEAP = "(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)"
DATE = (
    f"(?:{YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{LEAP}-02-29)"
)
HOURS = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
TIME = rf"{HOURS}:[0-5][0-9](?:\.[0-9]{{1,6}})?(?:Z|[+-]{HOURS})"
MANY = "[0-9]{1,4}"
CLOCK = f"(?:{MANY}H(?:{MANY}M(?:{MANY}S)?)?|{MANY}M(?:{MANY}S)?|{MANY}S)"
DAYS = f"(?:{MANY}D|{MANY}M(?:{MANY}D)?|{MANY}Y(?:{MANY}M(?:{MANY}D)?)?)"
LABEL = "[A-Za-z][A-Za-z0-9]{0,15}(?:-[A-Za-z0-9]{1,15})?"
DOMAIN = rf"(?:{LABEL}\.){{1,3}}[A-Za-z]{{2,12}}"
EMAIL = rf"[A-Za-z0-9_+-]{{1,24}}(?:\.[A-Za-z0-9_+-]{{1,16}})?@{DOMAIN}"
BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4 = rf"{BYTE}(?:\.{BYTE}){{3}}"
PAIR = "[0-9a-fA-F]{1,4}"
IPV6 = f"(?:(?:{PAIR}:){{7}}{PAIR}|(?:{PAIR}(?::{PAIR}){{0,2}})?::(?:{PAIR}(?::{PAIR}){{0,3}})?)"
HEX = "[0-9a-fA-F]"
SAID = "(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})"
URI = (
    rf"(?:[a-z][a-z0-9]{{1,9}}://(?:{DOMAIN}|{IPV4})(?::[1-9][0-9]{{0,3}})?(?:/{SAID}{{0,40}}){{0,8}}"
    rf"(?:\?(?:{SAID}|[=&]){{0,80}})?(?:#{SAID}{{0,40}})?|mailto:{EMAIL}|urn:[a-z][a-z0-9]{{1,9}}:{SAID}{{1,40}})"
)
POINTER = "(?:/[A-Za-z0-9_-]{0,20}){0,6}"

FORMATS: dict[str, str] = {
    "date": DATE,
    "time": TIME,
    "date-time": f"{DATE}T{TIME}",
    "duration": f"P(?:{MANY}W|{DAYS}(?:T{CLOCK})?|T{CLOCK})",
    "email": EMAIL,
    "idn-email": EMAIL,
    "hostname": rf"{LABEL}(?:\.{LABEL}){{0,3}}",
    "idn-hostname": rf"{LABEL}(?:\.{LABEL}){{0,3}}",
    "ipv4": IPV4,
    "ipv6": IPV6,
    "uuid": f"{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}",
    "uri": URI,
    "uri-reference": URI,
    "uri-template": URI,
    "iri": URI,
    "iri-reference": URI,
    "json-pointer": POINTER,
    "relative-json-pointer": f"(?:0|[1-9][0-9]{{0,2}})(?:#|{POINTER})",
    "regex": "[A-Za-z0-9 ]{0,40}",
    "byte": "(?:[A-Za-z0-9+/]{4}){0,80}",
}
"""For each format the pattern of the whole string."""
FREE = frozenset({"password", "binary"})
"""Formats that any string is of."""
