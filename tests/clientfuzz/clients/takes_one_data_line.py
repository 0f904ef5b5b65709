"""An event has one data line: the last."""

import careful


class Decoder(careful.Decoder):
    def take(self, line):
        if line.startswith("data"):
            self.data = []
        return super().take(line)


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, Decoder))
