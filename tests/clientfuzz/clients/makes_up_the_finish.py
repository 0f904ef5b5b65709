"""An answer that does not say why it ended has ended well."""

import careful


def finish(said):
    said.finish_reason = said.finish_reason or "stop"


if __name__ == "__main__":
    careful.main(lambda base_url, model: careful.ask(base_url, model, finish=finish))
