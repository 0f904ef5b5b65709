// eventsource-parser over fetch: the events of `EventSourceParserStream`, each read as JSON up to [DONE].
import { EventSourceParserStream } from "eventsource-parser/stream";
import { BODY, TIMEOUT, report } from "./reporting.mjs";

await report(async (baseURL, model, heard) => {
  const response = await fetch(`${baseURL}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...BODY, model }),
    signal: AbortSignal.timeout(2 * TIMEOUT), // of the whole answer: fetch knows no other
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const event of events) {
    if (event.data === "[DONE]") break;
    const chunk = JSON.parse(event.data);
    heard.chunk({ ...chunk, choices: [...chunk.choices] }); // throws where there are none
  }
});
