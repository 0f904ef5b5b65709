"""Waits for [DONE], however long it takes."""

import careful

if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, timeout=None))
