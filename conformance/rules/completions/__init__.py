"""Rules about text completions, one file per part of the protocol. What holds of chat as well is taken from there."""

from conformance.rules.rule import Rule

from . import (
    choice,
    content,
    document,
    echo,
    envelope,
    errors,
    identity,
    json,
    limits,
    logprobs,
    order,
    prompts,
    refusals,
    refused,
    termination,
    text,
    tokens,
    twin,
    usage,
)

RULES: tuple[Rule, ...] = (
    *json.RULES,
    *envelope.RULES,
    *identity.RULES,
    *choice.RULES,
    *order.RULES,
    *content.RULES,
    *text.RULES,
    *echo.RULES,
    *prompts.RULES,
    *logprobs.RULES,
    *limits.RULES,
    *usage.RULES,
    *tokens.RULES,
    *errors.RULES,
    *refusals.RULES,
    *refused.RULES,
    *document.RULES,
    *twin.RULES,
    *termination.RULES,
)
