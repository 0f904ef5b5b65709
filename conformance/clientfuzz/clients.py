"""The clients that have an adapter: what each is called, which packages it is, how it is asked. Judges nothing.

The versions are those the page of docs/clients was made with; another version is another row.
"""

from dataclasses import dataclass
from pathlib import Path

ADAPTERS = Path(__file__).parent / "adapters"


@dataclass(frozen=True, slots=True)
class Client:
    """One way to use one client."""

    name: str
    script: str
    """A file of the folder `adapters`; its suffix says what runs it."""
    packages: tuple[str, ...]
    """As the package manager writes them, the client first."""
    way: str
    """How the adapter asks, in its own words."""
    by_hand: bool = False
    """The client brings HTTP or SSE alone: the loop that reads the chunks is the adapter's."""

    @property
    def in_python(self) -> bool:
        """Whether the client is a library for Python; it is one for JavaScript otherwise."""
        return self.script.endswith(".py")

    @property
    def hands_over_chunks(self) -> bool:
        """Whether it leaves it to the application to put text and tool calls together; here the adapter's loop does."""
        text = (ADAPTERS / self.script).read_text("utf-8")
        return "heard.chunk(" in text or "heard.document(" in text

    @property
    def version(self) -> str:
        """The version of the client itself."""
        return self.packages[0].replace("==", "@").rpartition("@")[2]


OPENAI = ("openai==3.51.0",)
OPENAI_OLD = ("openai==2.54.0",)
HTTPX = ("httpx==0.28.1",)
OPENAI_NODE = ("openai@6.49.0",)
NODE = "node@22.23.3"  # those two refuse older ones
OPENAI_NODE_NEW = ("openai@7.55.0", NODE)
AI = ("ai@6.0.326", "@ai-sdk/openai-compatible@2.0.87")
AI_NEW = ("ai@7.0.173", "@ai-sdk/openai-compatible@3.0.92", NODE)
LANGCHAIN = ("langchain-openai==1.7.3", "langchain-core==1.7.2", *OPENAI)
LLAMA_INDEX = ("llama-index-llms-openai-like==0.8.1", *OPENAI_OLD)
LANGCHAIN_NODE = ("@langchain/openai@1.6.0", "@langchain/core@1.2.13")
SSECLIENT = ("sseclient-py==1.9.0", "requests==2.34.2")
AIOHTTP = ("aiohttp==3.14.5",)
HTTPX_SSE = ("httpx-sse==0.4.3", *HTTPX)
LITELLM = ("litellm==1.106.2", *OPENAI_OLD)
PYDANTIC_AI = ("pydantic-ai-slim[openai]==2.68.0", *OPENAI)
PARSER = ("eventsource-parser@3.1.1",)

CLIENTS = (
    Client("openai-py", "openai_py.py", OPENAI, "`create(stream=True)`"),
    Client("openai-py-async", "openai_py_async.py", OPENAI, "`AsyncOpenAI`, `create(stream=True)`"),
    Client("openai-py-helper", "openai_py_helper.py", OPENAI, "`.stream()` and its final completion"),
    Client("openai-py-2", "openai_py.py", OPENAI_OLD, "`create(stream=True)`"),
    Client("langchain-py", "langchain_py.py", LANGCHAIN, "`ChatOpenAI.stream()`"),
    Client("litellm", "litellm_py.py", LITELLM, "`completion(stream=True)`"),
    Client("pydantic-ai", "pydantic_ai_py.py", PYDANTIC_AI, "`model_request_stream`"),
    Client("llama-index", "llama_index_py.py", LLAMA_INDEX, "`OpenAILike.stream_chat()`"),
    Client("openai-node", "openai_node.mjs", OPENAI_NODE, "`create({ stream: true })`"),
    Client("openai-node-helper", "openai_node_helper.mjs", OPENAI_NODE, "`.stream()` and its final completion"),
    Client("openai-node-7", "openai_node.mjs", OPENAI_NODE_NEW, "`create({ stream: true })`"),
    Client("openai-node-7-helper", "openai_node_helper.mjs", OPENAI_NODE_NEW, "`.stream()` and its final completion"),
    Client("ai-sdk", "ai_sdk.mjs", AI, "`streamText`, `fullStream`"),
    Client("ai-sdk-text", "ai_sdk_text.mjs", AI, "`streamText`, `textStream` alone"),
    Client("ai-sdk-7", "ai_sdk.mjs", AI_NEW, "`streamText`, `fullStream`"),
    Client("langchain-node", "langchain_node.mjs", LANGCHAIN_NODE, "`ChatOpenAI.stream()`"),
    Client("httpx-sse", "httpx_sse_py.py", HTTPX_SSE, "`connect_sse`", by_hand=True),
    Client("sseclient-py", "sseclient_py.py", SSECLIENT, "`SSEClient` over requests", by_hand=True),
    Client("eventsource-parser", "eventsource_parser.mjs", PARSER, "over `fetch`", by_hand=True),
    Client("httpx-lines", "httpx_lines_py.py", HTTPX, "`iter_lines`, no reader of SSE", by_hand=True),
    Client("aiohttp-lines", "aiohttp_lines_py.py", AIOHTTP, "lines of `content`, no reader of SSE", by_hand=True),
)  # fmt: skip


def client(name: str) -> Client:
    """The client of this name. Raises `KeyError` where there is none."""
    return {client.name: client for client in CLIENTS}[name]
