"""Knows no byte order mark, and so no first field."""

import careful


class Decoder(careful.Decoder):
    def __init__(self):
        super().__init__()
        self.started = True


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, Decoder))
