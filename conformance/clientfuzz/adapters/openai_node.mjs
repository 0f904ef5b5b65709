// openai (JavaScript): `create({ stream: true })`, chunk by chunk.
import OpenAI from "openai";
import { MESSAGES, TIMEOUT, report } from "./reporting.mjs";

await report(async (baseURL, model, heard) => {
  const client = new OpenAI({ baseURL, apiKey: "any", timeout: TIMEOUT, maxRetries: 0 });
  const stream = await client.chat.completions.create({
    model, messages: MESSAGES, stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) heard.chunk(chunk);
});
