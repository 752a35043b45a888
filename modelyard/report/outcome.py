"""What a report needs to know of a rule's verdict, as plain values: reports may not import the rules."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One thing that a rule measured."""

    status: str
    """``pass``, ``warn``, ``fail`` or ``unknown``, with the environment's strictness already applied."""
    message: str
    measured: str
    limit: str
    change: str = ""
    """The cheapest way out."""
    resource: str | None = None
    """Name of the resource that it is about; None: the stack."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleOutcome:
    """What one rule said."""

    id: str
    title: str
    level: str
    """``mandatory``, ``advisory`` or ``off``."""
    status: str
    """``pass``, ``warn``, ``fail``, ``unknown`` (cannot be decided, and that stops ``up``) or ``skipped``."""
    findings: tuple[Measured, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether ``up`` must not go on."""
        return self.status in {"fail", "unknown"}
