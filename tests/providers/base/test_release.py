import asyncio
from datetime import timedelta

import pytest

from modelyard.errors import UnverifiedError
from providers.base.errors import Kind, VendorError
from providers.base.release import look, release
from tests.fakes.vendor import FakeVendor, sighting
from tests.simulators.virtual_time import run_virtual


def vendor(**changes: float) -> FakeVendor:
    made = FakeVendor(**changes)  # type: ignore[arg-type]  # seconds only
    made.machines["m"] = sighting("m", None)
    return made


def end(there: FakeVendor, *, patience_seconds: float = 600.0) -> bool:
    return run_virtual(there.clock, release(there, "m", clock=there.time(), patience_seconds=patience_seconds))


def test_a_machine_is_gone_after_two_reads_that_do_not_show_it() -> None:
    there = vendor()
    begun = there.clock.now
    assert end(there) is True
    assert there.deletes == ["m"]
    assert there.clock.now - begun == pytest.approx(10.0)


def test_one_that_was_not_there_says_so() -> None:
    there = FakeVendor()
    assert end(there) is False
    assert there.deletes == ["m"]  # it might only not be shown


def test_one_that_is_too_young_to_be_shown_is_not_gone() -> None:
    there = FakeVendor()
    begun, created = there.clock.now, there.time().now()
    assert run_virtual(there.clock, release(there, "m", clock=there.time(), created_at=created)) is False
    assert there.clock.now - begun == pytest.approx(65.0)


def test_a_machine_is_read_as_gone_only_when_it_would_be_shown() -> None:
    there = vendor()
    there.hide("m", seconds=50.0)
    seen = run_virtual(there.clock, look(there, "m", clock=there.time(), created_at=there.time().now()))
    assert seen is not None
    assert run_virtual(there.clock, look(there, "x", clock=there.time(), created_at=None)) is None


@pytest.mark.parametrize("ahead_hours", [-48, 48])
def test_a_vendors_clock_that_is_ahead_of_ours_or_behind_holds_nobody_up(ahead_hours: int) -> None:
    there = FakeVendor()
    begun, created = there.clock.now, there.time().now() + timedelta(hours=ahead_hours)
    assert run_virtual(there.clock, look(there, "x", clock=there.time(), created_at=created)) is None
    assert run_virtual(there.clock, release(there, "x", clock=there.time(), created_at=created)) is False
    assert there.clock.now - begun <= 2 * there.visible_within_seconds + 20.0


def test_one_that_is_shown_again_is_deleted_again() -> None:
    there = vendor(haunting_seconds=22.0)
    assert end(there) is True
    assert len(there.deletes) == 5
    assert there.alive == []


@pytest.mark.parametrize("kind", [Kind.TRANSIENT, Kind.RATE, Kind.MALFORMED, Kind.CONFLICT])
def test_an_error_is_no_absence(kind: Kind) -> None:
    there = vendor()
    error = VendorError("runpod", kind, "no")
    there.get_steps, there.delete_steps = [error, None, error, None, error], [error]
    assert end(there) is True
    assert there.deletes == ["m", "m"]


def test_two_absences_are_in_a_row() -> None:
    there = FakeVendor()
    there.get_steps = [None, VendorError("runpod", Kind.TRANSIENT, "busy"), None, None]
    begun = there.clock.now
    assert end(there) is False
    assert there.clock.now - begun == pytest.approx(15.0)


def test_what_cannot_be_proved_names_where_to_look() -> None:
    there = vendor(haunting_seconds=10_000.0)
    with pytest.raises(UnverifiedError) as caught:
        end(there, patience_seconds=60.0)
    assert "still shown as running" in str(caught.value)
    assert "https://console.example/runpod/m" in str(caught.value)
    assert "modelyard reap" in str(caught.value)


def test_a_vendor_that_never_answers_is_no_proof() -> None:
    there = vendor()
    there.get_steps = [VendorError("runpod", Kind.TRANSIENT, "busy")] * 100
    with pytest.raises(UnverifiedError, match="busy"):
        end(there, patience_seconds=60.0)


@pytest.mark.parametrize("kind", [Kind.AUTH, Kind.RETIRED, Kind.INVALID])
def test_what_waiting_does_not_mend_is_told_at_once(kind: Kind) -> None:
    there = vendor()
    there.get_steps = [VendorError("runpod", kind, "no")]
    with pytest.raises(VendorError):
        end(there)
    assert there.alive == ["m"]


def test_two_may_release_the_same_machine() -> None:
    there = vendor(haunting_seconds=3.0)

    async def main() -> list[bool]:
        return list(await asyncio.gather(*(release(there, "m", clock=there.time()) for _ in range(2))))

    assert run_virtual(there.clock, main()) == [True, True]
    assert there.alive == []
