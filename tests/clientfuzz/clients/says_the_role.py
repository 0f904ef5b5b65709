"""Adds up all that is text in a delta."""

import careful


class Answer(careful.Answer):
    roles = 0

    def choose(self, choice):
        self.roles += bool(choice["delta"].get("role"))
        if self.roles > 1 and choice["delta"].get("role"):
            self.text += choice["delta"]["role"]
        super().choose(choice)


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, answer=Answer))
