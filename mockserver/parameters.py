"""Which members a request for a chat completion may have. Knows nothing of their values."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


OPENAI = _names(
    "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages "
    "metadata modalities model n parallel_tool_calls prediction presence_penalty prompt_cache_key "
    "prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store stream "
    "stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options"
)
"""CreateChatCompletionRequest of the OpenAI OpenAPI document."""
EXTENSIONS = _names(
    "add_generation_prompt best_of cache_prompt chat_template chat_template_kwargs continue_final_message "
    "enable_thinking grammar guided_choice guided_grammar guided_json guided_regex ignore_eos include_reasoning "
    "include_stop_str_in_output json_schema length_penalty min_p min_tokens mirostat no_stop_trim options provider "
    "reasoning reasoning_format repeat_penalty repetition_penalty return_hidden_states return_token_ids "
    "separate_reasoning skip_special_tokens stop_token_ids stream_reasoning structured_outputs thinking top_a top_k "
    "transforms typical_p"
)
"""Members that clients of vLLM, SGLang, llama.cpp, Ollama and OpenRouter send; here they change nothing."""


def unknown(body: dict[str, object]) -> str | None:
    """The first member that nobody knows."""
    return next((name for name in body if name not in OPENAI and name not in EXTENSIONS), None)


def tier_of(body: dict[str, object]) -> str:
    """The tier that a request is served in: the one it names, but "auto" is the default one."""
    asked = body.get("service_tier")
    return asked if isinstance(asked, str) and asked != "auto" else "default"
