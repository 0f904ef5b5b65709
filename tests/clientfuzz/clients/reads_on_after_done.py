"""[DONE] is a message like any other: what comes after it counts."""

import careful


def read(response, decoder, said):
    if response.status != 200:
        raise careful.RefusedError(f"status {response.status}")
    while data := response.read1(65536):
        for event in decoder.feed(data):
            said.take(event)
    if response.length:
        raise careful.RefusedError("the connection ended too early")


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, read=read))
