"""The words of the tiny model, for every test of the reference server; skipped where the libraries are missing."""

from pathlib import Path

import pytest

pytest.importorskip("tokenizers", reason="tokenizers is not installed")
pytest.importorskip("llguidance", reason="llguidance is not installed")

from mockserver.reference import opening, template, words


@pytest.fixture(scope="session")
def folder() -> Path:
    return opening.SHIPPED


@pytest.fixture(scope="session")
def tiny(folder: Path) -> words.Words:
    return words.load(folder)


@pytest.fixture(scope="session")
def said(folder: Path, tiny: words.Words) -> template.Template:
    return template.load(folder, tiny)
