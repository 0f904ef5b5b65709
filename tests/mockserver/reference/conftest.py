"""The words of the tiny model, for every test of the reference server."""

from pathlib import Path

import pytest

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
