"""Text completions as streams and as documents, byte by byte."""

from conformance.protocols.completions import emitter
from conformance.protocols.completions.emitter import Completion, Token, Written

HEAD = '{"id":"cmpl-1","object":"text_completion","created":5,"choices":['
TAIL = '],"model":"m","system_fingerprint":"fp"'


def reply(*choices: Written) -> Completion:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return Completion(id="cmpl-1", created=5, model="m", system_fingerprint="fp", choices=choices, usage=usage)


def message(text: str, index: int = 0, finish: str = "null", logprobs: str = "null", usage: str = "") -> str:
    return f'{HEAD}{{"text":"{text}","index":{index},"logprobs":{logprobs},"finish_reason":{finish}}}{TAIL}{usage}}}'


def test_a_stream_is_the_tokens_the_finish_and_done() -> None:
    hello = reply(Written(tokens=(Token("Hé"), Token(" you")), finish_reason="length"))
    wanted = [message("Hé"), message(" you"), message("", finish='"length"'), "[DONE]"]
    assert wanted == list(emitter.messages(hello, usage=False))


def test_usage_comes_in_a_chunk_of_its_own_and_is_null_elsewhere() -> None:
    hello = reply(Written(tokens=(Token("a"),), finish_reason="stop"))
    null = ',"usage":null'
    counted = f'{HEAD}{TAIL},"usage":{{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}}}'
    wanted = [message("a", usage=null), message("", finish='"stop"', usage=null), counted, "[DONE]"]
    assert wanted == list(emitter.messages(hello, usage=True))


def test_choices_take_turns_and_echo_comes_first() -> None:
    one = Written(tokens=(Token("a"), Token("b")), finish_reason="stop", echoed=(Token("P"), Token("!")), prompt="P!")
    two = Written(tokens=(Token("c"),), finish_reason="stop", echoed=(Token("Q"),), prompt="Q")
    said = [(c["index"], c["text"]) for chunk in emitter.chunks(reply(one, two), usage=False) for c in chunk["choices"]]
    assert [(0, "P!"), (1, "Q"), (0, "a"), (1, "c"), (0, "b"), (0, ""), (1, "")] == said


def test_offsets_go_on_from_the_prompt_over_chunks() -> None:
    tokens = (Token("ab", -1.0, {"ab": -1.0}), Token("c", -2.0, {"c": -2.0}))
    choice = Written(tokens=tokens, finish_reason="stop", prompt="Hey", with_logprobs=True)
    found = [c["choices"][0]["logprobs"] for c in emitter.chunks(reply(choice), usage=False)]
    assert [[3], [5]] == [logprobs["text_offset"] for logprobs in found[:2]]
    assert found[2] is None
    whole = emitter.completion(reply(choice))["choices"][0]["logprobs"]
    assert (["ab", "c"], [-1.0, -2.0], [3, 5]) == (whole["tokens"], whole["token_logprobs"], whole["text_offset"])


def test_an_echoed_document_has_the_prompt_and_its_tokens_in_front() -> None:
    choice = Written(
        tokens=(Token("c", -2.0, {"c": -2.0}),),
        finish_reason="stop",
        echoed=(Token("Hey"),),
        prompt="Hey",
        with_logprobs=True,
    )
    found = emitter.completion(reply(choice))["choices"][0]
    assert ("Heyc", [None, -2.0], [0, 3]) == (
        found["text"],
        found["logprobs"]["token_logprobs"],
        found["logprobs"]["text_offset"],
    )
