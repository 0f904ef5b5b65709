"""Tokens per second of the torch engine beside transformers' own ways, and the least time that a step can take.

    python tests/bench/engine_speed.py --shapes tiny 0.5b 1.5b --batches 1 32 256        # on CUDA, where there is one
    python tests/bench/engine_speed.py --shapes tiny --batches 1 8 32 --device cpu

Weights are random: what is said does not matter to the speed. Each contender generates the same number of tokens from
prompts of the same length, greedily, several times in turn; the best of each counts. `cpu` is tokens per second of
processor time, all threads together; `wall` is tokens per second on the clock.
"""

import argparse
import asyncio
import copy
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.pytorch.engine import Options, engine_of

END = 2
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "tiny": (
        "llama",
        {
            "vocab_size": 265,
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 6,
            "num_key_value_heads": 3,
            "max_position_embeddings": 2048,
        },
    ),
    "0.5b": (
        "qwen2",
        {
            "vocab_size": 151_936,
            "hidden_size": 896,
            "intermediate_size": 4864,
            "num_hidden_layers": 24,
            "num_attention_heads": 14,
            "num_key_value_heads": 2,
            "max_position_embeddings": 32_768,
            "tie_word_embeddings": True,
        },
    ),
    "1.5b": (
        "qwen2",
        {
            "vocab_size": 151_936,
            "hidden_size": 1536,
            "intermediate_size": 8960,
            "num_hidden_layers": 28,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "max_position_embeddings": 32_768,
            "tie_word_embeddings": True,
        },
    ),
}
BANDWIDTH = {"cpu": 10e9, "cuda": 4.8e12}
"""Bytes per second that a processor's memory gives a single core, roughly, and an H200's."""
PAGE, PAGES = 16, 8192

Prompts = list[tuple[int, ...]]
Run = Callable[[Prompts, int], None]


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second."""

    cpu: float
    wall: float


def model_of(shape: str, device: str) -> Any:
    """A model of that shape with random weights."""
    kind, members = SHAPES[shape]
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **members, eos_token_id=END, pad_token_id=0)
    numbers = torch.bfloat16 if device.startswith("cuda") else torch.float32
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config, dtype=numbers).eval()


def prompts_of(batch: int, length: int, words: int) -> Prompts:
    """Prompts that differ."""
    made = torch.randint(3, words, (batch, length), generator=torch.Generator().manual_seed(1))
    return [tuple(row) for row in made.tolist()]


@contextmanager
def engine(model: Any, **options: Any) -> Iterator[Run]:
    """This project's."""
    made = engine_of(model, Options(**options))
    with asyncio.Runner() as runner:
        runner.run(made.start())

        async def read(number: int, prompt: tuple[int, ...], most: int) -> int:
            asked = TokenRequest(id=f"{number}", prompt=prompt, max_tokens=most, ignore_eos=True)
            return sum([len(event.tokens) async for event in made.submit(asked)])

        async def all_of(prompts: Prompts, most: int) -> None:
            told = await asyncio.gather(*(read(number, prompt, most) for number, prompt in enumerate(prompts)))
            assert [most] * len(prompts) == told

        yield lambda prompts, most: runner.run(all_of(prompts, most))
        runner.run(made.stop())


@contextmanager
def generate(model: Any) -> Iterator[Run]:
    """`model.generate()`: all begin together and end together."""

    def run(prompts: Prompts, most: int) -> None:
        ids = torch.tensor(prompts, device=model.device)
        config = GenerationConfig(
            max_new_tokens=most, min_new_tokens=most, do_sample=False, pad_token_id=0, eos_token_id=END
        )
        with torch.inference_mode():
            told = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
        assert told.shape[1] == ids.shape[1] + most

    yield run


@contextmanager
def continuous(model: Any) -> Iterator[Run]:
    """Transformers' continuous batching, kept running between the rounds."""
    on_cuda = model.device.type == "cuda"
    known = {member.name for member in fields(ContinuousBatchingConfig)}
    config = ContinuousBatchingConfig(
        **{"page_size" if "page_size" in known else "block_size": 256 if on_cuda else PAGE},  # renamed in 5.23
        num_blocks=None if on_cuda else PAGES,
        max_batch_tokens=None if on_cuda else 512,
        use_async_batching=on_cuda,
        use_cuda_graph=on_cuda,
    )
    wanted = GenerationConfig(max_new_tokens=512, do_sample=False, pad_token_id=0, eos_token_id=-1)
    model.set_attn_implementation("sdpa")
    with model.continuous_batching_context_manager(
        generation_config=wanted, continuous_batching_config=config, block=True, timeout=30
    ) as manager:

        def run(prompts: Prompts, most: int) -> None:
            manager.add_requests(inputs=[list(prompt) for prompt in prompts], max_new_tokens=most)
            done = 0
            while done < len(prompts):
                result = manager.get_result(timeout=60)
                assert result is not None
                assert result.error is None
                if result.is_finished():
                    assert most == len(result.generated_tokens)
                    done += 1

        yield run


CONTENDERS: dict[str, Callable[..., Any]] = {
    "engine": engine,
    "constant": lambda model: engine(model, mode="constant", context=512),
    "generate": generate,
    "continuous": continuous,
}


def measure(runs: dict[str, Run], prompts: Prompts, most: int, rounds: int) -> dict[str, Speed]:
    """The best of several rounds, the contenders taking turns."""
    best: dict[str, Speed] = {}
    for run in runs.values():
        run(prompts, 4)
    for _ in range(rounds):
        for name, run in runs.items():
            cpu, wall = time.process_time(), time.perf_counter()
            run(prompts, most)
            tokens = len(prompts) * most
            now = Speed(tokens / (time.process_time() - cpu), tokens / (time.perf_counter() - wall))
            before = best.get(name, now)
            best[name] = Speed(max(now.cpu, before.cpu), max(now.wall, before.wall))
    return best


@contextmanager
def contenders(names: list[str], model: Any) -> Iterator[dict[str, Run]]:
    """Each with a model of its own."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(CONTENDERS[name](copy.deepcopy(model))) for name in names}


def read_by_a_step(model: Any, batch: int, length: int) -> int:
    """Bytes that a step reads at least: weights, and keys and values of all tokens so far, once."""
    config = model.config
    width = config.hidden_size // config.num_attention_heads * config.num_key_value_heads
    weights = sum(parameter.numel() * parameter.itemsize for parameter in model.parameters())
    return int(weights + 2 * width * config.num_hidden_layers * batch * length * model.dtype.itemsize)


def floor(model: Any, batch: int, length: int) -> float:
    """Seconds that a step takes at least."""
    return read_by_a_step(model, batch, length) / BANDWIDTH[model.device.type]


def main() -> None:
    """Print a table for each shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=["tiny"], choices=SHAPES)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--prompt", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    print(f"torch {torch.__version__}, {told.device}, {told.prompt} + {told.tokens} tokens, best of {told.rounds}")
    for shape in told.shapes:
        model = model_of(shape, told.device)
        with contenders(told.contenders, model) as runs:
            for batch in told.batches:
                prompts = prompts_of(batch, told.prompt, model.config.vocab_size)
                best = measure(runs, prompts, told.tokens, told.rounds)
                least = floor(model, batch, told.prompt + told.tokens)
                print(f"{shape} batch {batch}: floor {1e3 * least:.3f} ms a step, {batch / least:.0f} tokens/s")
                for name, speed in best.items():
                    step = 1e3 * batch / speed.wall
                    print(f"  {name:10} {speed.wall:9.0f} wall {speed.cpu:9.0f} cpu {step:8.2f} ms a token of each")


if __name__ == "__main__":
    main()
