// openai (JavaScript): the helper `.stream()`, its chunks and then the completion that it put together.
import OpenAI from "openai";
import { MESSAGES, TIMEOUT, report } from "./reporting.mjs";

await report(async (baseURL, model, heard) => {
  const client = new OpenAI({ baseURL, apiKey: "any", timeout: TIMEOUT, maxRetries: 0 });
  const runner = client.chat.completions.stream({
    model, messages: MESSAGES, stream_options: { include_usage: true },
  });
  runner.on("content", (delta) => (heard.text += delta));
  for await (const _ of runner) heard.chunks += 1;
  const completion = await runner.finalChatCompletion();
  const { message, finish_reason } = completion.choices[0];
  Object.assign(heard, { text: message.content ?? "", finish_reason, usage: completion.usage, role: message.role });
  heard.tool_calls = (message.tool_calls ?? []).map((call) => ({ id: call.id, ...call.function }));
});
