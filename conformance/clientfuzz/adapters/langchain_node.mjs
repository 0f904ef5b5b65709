// LangChain (JavaScript): `new ChatOpenAI(...).stream()`, the chunks joined as its documentation does.
import { ChatOpenAI } from "@langchain/openai";
import { TIMEOUT, report } from "./reporting.mjs";

await report(async (baseURL, model, heard) => {
  const chat = new ChatOpenAI({ model, apiKey: "any", timeout: TIMEOUT, maxRetries: 0, configuration: { baseURL } });
  let answer;
  for await (const chunk of await chat.stream("Say hi")) {
    heard.chunks += 1;
    answer = answer === undefined ? chunk : answer.concat(chunk);
    heard.text += chunk.text;
    heard.finish_reason = answer.response_metadata.finish_reason ?? null;
    heard.tool_calls = (answer.tool_call_chunks ?? []).map((call) => ({ id: call.id, name: call.name, arguments: call.args }));
    const usage = answer.usage_metadata;
    if (usage) heard.usage = { prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens, total_tokens: usage.total_tokens };
  }
});
