"""Requests for a text completion that a server has to refuse. Knows nothing of what the refusal says.

A request without a prompt is none of them: the OpenAPI document gives it a default.
"""

from dataclasses import replace

from conformance.protocols.completions import emitter
from conformance.rules.chat import refusals as chat
from conformance.rules.sources import OPENAPI, RFC9110, SUITE
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Send

from .needs import BAD_JSON, INVALID, OUT_OF_RANGE, WRONG_TYPE
from .of_chat import of_chat

REPLY = emitter.Completion(
    id="cmpl-refusednot",
    created=1_767_225_600,
    model="mock",
    system_fingerprint="fp_0000000000",
    choices=(emitter.Written(tokens=(emitter.Token("Hello"), emitter.Token("!")), finish_reason="stop"),),
)


@chat.on_refusal
def answered_with_a_stream(answer: Answer) -> Answer:
    """Nobody looks at the request, or what is wrong with it is put right without a word."""
    good = chat.answered_with_a_stream(answer)
    acts = tuple(Send(encoder.message(message)) for message in emitter.messages(REPLY, usage=False))
    return replace(good, acts=acts, framing=Framing.CHUNKED)


bad_json = of_chat(
    chat.bad_json,
    RFC9110.at("15.5.1: 400, malformed request syntax"),
    SUITE.at("422 is what FastAPI answers"),
    needs=BAD_JSON,
    broken_by=(answered_with_a_stream, chat.not_found),
)
wrong_type = of_chat(
    chat.wrong_type,
    OPENAPI.at("CreateCompletionRequest: types"),
    needs=WRONG_TYPE,
    broken_by=(answered_with_a_stream,),
)
out_of_range = of_chat(
    chat.out_of_range,
    OPENAPI.at("CreateCompletionRequest: n 1 to 128, temperature 0 to 2, top_p 0 to 1, logprobs 0 to 5"),
    needs=OUT_OF_RANGE,
    says="A request with n, logprobs, temperature or top_p out of range is refused with a 4xx status.",
    broken_by=(answered_with_a_stream,),
)
no_server_error = of_chat(chat.no_server_error, needs=INVALID, broken_by=(chat.server_error, chat.bad_gateway))

RULES = (bad_json, wrong_type, out_of_range, no_server_error)
