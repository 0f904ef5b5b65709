"""Cases one after the other: a client that is late once is not called one that hangs."""

import asyncio
import sys
from pathlib import Path

from conformance.clientfuzz.campaign import field
from conformance.clientfuzz.catalogue import chosen
from conformance.clientfuzz.outcome import Outcome, Verdict
from conformance.clientfuzz.playing import Limits
from conformance.clientfuzz.processes import Command

HANGS = """
import json, pathlib, sys
sys.path.insert(0, {clients!r})
import careful
late = pathlib.Path({late!r})
for line in sys.stdin:
    case = json.loads(line)
    report = careful.ask(case["base_url"], case["model"])
    if case["case"].endswith("/whole") and not late.exists():
        late.touch()
        sys.stdin.read()
    print(json.dumps(report), flush=True)
"""


def test_a_hang_counts_where_it_comes_twice(tmp_path):
    script = HANGS.format(clients=str(Path(__file__).parent / "clients"), late=str(tmp_path / "late"))
    results = {}

    async def run():
        async with field(Command((sys.executable, "-c", script), timeout=30), Limits(case=4.0), jobs=1) as place:
            await place.play_all(chosen(["legal/plain/text/*"]), lambda one: results.__setitem__(one.case.id, one))

    asyncio.run(run())
    late = results.pop("legal/plain/text/whole")
    assert (Outcome.HANG, Verdict.WARN) == (late.outcome, late.verdict)
    assert "the second time all was well" in late.judgement.says
    assert late.report is not None
    assert {Verdict.PASS} == {one.verdict for one in results.values()}
