import litellm

stream = litellm.completion(model="openai/mock", messages=[{"role": "user", "content": "Say hi"}], stream=True)
print("".join(chunk.choices[0].delta.content or "" for chunk in stream))
