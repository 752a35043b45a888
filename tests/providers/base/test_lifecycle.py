"""Objects of a vendor around which nothing may be lost: a scripted ``Lifecycle``, in virtual time."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from modelyard.errors import UnverifiedError
from providers.base.errors import Kind, VendorError
from providers.base.journal import MemoryJournal
from providers.base.lifecycle import create_safely, delete_safely
from providers.base.marker import Marker
from providers.base.resource import Field, Found, Plain, ResourceType, Wanted
from tests.simulators.core import SimClock
from tests.simulators.virtual_time import VirtualClock, run_virtual

VOLUME = ResourceType(
    module="acme",
    name="Volume",
    description="A disk.",
    inputs=(Field(name="sizeGb", kind="integer", description="Size.", required=True),),
)


def marker(size: int = 10) -> Marker:
    return Marker.new(title="disk", owner="o/p/s", urn="urn:disk", spec={"sizeGb": size}, deadline=None)


class Volumes:
    """A vendor's volumes; ``steps`` is what happens to the next creates."""

    kind = VOLUME

    def __init__(self, *steps: Callable[[], Exception | None]) -> None:
        self.steps = list(steps)
        self.things: dict[str, Found] = {}
        self.creates = 0
        self.lists: list[VendorError] = []
        self.in_use = 0

    def put(self, made: Marker | None) -> Found:
        found = Found(id=f"v-{len(self.things) + 1}", outputs={"sizeGb": 10}, marker=made)
        self.things[found.id] = found
        return found

    async def create(self, wanted: Wanted) -> Found:
        self.creates += 1
        error = self.steps.pop(0)() if self.steps else None
        if isinstance(error, VendorError) and error.kind is not Kind.AMBIGUOUS:
            raise error
        found = self.put(wanted.marker)
        if error is not None:
            raise error
        return found

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        del wanted
        if self.lists:
            raise self.lists.pop(0)
        return list(self.things.values())

    async def read(self, object_id: str) -> Found | None:
        return self.things.get(object_id)

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        raise NotImplementedError

    async def delete(self, object_id: str) -> None:
        if self.in_use:
            self.in_use -= 1
            raise VendorError("acme", Kind.CONFLICT, "in use")
        self.things.pop(object_id, None)

    def console_url(self, object_id: str) -> str:
        return f"https://acme.example/{object_id}"


class Yard:
    """The vendor, a journal, a clock."""

    def __init__(self, *steps: Callable[[], Exception | None]) -> None:
        self.volumes, self.clock, self.journal = Volumes(*steps), SimClock(), MemoryJournal()
        self.said: list[str] = []

    def create(self, made: Marker | None = None) -> Found:
        wanted = Wanted(marker=made or marker(), inputs={"sizeGb": 10})
        options: dict[str, Any] = {
            "vendor": "acme",
            "clock": VirtualClock(self.clock),
            "journal": self.journal,
            "say": self.said.append,
        }
        return run_virtual(self.clock, create_safely(self.volumes, wanted, **options))

    def delete(self, object_id: str, **options: Any) -> bool:
        clock = VirtualClock(self.clock)
        return run_virtual(self.clock, delete_safely(self.volumes, object_id, clock=clock, **options))


def lost() -> VendorError:
    return VendorError("acme", Kind.AMBIGUOUS, "no answer")


def test_a_lost_reply_makes_one_object() -> None:
    yard = Yard(lost)
    assert yard.create().id == "v-1"
    assert yard.volumes.creates == 1


@pytest.mark.parametrize("kind", [Kind.QUOTA, Kind.INVALID, Kind.AUTH, Kind.CAPACITY, Kind.BALANCE])
def test_a_clear_refusal_leaves_no_note(kind: Kind) -> None:
    yard = Yard(lambda: VendorError("acme", kind, "no"))
    with pytest.raises(VendorError):
        yard.create()
    assert yard.journal.open_notes(marker().resource) == []


class Killed(BaseException):
    """The process is gone."""


def killed_once(yard: Yard, made: Marker) -> None:
    """A run that was killed after its create arrived."""
    yard.journal.note("acme", made, VirtualClock(yard.clock).now())
    yard.volumes.put(made)


def test_what_an_interrupted_run_left_is_taken_over() -> None:
    yard = Yard()
    killed_once(yard, marker())
    assert yard.create().id == "v-1"
    assert yard.volumes.creates == 0
    assert "taking over v-1" in yard.said[-1]


def test_what_an_interrupted_run_of_another_shape_left_is_deleted() -> None:
    yard = Yard()
    killed_once(yard, marker(20))
    made = yard.create()
    assert list(yard.volumes.things) == [made.id]
    assert yard.volumes.creates == 1


@pytest.mark.parametrize("there", [[marker(20)], [marker(), marker().again()]])
def test_what_is_not_certainly_ours_is_refused_by_name(there: list[Marker]) -> None:
    yard = Yard()
    for one in there:
        yard.volumes.put(one)
    with pytest.raises(UnverifiedError) as caught:
        yard.create()
    assert yard.volumes.creates == 0
    assert len(yard.volumes.things) == len(there)
    assert "https://acme.example/v-1" in str(caught.value)


def test_a_strangers_object_is_left_alone() -> None:
    yard = Yard()
    yard.volumes.put(None)
    assert yard.create().id == "v-2"
    assert len(yard.volumes.things) == 2


def test_an_odd_list_is_never_none() -> None:
    yard = Yard()
    yard.volumes.lists = [VendorError("acme", Kind.MALFORMED, "null")]
    with pytest.raises(VendorError):
        yard.create()
    assert yard.volumes.creates == 0


def test_what_is_in_use_is_deleted_when_it_no_longer_is() -> None:
    yard = Yard()
    made = yard.create()
    yard.volumes.in_use = 3
    assert yard.delete(made.id) is True
    assert yard.volumes.things == {}


def test_what_stays_in_use_is_told_with_its_place() -> None:
    yard = Yard()
    made = yard.create()
    yard.volumes.in_use = 1000
    with pytest.raises(UnverifiedError) as caught:
        yard.delete(made.id, patience_seconds=60.0)
    assert "in use" in str(caught.value)
    assert "https://acme.example/v-1" in str(caught.value)


def test_what_was_gone_already_is_no_error() -> None:
    assert Yard().delete("v-9") is False
