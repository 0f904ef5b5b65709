// Vercel AI SDK: `streamText`, its `textStream` alone, as the first example of its documentation does. It tells neither
// errors nor the finish_reason.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";
import { TIMEOUT, report } from "./reporting.mjs";

await report(async (baseURL, model, heard) => {
  const provider = createOpenAICompatible({ name: "mock", baseURL, apiKey: "any" });
  const result = streamText({ model: provider(model), prompt: "Say hi", maxRetries: 0, timeout: { chunkMs: TIMEOUT, stepMs: 2 * TIMEOUT } });
  for (const unknown of ["finish_reason", "tool_calls", "usage"]) delete heard[unknown];
  for await (const text of result.textStream) {
    heard.chunks += 1;
    heard.text += text;
  }
});
