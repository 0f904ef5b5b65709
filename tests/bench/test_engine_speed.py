"""The torch engine is no slower than the better of transformers' own two ways, alone, with eight, and with thirty-two.

    pytest tests/bench/test_engine_speed.py -m bench -s -p no:cacheprovider

In tokens per second of processor time, all threads together: the clock says more of what else the machine does.
STREAMSPEC_TIMES is how many rounds there are; the best of each contender counts.
"""

import os
import runpy
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

import torch

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]
SPEED = runpy.run_path(str(Path(__file__).with_name("engine_speed.py")), run_name="engine_speed")
ROUNDS = int(os.environ.get("STREAMSPEC_TIMES", "15"))
PEERS = ("generate", "continuous")


@pytest.mark.filterwarnings("ignore")  # of transformers about itself
@pytest.mark.parametrize("batch", [1, 8, 32])
def test_the_engine_is_no_slower_than_the_better_of_two_peers(batch: int) -> None:
    torch.set_num_threads(1)
    model = SPEED["model_of"]("tiny", "cpu")
    prompts = SPEED["prompts_of"](batch, 40, model.config.vocab_size)
    with SPEED["contenders"](["engine", *PEERS], model) as runs:
        best = SPEED["measure"](runs, prompts, 96, ROUNDS)
    ratio = best["engine"].cpu / max(best[peer].cpu for peer in PEERS)
    told = ", ".join(f"{name} {speed.cpu:.0f}" for name, speed in best.items())
    print(f"\nbatch {batch}: {ratio:.2f} times the better peer, in tokens per second of processor time: {told}")
    assert ratio >= 1.0
