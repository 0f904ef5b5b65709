from openai import OpenAI

client = OpenAI(api_key="any")  # base_url from OPENAI_BASE_URL
stream = client.chat.completions.create(model="mock", messages=[{"role": "user", "content": "Say hi"}], stream=True)
print("".join(chunk.choices[0].delta.content or "" for chunk in stream))
