"""Every rule there is, in the order reports show them. To add a file, add a line."""

from conformance.rules.chat import (
    choice,
    content,
    delta,
    envelope,
    errors,
    identity,
    json,
    limits,
    logprobs,
    order,
    refusals,
    refused,
    role,
    termination,
    text,
    tokens,
    usage,
)
from conformance.rules.http import connection, framing, headers, status
from conformance.rules.rule import Rule
from conformance.rules.sse import encoding, events, lines

ALL: tuple[Rule, ...] = (
    *status.RULES,
    *headers.RULES,
    *framing.RULES,
    *connection.RULES,
    *encoding.RULES,
    *lines.RULES,
    *events.RULES,
    *json.RULES,
    *envelope.RULES,
    *identity.RULES,
    *choice.RULES,
    *delta.RULES,
    *logprobs.RULES,
    *role.RULES,
    *order.RULES,
    *content.RULES,
    *text.RULES,
    *limits.RULES,
    *usage.RULES,
    *tokens.RULES,
    *errors.RULES,
    *refusals.RULES,
    *refused.RULES,
    *termination.RULES,
)
