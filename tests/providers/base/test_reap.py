import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from providers.base.errors import Kind, VendorError
from providers.base.machines import Sighting, Status
from providers.base.marker import Marker
from providers.base.reap import Asked, Outcome, Sweep, Why, sweep
from tests.fakes.vendor import FakeVendor, sighting
from tests.simulators.core import SimClock
from tests.simulators.virtual_time import run_virtual

HOUR = timedelta(hours=1)


class Yard:
    """Two vendors with machines that have deadlines counted from now."""

    def __init__(self) -> None:
        self.clock = SimClock()
        self.runpod, self.lambda_ = FakeVendor(clock=self.clock), FakeVendor(clock=self.clock, name="lambda")

    @property
    def now(self) -> datetime:
        return self.runpod.time().now()

    def add(
        self, machine_id: str, ends: timedelta | None, *, vendor: FakeVendor | None = None, **changes: Any
    ) -> Marker:
        urn = changes.pop("urn", f"urn:{machine_id}")
        title = changes.pop("title", machine_id)
        deadline = None if ends is None else self.now + ends
        marker = Marker.new(title=title, owner="o", urn=urn, spec={}, deadline=deadline)
        facts = {"created_at": self.now - HOUR, **changes}
        (vendor or self.runpod).machines[machine_id] = sighting(machine_id, marker, **facts)
        return marker

    def sweep(self, **asked: Any) -> Sweep:
        return run_virtual(self.clock, sweep([self.runpod, self.lambda_], Asked(**asked), clock=self.runpod.time()))


def told(found: Sweep) -> dict[str, tuple[Why, Outcome]]:
    return {row.machine_id: (row.why, row.outcome) for row in found.rows}


def test_only_what_is_overdue_goes() -> None:
    yard = Yard()
    yard.add("late", -HOUR)
    yard.add("early", HOUR)
    yard.add("endless", None)
    yard.add("elsewhere", -HOUR, vendor=yard.lambda_)
    found = yard.sweep()
    assert told(found) == {
        "late": (Why.EXPIRED, Outcome.DELETED),
        "early": (Why.IN_TIME, Outcome.KEPT),
        "endless": (Why.NO_DEADLINE, Outcome.KEPT),
        "elsewhere": (Why.EXPIRED, Outcome.DELETED),
    }
    assert found.is_proved
    assert (yard.runpod.alive, yard.lambda_.alive) == (["early", "endless"], [])
    late = next(row for row in found.rows if row.machine_id == "late")
    assert late.overdue_seconds == 3600
    assert late.console_url == "https://console.example/runpod/late"


def test_strangers_are_never_touched_nor_shown() -> None:
    yard = Yard()
    yard.runpod.machines["s"] = sighting("s", None, name="modelyard-trial")
    found = yard.sweep(everything=True)
    assert found.rows == ()
    assert yard.runpod.deletes == []


def test_looking_deletes_nothing() -> None:
    yard = Yard()
    yard.add("late", -HOUR)
    yard.add("early", HOUR)
    assert told(yard.sweep(delete=False)) == {
        "late": (Why.EXPIRED, Outcome.WOULD_DELETE),
        "early": (Why.IN_TIME, Outcome.KEPT),
    }
    assert yard.runpod.deletes == []


@pytest.mark.parametrize(("grace", "goes"), [(3599, True), (3600, True), (3601, False)])
def test_grace_leaves_a_machine_to_its_watchdog(grace: int, goes: bool) -> None:  # noqa: FBT001  # a table
    yard = Yard()
    yard.add("late", -HOUR)
    yard.sweep(grace_seconds=grace)
    assert (yard.runpod.alive == []) is goes


def test_of_two_for_one_request_the_older_goes() -> None:
    yard = Yard()
    yard.add("old", HOUR, urn="urn:same", created_at=yard.now - 2 * HOUR)
    yard.add("new", HOUR, urn="urn:same", created_at=yard.now - HOUR)
    assert told(yard.sweep()) == {"old": (Why.DUPLICATE, Outcome.DELETED), "new": (Why.IN_TIME, Outcome.KEPT)}


def test_an_ending_newer_twin_does_not_condemn_the_older() -> None:
    yard = Yard()
    yard.add("old", HOUR, urn="urn:same", created_at=yard.now - 2 * HOUR)
    yard.add("new", HOUR, urn="urn:same", status=Status.ENDING)
    assert told(yard.sweep())["old"] == (Why.IN_TIME, Outcome.KEPT)


def test_twins_of_one_age_both_stay() -> None:
    yard = Yard()
    yard.add("a", HOUR, urn="urn:same")
    yard.add("b", HOUR, urn="urn:same")
    assert {outcome for _, outcome in told(yard.sweep()).values()} == {Outcome.KEPT}


def test_machines_asked_for_go_before_their_time_and_no_others() -> None:
    yard = Yard()
    yard.add("early", HOUR)
    yard.add("other", HOUR)
    yard.runpod.machines["s"] = sighting("s", None)
    found = told(yard.sweep(machines=frozenset({"runpod/early", "runpod/s", "runpod/nowhere", "lambda/early"})))
    assert found["early"][1] is not Outcome.KEPT
    assert yard.runpod.alive == ["other", "s"]
    assert found["s"] == (Why.ASKED, Outcome.NOT_OURS)
    assert found["nowhere"] == (Why.ASKED, Outcome.GONE)


def test_a_prefix_bounds_what_goes() -> None:
    yard = Yard()
    yard.add("a", -HOUR, title="trial-405b")
    yard.add("b", -HOUR, title="production")
    yard.sweep(prefix="trial")
    assert yard.runpod.alive == ["b"]


def test_everything_means_all_that_is_ours() -> None:
    yard = Yard()
    yard.add("early", HOUR)
    yard.add("endless", None)
    yard.sweep(everything=True)
    assert yard.runpod.alive == []


def test_a_vendor_that_cannot_be_asked_is_named_and_stops_no_other() -> None:
    yard = Yard()
    yard.add("late", -HOUR, vendor=yard.lambda_)
    yard.runpod.list_steps = [VendorError("runpod", Kind.MALFORMED, "pods is null")]
    found = yard.sweep()
    assert [blind.vendor for blind in found.blind] == ["runpod"]
    assert "pods is null" in found.blind[0].reason
    assert not found.is_proved
    assert yard.lambda_.alive == []


def test_an_end_that_cannot_be_proved_is_told() -> None:
    yard = Yard()
    yard.add("late", -HOUR)
    yard.runpod.haunting_seconds = 100_000.0
    found = yard.sweep()
    assert told(found) == {"late": (Why.EXPIRED, Outcome.UNVERIFIED)}
    assert "could not be proved gone" in found.rows[0].note
    assert not found.is_proved


def test_a_second_run_finds_nothing_to_do() -> None:
    yard = Yard()
    yard.add("late", -HOUR)
    yard.sweep()
    again = yard.sweep()
    assert again.rows == ()
    assert again.is_proved


def test_two_at_once_end_each_machine_and_both_say_so() -> None:
    yard = Yard()
    for number in range(5):
        yard.add(f"late-{number}", -HOUR)
    yard.runpod.haunting_seconds = 7.0

    async def both() -> list[Sweep]:
        asked = [sweep([yard.runpod], Asked(), clock=yard.runpod.time()) for _ in range(2)]
        return list(await asyncio.gather(*asked))

    first, second = run_virtual(yard.clock, both())
    assert first.is_proved
    assert second.is_proved
    assert yard.runpod.alive == []


@pytest.mark.parametrize(("ends", "why"), [(HOUR, Why.IN_TIME), (None, Why.NO_DEADLINE)])
def test_a_deadline_that_was_moved_after_the_list_was_read_holds(ends: timedelta | None, why: Why) -> None:
    class Racing(FakeVendor):
        async def get(self, machine_id: str) -> Sighting | None:
            await self.rename(machine_id, marker.until(None if ends is None else self.time().now() + ends))
            return await super().get(machine_id)

    yard = Yard()
    yard.runpod = Racing(clock=yard.clock)
    marker = yard.add("late", -HOUR)
    assert told(yard.sweep()) == {"late": (why, Outcome.KEPT)}
    assert yard.runpod.deletes == []


def test_an_expired_machine_that_cannot_be_read_for_a_while_goes() -> None:
    yard = Yard()
    yard.add("late", -HOUR)
    yard.runpod.get_steps = [VendorError("runpod", Kind.TRANSIENT, "busy")] * 3
    assert told(yard.sweep()) == {"late": (Why.EXPIRED, Outcome.DELETED)}
