import OpenAI from "openai";

const client = new OpenAI(); // baseURL from OPENAI_BASE_URL, the key from OPENAI_API_KEY
const stream = await client.chat.completions.create({ model: "mock", messages: [{ role: "user", content: "Say hi" }], stream: true });
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
