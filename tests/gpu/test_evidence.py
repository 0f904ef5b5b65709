"""The evidence for a GPU can be had: each part runs, here with little of everything and on the processor."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'streamspec[engine]'")

from tests.gpu import evidence, page


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # of transformers about itself
@pytest.mark.parametrize("part", evidence.PARTS)
def test_a_part_holds_and_is_shown(part: str, tmp_path: Path) -> None:
    assert 0 == evidence.main(["--out", str(tmp_path), "--part", part, "--device", "cpu", "--small"])
    told = json.loads((tmp_path / f"{part}.json").read_text())
    assert (part, True, True) == (told["part"], told["small"], told["holds"])
    shown = (tmp_path / "figures.md").read_text()
    assert f"**{part}** holds on processor" in shown
    assert len(evidence.PARTS) - 1 == shown.count("not measured")


def test_what_was_measured_before_stays(tmp_path: Path) -> None:
    for part in evidence.PARTS:
        told = {"part": part, "small": False, "machine": {}, "seconds": 1, "holds": False, "failed": f"no {part}"}
        (tmp_path / f"{part}.json").write_text(json.dumps(told))
    shown = page.of({part: json.loads((tmp_path / f"{part}.json").read_text()) for part in evidence.PARTS})
    assert [True] * 4 == [f"no {part}" in shown for part in evidence.PARTS]


def test_a_part_that_fails_is_told_of_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(evidence.PARTS, "speed", "no_such_file")
    assert 1 == evidence.main(["--out", str(tmp_path), "--part", "speed", "--device", "cpu", "--small"])
    assert "no_such_file" in (tmp_path / "figures.md").read_text()
