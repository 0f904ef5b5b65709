"""Takes whatever has come for the whole answer, also where the connection broke."""

import careful


def read(response, decoder, said):
    try:
        careful.read_all(response, decoder, said)
    except (OSError, careful.http.client.HTTPException, careful.RefusedError):
        if response.status != 200:
            raise


def asking(base_url, model):
    return careful.ask(base_url, model, read=read, finish=lambda said: None)


if __name__ == "__main__":
    careful.main(asking)
