"""Takes the messages that look like chunks, and passes over the others."""

import contextlib

import careful


class Answer(careful.Answer):
    def take(self, data):
        with contextlib.suppress(careful.RefusedError, ValueError, LookupError, TypeError):
            super().take(data)


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, answer=Answer))
