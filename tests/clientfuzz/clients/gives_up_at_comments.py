"""A line that is no field is the end of the world."""

import careful


class Decoder(careful.Decoder):
    def take(self, line):
        if line.startswith(":"):
            raise careful.RefusedError(f"what is {line!r}?")
        return super().take(line)


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, Decoder))
