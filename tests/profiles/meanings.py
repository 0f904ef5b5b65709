"""What each rule of a frozen profile means, as digests: `python tests/profiles/meanings.py` adds those of new versions.

Replaces none: where a rule means something else than its digest says, the rule needs a new version.
"""

import hashlib
import json
from pathlib import Path

from conformance import profiles
from conformance.rules import ALL
from conformance.rules.rule import Rule

FILE = Path(__file__).parent / "meanings.json"


def digest(rule: Rule) -> str:
    """Of what a rule demands of whom: its statement, its level, and the feature without which it says nothing."""
    said = json.dumps([rule.says, rule.level.value, rule.needs.feature], ensure_ascii=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def kept() -> dict[str, str]:
    """Digest by "id@version"."""
    return json.loads(FILE.read_text("utf-8"))


if __name__ == "__main__":
    known = kept() if FILE.exists() else {}
    known |= {
        name: digest(rule)
        for rule in ALL
        if rule.id in profiles.listed() and (name := f"{rule.id}@{rule.version}") not in known
    }
    FILE.write_text(json.dumps(dict(sorted(known.items())), indent=0) + "\n", "utf-8")
