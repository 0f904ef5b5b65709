"""Catches nothing: what it cannot read ends the process."""

import sys

import careful


def asking(base_url, model):
    report = careful.ask(base_url, model)
    if report["error"] is not None:
        sys.exit(f"{report['error']['class']}: {report['error']['message']}")
    return report


if __name__ == "__main__":
    careful.main(asking)
