"""Every event is JSON, also one that has fields and no data."""

import careful


class Decoder(careful.Decoder):
    fields = 0

    def take(self, line):
        if line and not line.startswith(":"):
            self.fields += 1
        if not line and self.fields and not self.data:
            raise careful.RefusedError("an event that is no JSON")
        if not line:
            self.fields = 0
        return list(super().take(line))


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, Decoder))
