// What every adapter in JavaScript owes its caller: one line of JSON for each case. Knows no client, judges nothing.
//
// An adapter says how its client asks once and fills `heard` as the answer comes, so that an error leaves what came
// before. With a base URL and a model as arguments it asks once; without, it reads {"base_url", "model"} line by line
// from stdin.
import { createInterface } from "node:readline";

export const TIMEOUT = Math.round(1000 * Number(process.env.STREAMSPEC_TIMEOUT ?? 3)); // milliseconds
export const MESSAGES = [{ role: "user", content: "Say hi" }];
export const BODY = { messages: MESSAGES, stream: true, stream_options: { include_usage: true } };

const write = process.stdout.write.bind(process.stdout);
console.log = console.info = console.error; // stdout holds the report alone

class Heard {
  text = "";
  finish_reason = null;
  tool_calls = [];
  usage = null;
  chunks = 0;
  #choices = new Map(); // by index: text and finish_reason
  #calls = new Map(); // by index

  // A chunk of OpenAI's shape, read by a patient loop: what is there of it. One choice was asked for: the first that says
  // something counts. Parts of a tool call are joined to the others of their index, whatever comes first.
  chunk(chunk) {
    this.chunks += 1;
    this.usage = chunk.usage ?? this.usage;
    for (const choice of chunk.choices ?? []) {
      const index = Number(choice.index) || 0;
      const { text, finish_reason } = this.#choices.get(index) ?? { text: "", finish_reason: null };
      this.#choices.set(index, {
        text: text + (choice.delta?.content ?? ""), finish_reason: choice.finish_reason ?? finish_reason,
      });
      const known = [...this.#choices.keys()].sort((one, other) => one - other);
      const counts = known.find((each) => this.#choices.get(each).text) ?? known[0];
      Object.assign(this, this.#choices.get(counts));
      this.finish_reason ??= known.map((each) => this.#choices.get(each).finish_reason).find((reason) => reason) ?? null;
      if (index === counts) for (const part of choice.delta?.tool_calls ?? []) this.#partOfCall(part);
    }
  }

  #partOfCall({ index, id, function: { name, arguments: text } = {} }) {
    if (!this.#calls.has(index)) {
      this.#calls.set(index, { id: null, name: null, arguments: "" });
      this.tool_calls.push(this.#calls.get(index));
    }
    const call = this.#calls.get(index);
    Object.assign(call, { id: call.id ?? id, name: call.name ?? name });
    if (text != null) call.arguments = call.arguments ? call.arguments + text : text;
  }
}

async function one({ base_url, model }, ask) {
  const heard = new Heard();
  let error = null;
  try {
    await ask(base_url, model, heard);
  } catch (thrown) {
    const cause = thrown?.cause ? ` (${thrown.cause.message ?? thrown.cause})` : "";
    error = { class: thrown?.constructor?.name ?? typeof thrown, message: `${thrown?.message ?? thrown}${cause}`.slice(0, 1000) };
  }
  write(JSON.stringify({ ...heard, error }) + "\n");
}

export async function report(ask) {
  const [base_url, model] = process.argv.slice(2);
  if (base_url) await one({ base_url, model }, ask);
  else for await (const line of createInterface({ input: process.stdin })) await one(JSON.parse(line), ask);
  process.exit(0); // a client may keep a connection open
}
