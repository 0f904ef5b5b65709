import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";

const mock = createOpenAICompatible({ name: "mock", baseURL: process.env.OPENAI_BASE_URL, apiKey: "any" });
for await (const text of streamText({ model: mock("mock"), prompt: "Say hi" }).textStream) process.stdout.write(text);
