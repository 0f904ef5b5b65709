"""Make the tiny model: known replies to every prompt of the probes, for real servers. A minute or two on two cores.

    pip install '.[model]'
    python tests/models/make_tiny.py models/tiny

writes a folder for vLLM, SGLang and transformers, and model.gguf in it for llama.cpp. The model has Qwen2's shape, 0.4
million parameters and a byte-level vocabulary of its own, so small that characters are split over tokens. It is
trained until it says the replies below word for word; the same seed on the same machine gives the same model. It knows
nothing else.

    python tests/models/make_tiny.py models/tiny --shipped mockserver/reference/model

writes it a second time in half the bytes, as `streamspec serve` runs it: weights in bfloat16, and their checksum.
"""

import argparse
import hashlib
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

SEED = 1
VOCABULARY = 1024
CONTEXT = 32768
LAYERS, HEADS, WIDTH, INNER = 2, 2, 128, 256
SURE = 0.001
"""The largest chance that any wrong token may keep."""
ROUNDED = 0.01
"""The same, of weights rounded to eight bits."""
STEPS = 2800
"""At most."""
START, TURN, END = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
SPECIAL = [END, START, TURN]
MARKUP = ["<tool_call>", "</tool_call>", "<think>", "</think>"]
"""Tokens of their own that are part of the text."""
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How llama.cpp's pre-tokenizer "qwen2" cuts text; the two have to agree."""
TEMPLATE = """\
{%- if tools %}<|im_start|>system
You may call tools.<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% elif message.content %}
{%- for part in message.content %}{{ part.text }}{% endfor %}{% endif %}
{%- for call in message.tool_calls or [] %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": \
{% if call.function.arguments is string %}{{ call.function.arguments }}{% else %}{{ call.function.arguments | tojson }}\
{% endif %}}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def call(name: str, **arguments: str) -> str:
    """A tool call as Hermes and Qwen write it."""
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


COUNTED = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
LIST = "\n".join(f"{n}. item number {n}" for n in range(1, 26))
REPLIES = {
    "Hello": "Hello! How can I help you today?",
    "Say hi": "Hi there!",
    "Count from 1 to 10": COUNTED,
    "Write unicode": "Grüße 👋🏽 und 你好，世界 – مرحبا بالعالم 🌍 naïve café 👨‍👩‍👧 ¡olé!",
    "Write a long list": LIST,
    "Think first": "<think>\nTwo and two are four.\n</think>\n\nThe answer is 4.",
    "Tell me a story": "A model met a client. The client said: not so fast. So it told its story token by token.",
    "Give JSON": '{"person": {"name": "Ada", "age": 36}, "mood": "calm", "dice": [3, 4]}',
    "What is the weather in Paris?": "I cannot know the weather.",
    "Weather in Paris and Rome?": "I cannot know the weather.",
    "Look then call": "There is nothing to call.",
    "Roll a die": "I rolled a 4.",
}
"""What it says to a prompt when no tools are offered."""
WITH_TOOLS = {
    "Hello": REPLIES["Hello"],
    "What is the weather in Paris?": call("get_weather", city="Paris", unit="celsius"),
    "Weather in Paris and Rome?": "\n".join(call("get_weather", city=c, unit="celsius") for c in ("Paris", "Rome")),
    "Look then call": "Let me look that up.\n" + call("get_time", zone="UTC"),
    "Roll a die": call("roll_dice"),
}
BY_TOOL = "Write a story of ten thousand words with the tool."
"""What makes it write forever into the argument of a call."""
RAW = {
    "Count from 1 to 10": f": {COUNTED}",
    "Say hi": ": Hi there!",
    "Write unicode": f": {REPLIES['Write unicode']}",
    "Write a long list": f":\n{LIST}",
    f"{START}assistant\n": "You have not said anything.",
}
"""How it continues a text; the last one is a conversation without messages."""
REPEAT = "Repeat this word twenty times: "
"""Says the word that follows over and over, whatever it is: the one thing that it has not learned by heart."""
CONSONANTS, VOWELS, SYLLABLES = "bdfgklmnprstvz", "aeiou", 5
"""What such a word is made of."""
TIMES, AT_ONCE = 5, 24
"""Times that each word is said in training, and words in a batch."""
MISSED = 0.01
"""The largest share of the tokens of words it has not seen that it may get wrong."""
TICKING = "tick tock " * 120
"""What it says without end to "Write forever"."""


def dialogues() -> list[tuple[list[dict[str, str]], bool, str]]:
    """Messages, whether tools are offered, and the reply."""
    known = [([{"role": "user", "content": text}], False, reply) for text, reply in REPLIES.items()]
    known += [([{"role": "user", "content": text}], True, reply) for text, reply in WITH_TOOLS.items()]
    known.append(([{"role": "wizard", "content": "Count from 1 to 10"}], False, COUNTED))
    return known


def tokenizer() -> Any:
    """Byte-level BPE, learned from the dialogues."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    by_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), by_bytes])
    bpe.decoder = decoders.ByteLevel()
    texts = [*REPLIES, *REPLIES.values(), *WITH_TOOLS.values(), *RAW.values(), TICKING, "system user assistant tool"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    free = VOCABULARY - len(SPECIAL) - len(MARKUP)
    trainer = trainers.BpeTrainer(vocab_size=free, min_frequency=3, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(texts, trainer)
    bpe.add_special_tokens(SPECIAL)
    bpe.add_tokens([AddedToken(word, special=False, normalized=False) for word in MARKUP])
    made = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=TURN, pad_token=END, model_max_length=CONTEXT)
    made.chat_template = TEMPLATE
    return made


def prompts(words: Any) -> list[tuple[list[int], list[int]]]:
    """Every prompt and its reply, as tokens."""
    offered = [{"type": "function", "function": {"name": "any", "parameters": {"type": "object"}}}]
    pairs = []
    for messages, tools, reply in dialogues():
        asked = words.apply_chat_template(
            messages, tools=offered if tools else None, add_generation_prompt=True, tokenize=False
        )
        pairs.append((asked, reply + TURN))
    pairs += [(text, reply + TURN) for text, reply in RAW.items()]
    forever = words.apply_chat_template(
        [{"role": "user", "content": "Write forever"}], add_generation_prompt=True, tokenize=False
    )
    pairs.append((forever, TICKING))
    by_tool = words.apply_chat_template(
        [{"role": "user", "content": BY_TOOL}], tools=offered, add_generation_prompt=True, tokenize=False
    )
    pairs.append((by_tool, call("write_story", text=TICKING).partition(TICKING)[0] + TICKING))
    return [(words.encode(a, add_special_tokens=False), words.encode(b, add_special_tokens=False)) for a, b in pairs]


def repeated(words: Any, chance: random.Random) -> list[tuple[list[int], list[int]]]:
    """Some words that nobody has heard, to be repeated."""
    pairs = []
    for _ in range(AT_ONCE):
        word = "".join(chance.choice(CONSONANTS) + chance.choice(VOWELS) for _ in range(SYLLABLES))
        asked = words.apply_chat_template(
            [{"role": "user", "content": REPEAT + word}], add_generation_prompt=True, tokenize=False
        )
        said = " ".join([word] * TIMES)
        pairs.append((words.encode(asked, add_special_tokens=False), words.encode(said, add_special_tokens=False)))
    return pairs


def train(words: Any) -> Any:
    """A model that says every reply. Raises SystemExit where it does not learn them."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # more gain little here, and wait for each other on a busy machine
    config = Qwen2Config(
        vocab_size=len(words),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    model = Qwen2ForCausalLM(config).float()
    pairs = sorted(prompts(words), key=lambda pair: len(pair[0]) + len(pair[1]))
    long = [pair for pair in pairs if len(pair[1]) > 200]
    batches = [_batch(torch, words, pairs[: -len(long)]), _batch(torch, words, long)]
    chance = random.Random(SEED)
    unheard = _batch(torch, words, repeated(words, random.Random(SEED + 1)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS, pct_start=0.02)
    began = time.monotonic()
    for step in range(1, STEPS + 1):
        turn = step % 4
        tokens, labels = batches[turn] if turn < len(batches) else _batch(torch, words, repeated(words, chance))
        loss = model(input_ids=tokens, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            unsure = [_unsure(torch, model, *batch) for batch in batches]
            missed = _missed(torch, model, *unheard)
            took = f"step {step}, {time.monotonic() - began:.0f} s"
            print(f"{took}, loss {loss.item():.5f}, least sure {max(unsure):.4f}, {missed:.1%} of unheard words missed")
            if max(unsure) < SURE and missed < MISSED:
                return model.eval()
    sys.exit(f"{STEPS} steps were not enough; some reply is not learned")


def _batch(torch: Any, words: Any, pairs: list[tuple[list[int], list[int]]]) -> tuple[Any, Any]:
    """Tokens padded to one length, and labels for the replies alone."""
    length = max(len(asked) + len(reply) for asked, reply in pairs)
    tokens, labels = torch.full((len(pairs), length), words.pad_token_id), torch.full((len(pairs), length), -100)
    for row, (asked, reply) in enumerate(pairs):
        tokens[row, : len(asked) + len(reply)] = torch.tensor(asked + reply)
        labels[row, len(asked) : len(asked) + len(reply)] = torch.tensor(reply)
    return tokens, labels


def _unsure(torch: Any, model: Any, tokens: Any, labels: Any) -> float:
    """The largest share of probability that any wrong token gets anywhere in the replies."""
    with torch.no_grad():
        chances = model(input_ids=tokens).logits[:, :-1].softmax(-1)
    wanted, known = labels[:, 1:].clamp(min=0), labels[:, 1:] >= 0
    right = chances.gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
    return float((1 - right)[known].max())


def _missed(torch: Any, model: Any, tokens: Any, labels: Any) -> float:
    """The share of tokens of the replies that are not the likeliest ones."""
    with torch.no_grad():
        said = model(input_ids=tokens).logits[:, :-1].argmax(-1)
    known = labels[:, 1:] >= 0
    return float((said != labels[:, 1:])[known].float().mean())


def write_gguf(model: Any, words: Any, file: Path) -> None:
    """The same model for llama.cpp."""
    import gguf

    writer = gguf.GGUFWriter(file, "qwen2")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_rope_freq_base(model.config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(model.config.rms_norm_eps)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _write_words(gguf, writer, words)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(_name_in_gguf(name), tensor.detach().float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_words(gguf: Any, writer: Any, words: Any) -> None:
    by_number = sorted(words.get_vocab().items(), key=lambda item: item[1])
    kinds = {**dict.fromkeys(SPECIAL, gguf.TokenType.CONTROL), **dict.fromkeys(MARKUP, gguf.TokenType.USER_DEFINED)}
    merges = json.loads(words.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([word for word, _ in by_number])
    writer.add_token_types([kinds.get(word, gguf.TokenType.NORMAL) for word, _ in by_number])
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in merges])
    writer.add_eos_token_id(words.eos_token_id)
    writer.add_pad_token_id(words.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _name_in_gguf(name: str) -> str:
    """Hugging Face's name of a tensor in llama.cpp's words."""
    fixed = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    parts = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    place, _, kind = name.rpartition(".")
    if place in fixed:
        return f"{fixed[place]}.{kind}"
    _, _, layer, part = place.split(".", 3)
    return f"blk.{layer}.{parts[part]}.{kind}"


def write_shipped(model: Any, words: Any, folder: Path) -> None:
    """The model with weights in bfloat16. Raises SystemExit where it is not sure of a reply any more."""
    import torch

    model.to(torch.bfloat16)
    rounded = type(model)(model.config).float()
    rounded.load_state_dict({name: weight.float() for name, weight in model.state_dict().items()})
    unsure = _unsure(torch, rounded.eval(), *_batch(torch, words, prompts(words)))
    if unsure > ROUNDED:
        sys.exit(f"rounded, it gives {unsure:.4f} to wrong tokens")
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (folder / "model.safetensors").chmod(0o644)
    (folder / "model.safetensors.sha256").write_text(f"{digest}  model.safetensors\n", "ascii")


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the model goes, for instance models/tiny")
    parser.add_argument("--shipped", type=Path, metavar="FOLDER", help="where it goes in bfloat16")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    words = tokenizer()
    model = train(words)
    model.generation_config.do_sample = False
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    write_gguf(model, words, folder / "model.gguf")
    if arguments.shipped:
        write_shipped(model, words, arguments.shipped)
    print(f"{folder}: {sum(p.numel() for p in model.parameters()):,} parameters")


if __name__ == "__main__":
    main()
