"""A field is a name, a colon and a space."""

import careful


class Decoder(careful.Decoder):
    def take(self, line):
        if line and not line.startswith("data: "):
            return []
        return super().take(line)


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, Decoder))
