"""A model from a folder, and what is refused at the start."""

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.pytorch.engine import Options, engine_of, open_engine
from mockserver.engines.pytorch.loading import ModelUnfit


def test_a_folder_with_safetensors_is_opened(tmp_path: Path, model_of: Any, generated: Any) -> None:
    model = model_of("llama")
    model.save_pretrained(tmp_path)

    async def reply() -> list[int]:
        engine = open_engine(str(tmp_path), Options(device="cpu", vocabulary=150, name="small"))
        assert ("small", 150, "cpu", "float32", {2}) == (
            engine.info.model,
            engine.info.vocabulary,
            engine.info.device,
            engine.info.precision,
            set(engine.info.stop_tokens),
        )
        await engine.start()
        request = TokenRequest(id="a", prompt=(3, 4, 5), max_tokens=20)
        told = [token.id async for event in engine.submit(request) for token in event.tokens]
        await engine.stop()
        return told

    told = asyncio.run(reply())
    assert all(token < 150 for token in told)
    wanted = generated(model, (3, 4, 5), 20)
    same = next((place for place, token in enumerate(wanted) if token >= 150), len(wanted))
    assert wanted[:same] == told[:same]


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnfit, match="no model that can be read"):
        open_engine(str(tmp_path))


@pytest.mark.parametrize("config", ["{", "[]", "{}", '{"model_type": "nobody-knows"}', '{"model_type": "t5"}'])
def test_a_folder_whose_config_tells_of_no_model_says_so(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ModelUnfit, match="no model that can be read"):
        open_engine(str(tmp_path))


def test_a_mode_that_is_none_is_refused_before_any_model_is_read() -> None:
    with pytest.raises(ModelUnfit, match="fast or constant, not 'quick'"):
        Options(mode="quick")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"context": 257}, "between 1 and 256"),
        ({"context": 0}, "between 1 and 256"),
        ({"context": 5}, "too short"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], says: str, model_of: Any) -> None:
    with pytest.raises(ModelUnfit, match=says):
        engine_of(copy.deepcopy(model_of("llama")), Options(**options))


def test_a_precision_that_is_none_is_refused(tmp_path: Path, model_of: Any) -> None:
    model_of("llama").save_pretrained(tmp_path)
    with pytest.raises(ModelUnfit, match="'int8'"):
        open_engine(str(tmp_path), Options(precision="int8"))


def test_a_stop_token_that_never_comes_harms_nobody(model_of: Any, with_engine: Any) -> None:
    async def use(engine: Any) -> None:
        assert {2} == engine.info.stop_tokens
        request = TokenRequest(id="a", prompt=(3, 4), max_tokens=6, min_tokens=6)
        events = [event async for event in engine.submit(request)]
        assert 6 == sum(len(event.tokens) for event in events)

    model = copy.deepcopy(model_of("llama"))
    model.generation_config.eos_token_id = [2, 190]
    with_engine(model, use, vocabulary=180)
