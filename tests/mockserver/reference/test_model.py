"""The tiny model that is shipped is the one that its script made, byte by byte."""

import hashlib
import runpy
from pathlib import Path

from conformance.probes import bodies
from mockserver.reference.words import Words

TINY = runpy.run_path(str(Path(__file__).parents[2] / "models" / "make_tiny.py"))


def test_its_weights_have_the_checksum_that_was_noted(folder: Path):
    noted = (folder / "model.safetensors.sha256").read_text("ascii").split()[0]
    assert noted == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_its_template_is_the_script_s(folder: Path):
    assert TINY["TEMPLATE"] == (folder / "chat_template.jinja").read_text("utf-8")


def test_it_has_the_marks_of_thoughts_and_calls(tiny: Words):
    assert set(TINY["SPECIAL"]) == {tiny.bytes_of(token).decode() for token in tiny.special}
    assert tiny.thoughts is not None
    assert tiny.calls is not None


def test_it_was_trained_to_write_a_story_with_the_tool_of_the_trials():
    assert bodies.BY_TOOL == TINY["BY_TOOL"]
