"""A trial ends: it has a deadline, and so has every machine that is rented for it."""

from modelyard.resources import UNKNOWN, Resource, Value, lookup
from modelyard.units import format_duration
from policies.examples import machine, serving
from policies.facts import MACHINE, SERVING, Facts, text, whole
from policies.rule import Example, Finding, Rule, RuleConfig, Scope, Status


def check(facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:  # noqa: ARG001  # the shape of every check
    """Look for ``lifetimeSeconds`` or ``deadline`` on every trial and on the machines under it."""
    findings: list[Finding] = []
    for serving_ in facts.of_type(SERVING):
        trial = lookup(serving_.props, "trial")
        if trial is UNKNOWN:
            findings.append(_finding(serving_, Status.UNKNOWN, "whether this is a trial is not known before `up`"))
        elif trial is True:
            rented = tuple(resource for resource in facts.below(serving_) if resource.type == MACHINE)
            findings.extend(_ends(resource) for resource in (serving_, *rented))
    return tuple(findings)


def _ends(resource: Resource) -> Finding:
    seconds, deadline = whole(resource, "lifetimeSeconds"), text(resource, "deadline")
    if isinstance(seconds, int):
        if seconds > 0:
            return _finding(resource, Status.PASS, f"ends {format_duration(seconds)} after it was asked for")
        return _finding(resource, Status.FAIL, f"a lifetime of {seconds} seconds")
    if isinstance(deadline, str):
        return _finding(resource, Status.PASS, f"ends at {deadline}")
    if seconds is UNKNOWN or deadline is UNKNOWN:
        return _finding(resource, Status.UNKNOWN, "its end is not known before `up`")
    return _finding(resource, Status.FAIL, "no end")


def _finding(resource: Resource, status: Status, measured: str) -> Finding:
    change = "" if status is Status.PASS else "set life.for (such as 1h) or life.until in the stack file"
    return Finding(
        status=status,
        measured=measured,
        limit="a trial and each of its machines has a deadline",
        change=change,
        urn=resource.urn,
        name=resource.name,
    )


def _example(text_: str, life: dict[str, Value]) -> Example:
    top = serving({"trial": True, **life})
    return Example(text=text_, resources=(top, machine(life, parent=top)))


RULE = Rule(
    id="trial-deadline",
    title="A trial has a deadline",
    why=(
        "A machine that nobody ends bills for ever, and the person who started it has closed the laptop. The deadline "
        "is fixed before the first create call and known to the machine itself, so that it ends without anyone."
    ),
    remedy="Set life.for or life.until in the stack file.",
    scope=Scope.STACK,
    check=check,
    types=(SERVING,),
    fails=_example("A trial on a rented machine, with no end.", {}),
    passes=_example("The same trial with an hour to live.", {"lifetimeSeconds": 3600}),
)
