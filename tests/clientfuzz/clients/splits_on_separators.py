"""Takes what Unicode calls a line separator for the end of a line, as str.splitlines does."""

import re

import careful


class Decoder(careful.Decoder):
    def lines(self, text):
        return super().lines(re.sub("[\u2028\u2029\u0085\x0b\x0c]", "\n", text))


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, Decoder))
