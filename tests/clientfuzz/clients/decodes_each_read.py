"""Every read is text of its own, half a character or not."""

import careful


class Decoder(careful.Decoder):
    def __init__(self):
        super().__init__()
        self.text = self

    @staticmethod
    def decode(data):
        return data.decode("utf-8", "replace")


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, Decoder))
