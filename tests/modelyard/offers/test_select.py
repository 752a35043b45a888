"""The filters of a place, each with its reason in words."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.errors import UnknownNameError
from modelyard.offers import load_offers, load_vendors, select
from modelyard.spec import Place, Trust


@pytest.mark.parametrize(
    ("place", "key", "reason"),
    [
        (Place(vendors=("lambda",)), "runpod/NVIDIA H200/4/any/secure", "vendor not in lambda"),
        (
            Place(),
            "aws/p5.48xlarge/8/us-east-1/cloud",
            "modelyard cannot rent from aws yet; point place.kubernetes at an EKS cluster",
        ),
        (Place(), "runpod/NVIDIA H200/4/any/community", "trust tier community, you asked secure"),
        (Place(trust=Trust.CLOUD), "runpod/NVIDIA H200/4/any/secure", "trust tier secure, you asked cloud"),
        (Place(gpus=("L4",)), "runpod/NVIDIA H200/4/any/secure", "GPU not in L4"),
        (Place(gpu_count=8), "runpod/NVIDIA H200/4/any/secure", "4 GPUs, you asked for 8"),
        (Place(nvlink=True), "runpod/NVIDIA H100 PCIe/4/any/secure", "no fast link between its GPUs"),
        (Place(max_usd_per_hour=Decimal(30)), "lambda/gpu_8x_h100_sxm5/8/any/secure", "over your $30.00/h"),
        (Place(regions=("us-west-1",)), "runpod/NVIDIA H200/4/any/secure", "region any, you asked us-west-1"),
    ],
)
def test_a_rejection_says_why(place: Place, key: str, reason: str) -> None:
    _, rejected = select(load_offers(), place)
    assert {r.offer.key: r.reason for r in rejected}[key] == reason


def test_community_accepts_everything_safer() -> None:
    allowed, _ = select(load_offers(), Place(trust=Trust.COMMUNITY))
    assert {o.trust for o in allowed} == {Trust.COMMUNITY, Trust.SECURE}
    assert {o.vendor for o in allowed} == {"runpod", "lambda", "vastai"}


def test_a_region_narrows_offers_that_hold_anywhere() -> None:
    allowed, _ = select(load_offers(), Place(regions=("EU-RO-1", "us-west-1"), gpus=("H100-SXM",), gpu_count=8))
    assert [(o.vendor, o.region) for o in allowed] == [("lambda", "us-west-1"), ("runpod", "EU-RO-1")]


def test_names_are_found_however_they_are_written() -> None:
    place = Place(vendors=("RunPod",), gpus=("nvidia h200",), regions=("eu-ro-1",), gpu_count=4)
    allowed, _ = select(load_offers(), place)
    assert [o.key for o in allowed] == ["runpod/NVIDIA H200/4/EU-RO-1/secure"]


@pytest.mark.parametrize(
    ("place", "kind", "near"),
    [
        (Place(vendors=("runpot",)), "vendor", "runpod"),
        (Place(regions=("us-esat-1",)), "region", "us-east-1"),
        (Place(gpus=("H1000-SXM",)), "GPU", "H100-SXM"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(place: Place, kind: str, near: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        select(load_offers(), place)
    assert caught.value.kind == kind
    assert near in caught.value.nearest


@given(
    vendors=st.lists(st.sampled_from([v.name for v in load_vendors()]), max_size=3).map(tuple),
    trust=st.sampled_from(Trust),
    nvlink=st.booleans(),
    spot=st.booleans(),
    count=st.none() | st.integers(1, 8),
    ceiling=st.none() | st.decimals("0.1", 100, places=2),
)
def test_every_offer_is_allowed_or_rejected_with_a_reason(
    *,
    vendors: tuple[str, ...],
    trust: Trust,
    nvlink: bool,
    spot: bool,
    count: int | None,
    ceiling: Decimal | None,
) -> None:
    place = Place(vendors=vendors, trust=trust, nvlink=nvlink, spot=spot, gpu_count=count, max_usd_per_hour=ceiling)
    allowed, rejected = select(load_offers(), place)
    assert len(allowed) + len(rejected) == len(load_offers())
    assert all(r.reason for r in rejected)
    assert all(o.rentable and (ceiling is None or o.usd_per_hour <= ceiling) for o in allowed)
