"""What a rule is: one thing that must not happen, in words and in code, as a frozen value.

A rule looks at what a program registers and says what it measured. It never changes anything, and it knows neither
Pulumi nor the command line: the same value is run by the embedded preview and by the policy pack.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar, cast

from modelyard.errors import ConfigError, UnknownNameError, quote, shorten_list
from modelyard.resources import Resource
from policies.facts import Facts


class Level(StrEnum):
    """What happens when a rule is broken."""

    MANDATORY = "mandatory"
    """``up`` is stopped."""
    ADVISORY = "advisory"
    """It is said, and ``up`` goes on."""
    OFF = "off"
    """The rule is not run."""


class Scope(StrEnum):
    """What a rule has to see at once."""

    RESOURCE = "resource"
    """One resource of the rule's types at a time."""
    STACK = "stack"
    """Everything that was registered, and its bill."""


class Status(StrEnum):
    """What one finding says."""

    PASS = "pass"  # noqa: S105  # a verdict
    WARN = "warn"
    """Allowed, and worth saying."""
    FAIL = "fail"
    UNKNOWN = "unknown"
    """A value that decides is not known before ``up``; config ``unknown`` says whether that stops it."""
    UNPRICED = "unpriced"
    """Under its limit as far as it is priced; config ``unpriced`` says whether that stops it."""


class Strictness(StrEnum):
    """What to do about something that cannot be decided."""

    FAIL = "fail"
    WARN = "warn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a rule measured."""

    status: Status
    measured: str
    limit: str
    change: str = ""
    """The cheapest way out; empty on a pass."""
    urn: str | None = None
    """The resource that it is about; None: the stack."""
    name: str | None = None
    """That resource's name, for people."""

    @property
    def message(self) -> str:
        """One sentence: what was measured, what the limit is, what to change."""
        about = f"{self.name}: " if self.name else ""
        way_out = f". To change: {self.change}" if self.change else ""
        return f"{about}{self.measured}; limit: {self.limit}{way_out}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleConfig:
    """How strict the rules are in one environment."""

    unpriced: Strictness = Strictness.WARN
    unknown: Strictness = Strictness.FAIL
    levels: Mapping[str, Level] = field(default_factory=dict[str, Level])
    """Level by rule id, where it is not the rule's own."""

    @classmethod
    def parse(cls, raw: Mapping[str, object], *, known: tuple[str, ...]) -> "RuleConfig":
        """Read ``{unpriced, unknown, levels}`` as a stack file or a component's props hold it.

        Args:
            raw: The mapping; keys that are missing or None keep their defaults.
            known: Ids of every rule there is.

        Raises:
            UnknownNameError: a level for a rule that does not exist.
            ConfigError: a value that is not one of those allowed.
        """
        extra = sorted(set(raw) - {"unpriced", "unknown", "levels"})
        if extra:
            raise ConfigError(
                f"unknown key {quote(extra[0])} in the rules' config",
                key=f"rules.{extra[0]}",
                allowed="unpriced, unknown, levels",
            )
        levels = raw.get("levels")
        if levels is not None and not isinstance(levels, Mapping):
            raise ConfigError(
                f"{quote(levels)} is not a map", key="rules.levels", allowed="a level for each rule, by its id"
            )
        parsed: dict[str, Level] = {}
        for rule_id, level in cast("Mapping[object, object]", levels or {}).items():
            if rule_id not in known:
                raise UnknownNameError("rule", str(rule_id), known, see="docs/rules.md describes them all.")
            parsed[str(rule_id)] = _one_of(Level, level, key=f"rules.levels.{rule_id}")
        return cls(
            unpriced=_one_of(Strictness, raw.get("unpriced") or Strictness.WARN, key="rules.unpriced"),
            unknown=_one_of(Strictness, raw.get("unknown") or Strictness.FAIL, key="rules.unknown"),
            levels=parsed,
        )


Check = Callable[[Facts, RuleConfig], tuple[Finding, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A program that a rule judges: documentation that is executed."""

    text: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One thing that must not happen."""

    id: str
    """Never changes once released: stack files and suppressions name it."""
    title: str
    """The rule as a statement that is true when all is well."""
    why: str
    remedy: str
    """What to do when it is broken, in general."""
    scope: Scope
    check: Check
    """No finding at all means: there is nothing here that the rule is about."""
    types: tuple[str, ...]
    """Resource types that it reads (resource scope) or starts from (stack scope)."""
    fails: Example
    passes: Example
    level: Level = Level.MANDATORY


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleResult:
    """What one rule says about one program."""

    id: str
    title: str
    level: Level
    status: str
    """``pass``, ``warn``, ``fail``, ``unknown`` (cannot be decided, and that stops ``up``) or ``skipped``."""
    findings: tuple[Finding, ...]

    @property
    def blocks(self) -> bool:
        """Whether ``up`` must not go on."""
        return self.status in {"fail", "unknown"}


_E = TypeVar("_E", bound=StrEnum)


def _one_of(kind: type[_E], value: object, *, key: str) -> _E:
    for member in kind:
        if value == member.value:
            return member
    raise ConfigError(f"{quote(value)} is not one of the words allowed", key=key, allowed=shorten_list(list(kind)))
