"""Waiting for machine → container → engine → model, no longer than planned, and no longer than there is hope."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from modelyard.errors import ModelyardError
from providers.base.clock import Clock
from providers.base.errors import RETRIED, Stopped, VendorError
from providers.base.fatal import find_fatal
from providers.base.machines import MachineVendor, Sighting, Status
from providers.base.probe import Probe
from providers.base.reconcile import Say

_LOOK_SECONDS: Final = 10.0
_LOG_SECONDS: Final = 60.0
_REPORT_SECONDS: Final = 60.0
_TAIL_LINES: Final = 20


class Phase(StrEnum):
    """What is waited for."""

    MACHINE = "machine"
    CONTAINER = "container"
    ENGINE = "engine"
    MODEL = "model"


class NotReadyError(ModelyardError):
    """The model did not answer in time, or never will."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """A model that answered."""

    address: str
    waited_seconds: int
    certificate_sha256: str | None


@dataclass(kw_only=True)
class Waiting:
    """One wait.

    Attributes:
        title: the resource's name, for messages.
        vendor: where the machine is.
        machine_id: the vendor's id.
        health_path: answers 200 when the engine is up.
        model: served name; None: the first that the engine lists.
        access_key: bearer token; never shown.
        budget_seconds: how long at most.
        address: overrides what the vendor says, in tests.
        say: for what stays in the log.
        stopping: set when the engine wants to end.
        show: for the passing word on where it stands; None: that stays in the log as well.
    """

    title: str
    vendor: MachineVendor
    machine_id: str
    health_path: str
    model: str | None
    access_key: str | None
    budget_seconds: float
    probe: Probe
    clock: Clock
    say: Say
    stopping: asyncio.Event
    show: Say | None = None
    address: str | None = None
    hidden: Sequence[str] = ()
    _begun: float = 0.0
    _seen: bool = False
    _phase: Phase = Phase.MACHINE
    _told: Phase | None = None
    _last: str = "nothing yet"
    _tail: Sequence[str] = field(default_factory=tuple[str, ...])
    _certificate: str | None = None

    async def wait(self) -> Reached:
        """Wait until the model has answered one token.

        Raises:
            NotReadyError: it will not, or not in time; says phase, time, the vendor's last word and the log's end.
            Stopped: the engine wants to end.
        """
        begun = self._begun = self.clock.monotonic()
        reported, logged = begun, begun
        while True:
            now = self.clock.monotonic()
            if self.stopping.is_set():
                raise Stopped
            sighting = await self._look()
            base = self.address or (sighting.address if sighting else None)
            if base and await self._asked(base):
                waited = int(self.clock.monotonic() - begun)
                self.say(f"{self.title}: the model answered after {_minutes(waited)}")
                return Reached(address=base, waited_seconds=waited, certificate_sha256=self._certificate)
            if now - logged >= _LOG_SECONDS:
                logged = now
                await self._read_log()
            if now - begun >= self.budget_seconds:
                await self._read_log()
                raise self._failed("the start-up budget is used up", "Look at the log; give more time if it works.")
            if now - reported >= _REPORT_SECONDS:
                reported = now
                self._report()
            await self.clock.sleep(_LOOK_SECONDS)

    async def _look(self) -> Sighting | None:
        """The vendor's word on the machine."""
        try:
            sighting = await self.vendor.get(self.machine_id)
        except VendorError as error:
            if error.kind not in RETRIED:
                raise
            self._last = f"the vendor does not answer: {error.detail}"
            return None
        if sighting is None:
            if not self._seen and self.clock.monotonic() - self._begun < self.vendor.visible_within_seconds:
                self._last = "it is not shown yet"
                return None
            raise self._failed(
                "the machine is gone",
                "It was deleted by somebody, or by its watchdog. Run `pulumi up --refresh`.",
            )
        self._seen = True
        self._last = f"{sighting.status.value}{f': {sighting.detail}' if sighting.detail else ''}"
        if sighting.status in {Status.STOPPED, Status.FAILED, Status.ENDING}:
            await self._read_log(judging=False)
            raise self._failed(f"the machine is {sighting.status.value}", "Delete it and take another.")
        if sighting.gpu_count == 0 and sighting.status is Status.RUNNING:
            raise self._failed("the machine runs without GPUs", "Delete it and take another.")
        found = find_fatal([sighting.detail])
        if found is not None:
            raise self._failed(found[0].what, found[0].resolution)
        if sighting.status is Status.RUNNING and self._phase is Phase.MACHINE:
            self._phase = Phase.CONTAINER
        return sighting

    async def _asked(self, base: str) -> bool:
        """Whether the model answers; moves the phase on as far as it goes."""
        health = await self.probe.get(f"{base}{self.health_path}")
        if health.status is None or health.status in {502, 503, 504, 521, 522, 523, 524}:
            if self._phase is Phase.CONTAINER and health.status == 503:
                self._phase = Phase.ENGINE  # our gateway listens, the engine does not yet
            return False
        self._certificate = health.certificate_sha256
        if health.status == 404 and self._phase in {Phase.MACHINE, Phase.CONTAINER}:
            return False  # a vendor's proxy that does not know the port yet
        self._phase = Phase.ENGINE
        if health.status != 200:
            return False
        self._phase = Phase.MODEL
        answer = await self.probe.one_token(base, model=self.model, access_key=self.access_key)
        if answer.status in {401, 403}:
            raise self._failed(
                "the gateway refuses the access key",
                "The machine was started with another key.",
            )
        return answer.status == 200

    def _report(self) -> None:
        """A new phase stays in the log; a cold start has many minutes, and one line for each would bury the rest."""
        tell = self.say if self.show is None or self._told is not self._phase else self.show
        self._told = self._phase
        tell(self._progress())

    async def _read_log(self, *, judging: bool = True) -> None:
        try:
            lines = [self._hide(line) for line in await self.vendor.logs(self.machine_id, lines=200)]
        except VendorError:
            return
        self._tail = lines[-_TAIL_LINES:]
        found = find_fatal(lines) if judging else None
        if found is not None:
            raise self._failed(f"{found[0].what} ({found[1].strip()[:200]})", found[0].resolution)

    def _hide(self, line: str) -> str:
        for secret in (*self.hidden, *((self.access_key,) if self.access_key else ())):
            line = line.replace(secret, "[hidden]")
        return line

    def _progress(self) -> str:
        waited = self.clock.monotonic() - self._begun
        return (
            f"{self.title}: waiting for the {self._phase.value}, {_minutes(waited)} of "
            f"{_minutes(self.budget_seconds)} · {self.vendor.name} says {self._last}"
        )

    def _failed(self, why: str, resolution: str) -> NotReadyError:
        tail = "\n".join(f"  {line}" for line in self._tail)
        return NotReadyError(
            f"{self.title}: {why}",
            details=f"{self._progress()}\nlook at  {self.vendor.console_url(self.machine_id)}"
            + (f"\nlog\n{tail}" if tail else ""),
            resolution=resolution,
        )


def _minutes(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60:02d} s"
