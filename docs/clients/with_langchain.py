from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="mock", api_key="any")  # base_url from OPENAI_BASE_URL
print("".join(chunk.content for chunk in model.stream("Say hi")))
