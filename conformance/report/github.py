"""Stored reports as GitHub's annotations: lines that a runner takes for commands. Renders; decides nothing.

Every value is escaped as the runner asks for it, so that nothing a target sent is a command. What else is printed, by
whomever, is put between `stopped` and `resumed`: until then the runner takes no line for a command.
"""

from collections.abc import Iterator, Sequence

from conformance.protocols.finding import printable

from .stored import StoredReport, StoredRule, StoredTarget

SHOWN = 10
"""Annotations of a kind that GitHub shows for a step."""
SUMMARY = 1024 * 1024
"""Bytes of a summary that GitHub takes; of a longer one it shows nothing."""
CUT = "\n\n_Too long for GitHub: the report has the rest._\n"


def of_report(report: StoredReport, problems: Sequence[str] = ()) -> list[str]:
    """A command a line: the worst of what is red as errors, of what warns as warnings, and how much more there is.

    `problems`: why targets have no report.
    """
    red = [(target, rule) for target in report.targets for rule in target.rules if rule.red]
    warned = [(target, rule) for target in report.targets for rule in target.rules if rule.trouble and not rule.red]
    unscored = [(target, rule) for target, rule in warned if rule.candidate or rule.known]
    warned = [pair for pair in warned if pair not in unscored]
    lines = [_command("error", "known failure", told) for target in report.targets for told in target.unmatched]
    lines += [_command("error", "run", problem) for problem in problems]
    lines += [_command("error", "run", target.problem) for target in report.targets if target.problem]
    lines += [_of_rule("error", target, rule) for target, rule in red]
    more = [f"{len(lines) - SHOWN} more are red"] if len(lines) > SHOWN else []
    lines = lines[:SHOWN]
    lines += [_of_rule("warning", target, rule) for target, rule in warned[:SHOWN]]
    more += [f"{len(warned) - SHOWN} more warn"] if len(warned) > SHOWN else []
    more += [f"{len(unscored)} are known failures or candidates"] if unscored else []
    return [*lines, *([_command("notice", "streamspec", f"{', '.join(more)}: see the summary")] if more else [])]


def stopped(token: str) -> str:
    """From this line on the runner takes no line for a command. `token`: what nobody can guess."""
    return f"::stop-commands::{token}"


def resumed(token: str) -> str:
    """The line that ends it."""
    return f"::{token}::"


def summary(markdown: str) -> str:
    """A summary that is no longer than GitHub takes."""
    written = markdown.encode("utf-8", "replace")
    if len(written) <= SUMMARY:
        return written.decode()
    return written[: SUMMARY - len(CUT)].decode("utf-8", "ignore") + CUT


def _of_rule(kind: str, target: StoredTarget, rule: StoredRule) -> str:
    return _command(kind, f"{rule.verdict.value} {rule.rule} ({target.target})", "\n".join(_said(rule)))


def _said(rule: StoredRule) -> Iterator[str]:
    yield rule.message
    if rule.findings:
        first = rule.findings[0]
        yield f"wanted {first.wanted}"
        yield f"got {first.got}"
        place = [f"probe {first.probe}"] if first.probe else []
        place += [f"event {first.event}"] if first.event else []
        place += [f"bytes {first.span[0]}-{first.span[1]}"] if first.span else []
        if place:
            yield ", ".join(place)
    if rule.reason:
        yield rule.reason


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """What may stand behind the second pair of colons."""
    return printable(text, "\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """What may stand behind an equals sign."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
