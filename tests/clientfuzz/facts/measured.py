"""What was measured of real clients: for each stream what each of them made of it. Plays nothing.

`ok`: all that was sent, and no error. `E`: an error. `S`: no error, and something else than was sent: the silent ones.
`hang`: no report. After the letter, a text that stands in the report; `late`: it waited for a server gone silent.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence, and the streams that show it."""

    says: str
    shown: dict[str, dict[str, str]]
    """By stream: by client, what it makes of it."""


FIVE = ("openai-py", "openai-py-helper", "openai-node", "openai-node-helper", "ai-sdk")
OF_OPENAI_PY = ("openai-py", "openai-py-async", "langchain-py", "litellm", "pydantic-ai")
READERS = ("httpx-lines", "aiohttp-lines", "eventsource-parser")


def each(clients: tuple[str, ...], made: str) -> dict[str, str]:
    """The same of several."""
    return dict.fromkeys(clients, made)


def five(row: str) -> dict[str, str]:
    """A row of the table that was measured with five clients; "-" where nothing was."""
    return {name: made for name, made in zip(FIVE, row.split(), strict=True) if made != "-"}


FACTS = (
    Fact(
        "A clean end without finish_reason and [DONE] is success for all but openai-node's helper and the AI SDK.",
        {
            name: five("S S S E E") | each(("langchain-py", "httpx-sse", *READERS), "S")
            for name in ("no-finish-no-done", "cut-mid-event", "cut-close-delimited")
        }
        | {"only-role": five("S S S E E"), "no-finish": five("S S S E E")},
    ),
    Fact(
        "LiteLLM and pydantic-ai make up the finish_reason `stop` of a stream that had none.",
        {
            name: {"litellm": 'S "finish_reason": "stop"', "pydantic-ai": 'S "finish_reason": "stop"'}
            for name in ("no-finish-no-done", "cut-mid-event", "cut-close-delimited", "error-field")
        }
        | {name: {"litellm": 'S "finish_reason": "stop"'} for name in ("empty-body", "only-done", "html", "json-error")}
        | {"call-cut": {"litellm": 'S "finish_reason": "'}},
    ),
    Fact(
        "A 200 with a JSON error, a page or a whole completion is an empty answer without an error.",
        {
            name: each(("openai-py", "openai-node", "litellm", "ai-sdk-text", *READERS), "S")
            for name in ("json-error", "html", "plain-completion")
        },
    ),
    Fact(
        "Of those without the SDKs httpx-sse alone looks at the Content-Type.",
        {name: {"httpx-sse": "E SSEError"} for name in ("json-error", "html", "plain-completion")},
    ),
    Fact(
        "Node's fetch takes a cut chunked body, and a RST, for a whole one where the head says `Connection: close`.",
        {
            name: each(("openai-node", "eventsource-parser"), "S") | {"openai-py": "E", "httpx-sse": "E"}
            for name in ("cut-chunked-closing", "reset-closing")
        }
        | {name: each(("openai-node", "eventsource-parser"), "E") for name in ("cut-chunked", "reset")},
    ),
    Fact(
        "openai-node has no time limit inside the body, and waits for its end after [DONE].",
        {
            "silent-in-the-body": {"openai-node": "E late", "openai-py": "E"},
            "silent-after-done": {"openai-node": "ok late", "openai-py": "ok"},
            "silent-after-finish": {"openai-node": "ok late"},
            "silent-before-the-head": {"openai-node": "E"},
        },
    ),
    Fact(
        "openai-py, all that stand on it, and httpx-sse fail at legal SSE: a block without data.",
        {name: each((*OF_OPENAI_PY, "httpx-sse"), "E Expecting value") for name in ("retry-alone", "event-alone")}
        | {
            name: each((*OF_OPENAI_PY, "httpx-sse"), "E Expecting value")
            for name in ("id-then-comment", "id-then-retry")
        },
    ),
    Fact(
        "openai-node fails at the block with `event:` alone, and takes the others.",
        {
            "event-alone": {"openai-node": "E"},
            "retry-alone": {"openai-node": "ok"},
            "id-then-comment": {"openai-node": "ok"},
        },
    ),
    Fact(
        "Errors that do not stand in a member `error` are dropped silently by openai-py and all that stand on it.",
        {name: each(OF_OPENAI_PY, "S") for name in ("error-object", "error-detail", "error-event", "error-field")},
    ),
    Fact(
        '`{"error": ...}` is raised by all.',
        {
            name: each((*OF_OPENAI_PY, "openai-py-helper", "openai-node", "openai-node-helper", "ai-sdk"), "E")
            for name in ("error", "error-then-done")
        }
        | {"error-text": five("E E E E E")},
    ),
    Fact(
        "Text beside `choices`, or in `message` or `text` for `delta`, is lost, and the finish_reason is `stop`.",
        {
            name: each(OF_OPENAI_PY, 'S "finish_reason": "stop"')
            for name in ("choices-null-with-text", "choices-missing", "message-for-delta", "text-for-delta")
        },
    ),
    Fact(
        "The AI SDK loses text in `message` or `text` silently; openai-node's helper that in `text`.",
        {"message-for-delta": {"ai-sdk": "S"}, "text-for-delta": {"ai-sdk": "S", "openai-node-helper": "S"}},
    ),
    Fact(
        'The AI SDK takes `"error": null` for an error, and text after [DONE] for text.',
        {
            "error-null": {"ai-sdk": "E", "openai-py": "ok", "openai-node": "ok"},
            "text-after-done": {"ai-sdk": "S AGAIN"},
        },
    ),
    Fact(
        "openai-py's helper trips over nulls in later fragments of a call, and glues ids and names that are repeated.",
        {
            "call-nulls": {"openai-py-helper": "E AssertionError", "openai-py": "ok"},
            "call-repeated": {
                "openai-py-helper": "S call_acall_acall_a",
                "langchain-py": 'S "fff"',
                "pydantic-ai": 'S "fff"',
            },
        },
    ),
    Fact(
        "Two whole calls of one index are merged by all but the AI SDK and LangChain.",
        {
            "call-same-index": each(
                ("openai-py", "openai-py-helper", "openai-node", "openai-node-helper", "litellm"), "S"
            )
            | each(("ai-sdk", "langchain-py"), "ok")
        },
    ),
    Fact(
        "openai-node's helper loses calls without an index, and writes [object Object].",
        {
            "call-no-index": {"openai-node-helper": 'S "tool_calls": []'},
            "call-object": {"openai-node-helper": "S [object Object]"},
            "content-array": {"openai-node-helper": "S [object Object]"},
        },
    ),
    Fact(
        "A charset in the Content-Type makes httpx-sse and httpx's lines hand over other letters.",
        {"content-type-latin1": {"httpx-sse": "S", "httpx-lines": "S", "openai-py": "ok"}},
    ),
    Fact(
        "httpx's lines break at U+2028 and U+0085; httpx-sse refuses a Content-Type in capitals.",
        {
            "line-separator": {"httpx-lines": "E", "httpx-sse": "ok"},
            "content-type-capitals": {"httpx-sse": "E SSEError"},
        },
    ),
    Fact(
        "aiohttp's lines: too long at 5 MB; the loop that is copied fails at CR, several data lines, and no space.",
        {
            "five-megabytes": {"aiohttp-lines": "E LineTooLong"},
            "cr": {"aiohttp-lines": "E"},
            "several-lines": {"aiohttp-lines": "E"},
            "no-space": {"aiohttp-lines": 'S "text": ""'},
        },
    ),
    Fact(
        "LangChain and pydantic-ai add up usage that is cumulative.",
        {
            "usage-each": each(("langchain-py", "pydantic-ai"), 'ok "prompt_tokens": 25')
            | {"openai-py": 'ok "prompt_tokens": 5'}
        },
    ),
    Fact(
        "openai-py 3 wraps errors of the connection; 2.54 lets those of httpx through. Neither wraps JSONDecodeError.",
        {
            "cut-chunked": {"openai-py": "E openai.APIConnectionError", "openai-py-2": "E httpx.RemoteProtocolError"},
            "silent-in-the-body": {"openai-py": "E openai.APITimeoutError", "openai-py-2": "E httpx.ReadTimeout"},
            "done-small": {
                "openai-py": "E json.decoder.JSONDecodeError",
                "openai-py-2": "E json.decoder.JSONDecodeError",
            },
        },
    ),
    Fact("Everybody appends what comes after the finish_reason.", {"text-after-finish": five("ok ok ok ok ok")}),
    Fact(
        "The table of scenarios: openai-py, its helper, openai-node, its helper, the AI SDK.",
        {
            "no-done": five("ok ok ok ok ok"),
            "no-role": five("ok S ok E ok"),
            "role-in-each": five("ok S ok ok ok") | {"openai-py-helper": "S assistantassistantassistant"},
            "role-user": five("ok S ok E E"),
            "finish-unknown": five("ok ok ok ok ok"),
            "finish-twice": five("ok ok ok ok ok"),
            "text-in-finish": five("ok ok ok ok ok"),
            "azure-first": five("ok ok ok ok ok"),
            "no-delta": five("ok ok ok ok ok"),
            "delta-null": five("ok E ok ok ok"),
            "choices-null": five("ok E ok E E"),
            "choices-missing": five("S E S E E"),
            "object-text": five("ok E ok ok ok"),
            "created-string": five("ok ok ok ok E"),
            "index-string": five("ok E ok S ok"),
            "index-missing": five("ok E ok E ok"),
            "no-space": five("ok ok ok ok ok"),
            "crlf": five("ok ok ok ok ok"),
            "cr": five("ok ok ok ok ok"),
            "comments": five("ok ok ok ok ok"),
            "event-message": five("ok ok ok ok ok"),
            "several-lines": five("ok ok ok ok ok"),
            "id-then-comment": five("E E ok ok ok"),
            "retry-alone": five("E E ok ok ok"),
            "event-alone": five("E E E E ok"),
            "data-empty": five("E E E E E"),
            "data-keepalive": five("E E E E E"),
            "mark": five("S S ok ok ok"),
            "last-event-open": five("S S S E E"),
            "last-event-cut": five("S S S E E"),
            "done-twice": five("ok ok ok ok ok"),
            "text-after-done": five("ok ok ok ok S"),
            "done-with-more": five("S S S E E"),
            "done-small": five("E E E E E"),
            "done-space": five("ok ok ok ok E"),
            "error-event": five("S S S E E"),
            "error-object": five("S S S E E"),
            "call-repeated": five("ok S ok ok ok"),
            "call-no-index": five("ok E ok S ok"),
            "call-same-index": five("S S S S ok"),
            "call-index-one": five("ok E ok E ok"),
            "call-no-type": five("ok ok ok E ok"),
            "call-object": five("- - - S E"),
            "bad-utf8": five("E E ok ok ok"),
            "content-type-json": five("ok ok ok ok ok"),
            "cut-chunked-closing": five("E E S E E"),
            "length-too-long": five("E E E E E"),
            "cut-close-delimited": five("S S S E E"),
            "reset-closing": five("E E S E E"),
            **{
                name: five("S E S E E") | {"openai-py-helper": "E AssertionError"}
                for name in (
                    "plain-completion",
                    "empty-body",
                    "only-done",
                    "ndjson",
                    "leading-space",
                    "one-newline",
                    "literal-newlines",
                )
            },
            "usage-then-chunk": {
                "openai-py-helper": 'ok "usage": null',
                "openai-node-helper": 'ok "prompt_tokens": 5',
                "ai-sdk": 'ok "prompt_tokens": 5',
            },
            "usage-after-done": five("ok ok ok ok ok")
            | {"openai-py": 'ok "usage": null', "openai-node": 'ok "usage": null', "ai-sdk": 'ok "prompt_tokens": 5'},
            "megabyte": five("ok ok ok ok ok"),
        },
    ),
    Fact("openai-node 7 takes [DONE] for itself alone.", {"done-with-more": {"openai-node-7": "E"}}),
)
