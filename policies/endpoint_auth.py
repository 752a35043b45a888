"""Nothing listens without auth."""

from policies.examples import component, serving
from policies.facts import GATEWAY, SERVING, Facts, text
from policies.rule import Example, Finding, Rule, RuleConfig, Scope, Status

_ACCEPTED = ("bearer",)


def check(facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:  # noqa: ARG001  # the shape of every check
    """Look at ``auth`` of every endpoint: missing is as bad as ``none``."""
    findings: list[Finding] = []
    for endpoint in facts.resources:
        auth = text(endpoint, "auth")
        if isinstance(auth, str) and auth in _ACCEPTED:
            status, measured = Status.PASS, f"auth {auth}"
        elif auth is None:
            status, measured = Status.FAIL, "no auth is set"
        elif isinstance(auth, str):
            status, measured = Status.FAIL, f"auth {auth}" if auth == "none" else "an auth that is not known here"
        else:
            status, measured = Status.UNKNOWN, "auth is not known before `up`"
        findings.append(
            Finding(
                status=status,
                measured=measured,
                limit=f"auth is {' or '.join(_ACCEPTED)}",
                change="" if status is Status.PASS else "set expose.auth: bearer in the stack file",
                urn=endpoint.urn,
                name=endpoint.name,
            )
        )
    return tuple(findings)


RULE = Rule(
    id="endpoint-auth",
    title="Every endpoint asks who is calling",
    why=(
        "An open inference endpoint is found by scanners within hours, and whoever finds it spends your GPU hours. The "
        "engine's own key guards only its /v1 paths, so the gateway in front of it has to ask."
    ),
    remedy="Set expose.auth: bearer in the stack file.",
    scope=Scope.RESOURCE,
    check=check,
    types=(SERVING, GATEWAY),
    fails=Example(
        text="An endpoint that serves whoever calls.",
        resources=(serving({"auth": "none"}), component(GATEWAY, "chat-gateway", {"auth": "none"})),
    ),
    passes=Example(
        text="A gateway that wants a bearer token.",
        resources=(serving({"auth": "bearer"}), component(GATEWAY, "chat-gateway", {"auth": "bearer"})),
    ),
)
