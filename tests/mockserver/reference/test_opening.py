"""A folder with a model to a server: what is wrong with the folder is said, and nothing in it is run."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.reference import opening
from mockserver.reference.opening import OpeningError, Wanted

pytest.importorskip("torch", reason="torch is not installed: pip install 'streamspec[engine]'")


class Trap:
    """Made again from a pickle, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])


def endless_head(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((2**62).to_bytes(8, "little") + b"{}")


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(folder / "sprung")))


def with_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": own, "model_type": "own"}))
    (folder / "own.py").write_text(f"open({str(folder / 'sprung')!r}, 'w').close()")


def other_shapes(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 256}))


def without_words(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def without_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut, "no model that can be read at .*metadata"),
        (endless_head, "no model that can be read at .*header too large"),
        (pickled, "no file named model.safetensors"),
        (with_code, "custom code"),
        (other_shapes, "no model that can be read at"),
        (without_words, "tokenizer.json"),
        (without_template, "no chat template"),
    ],
)
def test_a_folder_that_cannot_be_served_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None], says: str
):
    def asked(*_: object) -> str:
        raise AssertionError("nobody is asked whether to run code")

    monkeypatch.setattr("builtins.input", asked)
    folder = shutil.copytree(opening.SHIPPED, tmp_path / "model")
    spoil(folder)
    with pytest.raises(OpeningError, match=says):
        opening.opened(Wanted(folder=folder))
    assert not (folder / "sprung").exists()


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(OpeningError, match="'abacus'"):
        opening.opened(Wanted(options={"device": "abacus"}))
