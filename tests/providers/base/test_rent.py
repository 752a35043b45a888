from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from modelyard.errors import NotPossibleError, UnverifiedError
from providers.base.errors import Kind, Stopped, VendorError
from providers.base.machines import MachineOrder, Status
from providers.base.rent import satisfies
from tests.fakes.vendor import FakeVendor, Step, delivering, failing, half_made, lost_reply, sighting
from tests.providers.base.renting import FIRST, Market, candidate, other_request

TWO = (candidate(), candidate("lambda"))


def test_the_first_candidate_in_stock_is_rented() -> None:
    market = Market()
    rented = market.rent(*TWO)
    assert (rented.vendor, rented.candidate, rented.attempts) == ("runpod", TWO[0], ())
    assert rented.marker == FIRST
    assert market.alive == ["runpod-1"]
    assert market.lambda_.sent == []


def test_the_create_call_carries_marker_deadline_and_split() -> None:
    market = Market()
    marker = FIRST.until(datetime(2027, 1, 15, 10, 0, tzinfo=UTC))
    market.rent(candidate(tensor_parallel_size=2), marker=marker)
    (order,) = market.runpod.sent
    assert order.env == {
        "TOKEN": "secret",
        "MODELYARD_MARKER": marker.name,
        "MODELYARD_DEADLINE": "2027-01-15T10:00:00Z",
        "MODELYARD_TENSOR_PARALLEL_SIZE": "2",
    }


def test_only_capacity_moves_on() -> None:
    market = Market()
    market.runpod.steps = [failing(Kind.CAPACITY, "none left")]
    rented = market.rent(*TWO)
    assert rented.vendor == "lambda"
    assert rented.attempts == ("runpod 4× H200 secure: none left",)
    assert "not to be had: runpod 4× H200 secure: none left" in market.said
    assert rented.marker.family == FIRST.family
    assert rented.marker.nonce != FIRST.nonce


@pytest.mark.parametrize("kind", [k for k in Kind if k not in {Kind.CAPACITY, Kind.AMBIGUOUS}])
def test_every_other_error_ends_the_run(kind: Kind) -> None:
    market = Market()
    market.runpod.steps = [failing(kind)]
    with pytest.raises(VendorError) as caught:
        market.rent(*TWO)
    assert caught.value.kind is kind
    assert market.lambda_.sent == []
    assert market.journal.open_notes(FIRST.resource) == []


def test_when_none_can_be_had_every_attempt_is_told() -> None:
    market = Market()
    market.runpod.steps = [failing(Kind.CAPACITY, "none here")]
    market.lambda_.steps = [failing(Kind.CAPACITY, "none there")]
    with pytest.raises(VendorError) as caught:
        market.rent(*TWO)
    assert caught.value.kind is Kind.CAPACITY
    assert "none of the 2 candidates" in str(caught.value)
    assert "none here" in str(caught.value)
    assert "none there" in str(caught.value)


@pytest.mark.parametrize("hidden_seconds", [0.0, 30.0, 59.0])
def test_a_lost_reply_is_looked_for_and_found(hidden_seconds: float) -> None:
    market = Market()
    market.runpod.steps, market.runpod.hidden_seconds = [lost_reply], hidden_seconds
    assert market.rent(*TWO).sighting.id == "runpod-1"
    assert len(market.runpod.sent) == 1


def test_after_doubt_a_create_is_sent_again_only_when_nothing_can_be_there() -> None:
    market = Market()
    market.runpod.steps = [failing(Kind.AMBIGUOUS, "HTTP 502")]
    begun = market.clock.now
    rented = market.rent()
    assert market.clock.now - begun >= market.runpod.visible_within_seconds
    assert [order.marker.nonce for order in market.runpod.sent] == [FIRST.nonce, rented.marker.nonce]
    assert rented.marker.nonce != FIRST.nonce
    assert market.alive == ["runpod-2"]


def test_a_create_in_doubt_three_times_fails_without_doubt() -> None:
    market = Market()
    market.runpod.steps = [failing(Kind.AMBIGUOUS)] * 3
    with pytest.raises(VendorError) as caught:
        market.rent(*TWO)
    assert caught.value.kind is Kind.TRANSIENT
    assert len(market.runpod.sent) == 3
    assert market.lambda_.sent == []
    assert market.journal.open_notes(FIRST.resource) == []


def test_an_odd_list_is_never_none() -> None:
    market = Market()
    market.runpod.steps = [lost_reply]
    odd = VendorError("runpod", Kind.MALFORMED, "pods is null")
    market.runpod.list_steps = [None, *[odd] * 20]
    assert market.rent().sighting.id == "runpod-1"
    assert len(market.runpod.sent) == 1


def test_a_list_that_stays_odd_ends_unverified_with_the_note_kept() -> None:
    market = Market()
    market.runpod.steps = [lost_reply]
    market.runpod.list_steps = [None, *[VendorError("runpod", Kind.MALFORMED, "pods is null")] * 200]
    with pytest.raises(UnverifiedError, match="may have been created"):
        market.rent()
    assert len(market.runpod.sent) == 1
    assert [note.created_id for note in market.journal.open_notes(FIRST.resource)] == [None]
    market.runpod.list_steps = []
    assert market.rent(marker=FIRST.again()).sighting.id == "runpod-1"


def test_a_list_that_cannot_be_read_before_the_first_create_stops_it() -> None:
    market = Market()
    market.runpod.list_steps = [VendorError("runpod", Kind.MALFORMED, "pods is null")]
    with pytest.raises(VendorError):
        market.rent()
    assert market.runpod.sent == []


def test_a_strangers_machine_of_the_same_title_is_not_ours() -> None:
    market = Market()
    market.runpod.machines["s"] = sighting("s", None, name="node")
    market.runpod.steps = [failing(Kind.AMBIGUOUS)]
    assert market.rent().sighting.id != "s"
    assert market.runpod.deletes == []


def test_an_error_that_still_created_is_cleaned_before_the_next_candidate() -> None:
    market = Market()
    market.runpod.steps = [half_made]
    rented = market.rent(*TWO)
    assert rented.vendor == "lambda"
    assert market.alive == ["lambda-1"]
    assert market.runpod.deletes == ["runpod-1"]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (delivering(gpu="A100-80GB"), "came with A100-80GB"),
        (delivering(gpu_count=0), "came with 0 GPUs"),
        (delivering(gpu_count=2), "came with 2 GPUs"),
    ],
)
def test_another_machine_than_ordered_is_deleted_and_the_next_tried(step: Step, why: str) -> None:
    market = Market()
    market.runpod.steps = [step]
    rented = market.rent(*TWO)
    assert rented.attempts == (f"runpod 4× H200 secure: {why}; it was deleted again",)
    assert market.alive == ["lambda-1"]


@pytest.mark.parametrize("facts", [{"gpu": None, "gpu_count": None}, {"gpu_count": 8}])
def test_what_the_vendor_does_not_tell_is_no_lie(facts: dict[str, Any]) -> None:
    market = Market()
    market.runpod.steps = [delivering(**facts)]
    assert market.rent(*TWO).vendor == "runpod"


def test_a_machine_that_cannot_be_read_yet_is_kept() -> None:
    market = Market()
    market.runpod.hidden_seconds = 40.0
    market.runpod.get_steps = [VendorError("runpod", Kind.TRANSIENT, "busy")]
    rented = market.rent()
    assert (rented.sighting.id, rented.sighting.status, rented.sighting.usd_per_hour) == (
        "runpod-1",
        Status.PENDING,
        None,
    )


@pytest.mark.parametrize(
    ("charged", "limit", "warns"), [("18.36", "0", False), ("19.27", "0.05", False), ("19.28", "0.05", True)]
)
def test_a_charge_above_the_quote_is_told(charged: str, limit: str, warns: bool) -> None:  # noqa: FBT001  # a table
    market = Market()
    market.runpod.steps = [delivering(usd_per_hour=Decimal(charged))]
    market.rent(drift_limit=Decimal(limit))
    assert bool(market.warned) is warns
    assert all("charges $19.28/h" in text and "$18.36/h" in text for text in market.warned)
    assert market.alive == ["runpod-1"]


def test_a_charge_above_the_quote_fails_if_asked_for() -> None:
    market = Market()
    market.runpod.steps = [delivering(usd_per_hour=Decimal("27.54"))]
    with pytest.raises(NotPossibleError, match="deleted again"):
        market.rent(*TWO, fail_on_drift=True)
    assert market.alive == []
    assert market.lambda_.sent == []
    assert market.journal.open_notes(FIRST.resource) == []


def test_a_vendor_without_a_key_is_left_out_with_a_warning() -> None:
    market = Market(without_key={"runpod"})
    rented = market.rent(*TWO)
    assert rented.vendor == "lambda"
    assert len(market.warned) == 1
    assert "runpod is left out" in market.warned[0]
    assert "Set RUNPOD_API_KEY." in market.warned[0]


def test_without_any_key_it_fails_and_says_which_to_set() -> None:
    market = Market(without_key={"runpod", "lambda"})
    with pytest.raises(VendorError) as caught:
        market.rent(*TWO)
    assert caught.value.kind is Kind.AUTH
    assert caught.value.resolution == "Set RUNPOD_API_KEY."


def test_a_stop_before_the_create_sends_nothing_and_leaves_no_note() -> None:
    def stopped(vendor: FakeVendor, order: MachineOrder) -> str:
        vendor.sent.remove(order)
        raise Stopped

    market = Market()
    market.runpod.steps = [stopped]
    with pytest.raises(Stopped):
        market.rent(*TWO)
    assert market.journal.open_notes(FIRST.resource) == []
    assert market.lambda_.sent == []


class Killed(BaseException):
    """The process is gone."""


def killed_after(vendor: FakeVendor, order: MachineOrder) -> str:
    vendor.add(order)
    raise Killed


def killed_before(vendor: FakeVendor, order: MachineOrder) -> str:
    del vendor, order
    raise Killed


def interrupted(*steps: Step, hidden_seconds: float = 0.0, **changes: Any) -> Market:
    """A market in which a first run was killed in its create."""
    market = Market()
    market.runpod.steps, market.runpod.hidden_seconds = list(steps), hidden_seconds
    with pytest.raises(Killed):
        market.rent(*TWO, **changes)
    return market


@pytest.mark.parametrize("hidden_seconds", [0.0, 45.0])
def test_the_machine_of_an_interrupted_run_is_taken_over(hidden_seconds: float) -> None:
    market = interrupted(killed_after, hidden_seconds=hidden_seconds)
    rented = market.rent(*TWO, marker=FIRST.again())
    assert rented.sighting.id == "runpod-1"
    assert rented.marker == FIRST
    assert len(market.runpod.sent) == 1
    assert "taking over runpod machine runpod-1, which an interrupted run left" in market.said


def test_an_interrupted_run_that_created_nothing_is_waited_for_and_forgotten() -> None:
    market = interrupted(killed_before)
    begun = market.clock.now
    assert market.rent(*TWO, marker=FIRST.again()).sighting.id == "runpod-2"
    assert market.clock.now - begun >= market.runpod.visible_within_seconds
    assert [note.created_id for note in market.journal.open_notes(FIRST.resource)] == ["runpod-2"]


def test_a_vendor_that_is_no_candidate_any_more_is_asked_too() -> None:
    market = interrupted(killed_after)
    rented = market.rent(candidate("lambda"), marker=FIRST.again())
    assert rented.vendor == "lambda"
    assert market.alive == ["lambda-1"]


def test_of_a_vendor_that_was_asked_the_key_is_needed() -> None:
    market = interrupted(killed_after)
    market.without_key = {"runpod"}
    with pytest.raises(VendorError):
        market.rent(candidate("lambda"), marker=FIRST.again())
    assert market.lambda_.sent == []


def test_what_an_interrupted_run_of_another_shape_left_is_deleted() -> None:
    market = interrupted(killed_after)
    rented = market.rent(*TWO, marker=other_request())
    assert rented.sighting.id == "runpod-2"
    assert market.alive == ["runpod-2"]


def test_a_left_machine_that_satisfies_no_candidate_is_replaced() -> None:
    market = interrupted(killed_after)
    rented = market.rent(candidate(gpu="B200"), marker=FIRST.again())
    assert rented.sighting.id == "runpod-2"
    assert market.alive == ["runpod-2"]


@pytest.mark.parametrize("status", [Status.STOPPED, Status.FAILED, Status.ENDING])
def test_a_left_machine_of_no_use_is_deleted(status: Status) -> None:
    market = interrupted(killed_after)
    market.runpod.machines["runpod-1"] = replace(market.runpod.machines["runpod-1"], status=status)
    assert market.rent(*TWO, marker=FIRST.again()).sighting.id == "runpod-2"
    assert market.alive == ["runpod-2"]


def test_of_two_left_machines_one_stays() -> None:
    market = interrupted(killed_after)
    market.lambda_.machines["twin"] = sighting("twin", FIRST.again())
    assert market.rent(*TWO, marker=FIRST.again()).sighting.id == "runpod-1"
    assert market.alive == ["runpod-1"]


def test_the_charge_of_a_machine_that_is_taken_over_is_checked() -> None:
    def dear(vendor: FakeVendor, order: MachineOrder) -> str:
        vendor.add(order, usd_per_hour=Decimal(99))
        raise Killed

    market = interrupted(dear)
    with pytest.raises(NotPossibleError):
        market.rent(*TWO, marker=FIRST.again(), fail_on_drift=True)
    assert market.alive == []


def test_another_runs_machine_of_this_resource_is_refused_by_name() -> None:
    market = Market()
    market.runpod.machines["theirs"] = sighting("theirs", other_request())
    with pytest.raises(UnverifiedError) as caught:
        market.rent(*TWO)
    assert market.runpod.sent == []
    assert market.alive == ["theirs"]
    assert "https://console.example/runpod/theirs" in str(caught.value)
    assert "modelyard reap --machine runpod/theirs" in str(caught.value)


def test_another_runs_machine_that_is_ending_does_not_stand_in_the_way() -> None:
    market = Market()
    market.runpod.machines["theirs"] = sighting("theirs", other_request(), status=Status.ENDING)
    assert market.rent().sighting.id == "runpod-1"


@pytest.mark.parametrize(
    ("facts", "change", "fits"),
    [
        ({}, {}, True),
        ({"gpu": None, "gpu_count": None, "region": None}, {"region": "EU-1"}, True),
        ({}, {"region": "US-1"}, False),
        ({}, {"region": "EU-1"}, True),
        ({}, {"region": "marketplace"}, True),
        ({}, {"gpu": "B200"}, False),
        ({}, {"gpu_count": 8}, False),
        ({}, {"spot": True}, False),
        ({}, {"vendor": "lambda"}, False),
        ({}, {"usd_per_hour": Decimal(1)}, True),
    ],
)
def test_a_machine_satisfies_a_candidate(facts: dict[str, Any], change: dict[str, Any], fits: bool) -> None:  # noqa: FBT001  # a table
    assert satisfies("runpod", sighting("a", None, **facts), candidate(**change)) is fits


def test_doubt_that_the_key_does_not_clear_is_told_as_doubt() -> None:
    market = Market()
    market.runpod.steps = [lost_reply]
    market.runpod.list_steps = [None, VendorError("runpod", Kind.AUTH, "revoked")]
    with pytest.raises(UnverifiedError, match="may have been created"):
        market.rent()
    assert [note.created_id for note in market.journal.open_notes(FIRST.resource)] == [None]


def test_a_mistake_of_ours_after_the_call_keeps_the_note() -> None:
    def mistaken(vendor: FakeVendor, order: MachineOrder) -> str:
        vendor.add(order)
        raise RuntimeError("no VendorError")

    market = Market()
    market.runpod.steps = [mistaken]
    with pytest.raises(RuntimeError):
        market.rent()
    assert [note.created_id for note in market.journal.open_notes(FIRST.resource)] == [None]
    assert market.rent(marker=FIRST.again()).sighting.id == "runpod-1"


def test_what_is_in_a_state_is_never_cleared_away_for_another_request() -> None:
    market = Market()
    kept = market.rent().sighting.id
    market.journal.answered_for(kept)
    with pytest.raises(UnverifiedError, match="another run started"):
        market.rent(marker=other_request())
    assert market.alive == [kept]
