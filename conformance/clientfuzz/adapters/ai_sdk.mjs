// Vercel AI SDK: `streamText`, the parts of its `fullStream`.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";
import { TIMEOUT, report } from "./reporting.mjs";

await report(async (baseURL, model, heard) => {
  const provider = createOpenAICompatible({ name: "mock", baseURL, apiKey: "any", includeUsage: true });
  const result = streamText({
    model: provider(model), prompt: "Say hi", maxRetries: 0, timeout: { chunkMs: TIMEOUT, stepMs: 2 * TIMEOUT }, onError: () => {},
  });
  let failed = null; // the stream goes on after an error
  for await (const part of result.fullStream) {
    heard.chunks += 1;
    if (part.type === "text-delta") heard.text += part.text;
    else if (part.type === "error") failed ??= part.error ?? new Error("a part of type error, and no error in it");
    else if (part.type === "abort") failed ??= new Error("aborted");
    else if (part.type === "tool-call")
      heard.tool_calls.push({
        id: part.toolCallId,
        name: part.toolName,
        arguments: typeof part.input === "string" ? part.input : JSON.stringify(part.input),
      });
    else if (part.type === "finish-step") {
      // "other" is its word for none as well as for one that it does not know; then the server's own word decides
      heard.finish_reason = part.finishReason === "other" ? (part.rawFinishReason ?? null) : part.finishReason.replace("-", "_");
      const { inputTokens, outputTokens, totalTokens } = part.usage;
      heard.usage = inputTokens === undefined ? null : { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: totalTokens };
    }
  }
  if (failed) throw failed;
});
