"""There is one call of a tool at a time."""

import careful


class Answer(careful.Answer):
    def call(self, fragment):
        function = fragment.get("function") or {}
        call = self.calls.setdefault(0, {"id": fragment.get("id") or "", "name": "", "arguments": ""})
        call["name"] = call["name"] or function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, answer=Answer))
