"""Lines end with LF and nothing else."""

import careful


class Decoder(careful.Decoder):
    def lines(self, text):
        *lines, self.line = (self.line + text).split("\n")
        return lines


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, Decoder))
