"""What is chosen, what is not and why, against prices and sizes read off the data by hand."""

from decimal import Decimal

import pytest

from modelyard.errors import NotPossibleError
from modelyard.plan import Plan, make_plan
from modelyard.plan.startup import startup_budget
from modelyard.spec import Budget, Cache, CacheKind, EngineChoice, Life, Place, ServingSpec, Trust
from tests.modelyard.plan.specs import trial


def small_in(place: Place) -> ServingSpec:
    """8B as it was released, one request of 8k at a time, without an end."""
    return trial(model="llama-3.1-8b", quantization=None, context_tokens=8192, concurrency=1, place=place, life=Life())


def labels(plan: Plan) -> list[str]:
    return [c.offer.label for c in plan.candidates]


def reason(plan: Plan, label: str) -> str:
    return next(loser.reason for loser in plan.losers if loser.label == label)


def test_the_trial_by_hand() -> None:
    # FP8 weights are 410 GB = 382 GiB: 191 GiB on each of 2 B300 (268 GiB), 95.5 on each of 4 H200 (140) or B200 (179);
    # 2 B200 hold 357 GiB in all. Secure, NVLink, at most $30/h: 2 x 7.89, 4 x 4.59, and 27.16 for 4 B200 at both.
    plan = make_plan(trial())
    assert [(c.offer.label, str(c.offer.usd_per_hour), str(c.bill.max_spend_usd)) for c in plan.candidates] == [
        # cache 410.14 GB x 1.1 = 451.2, in tens 460, and 20 of room: 480 GB x 0.10/730 = $0.06575/h; 3900 s
        ("runpod 2× B300 secure", "15.78", "17.17"),  # 17.095 + 0.0712
        ("runpod 4× H200 secure", "18.36", "19.97"),  # 19.89 + 0.0712
        ("lambda 4× B200 secure", "27.16", "29.43"),  # 29.4233…, disk included
        ("runpod 4× B200 secure", "27.16", "29.50"),  # 29.4233… + 0.0712
    ]
    assert plan.cache_gb == 460
    assert (plan.gpu, plan.tensor_parallel_size, plan.nodes) == ("B300", 2, 1)
    assert str(plan.bill.max_spend_usd) == "29.50"  # the dearest that may be taken when the others are sold out


def test_four_h200_are_chosen_when_they_are_asked_for() -> None:
    plan = make_plan(
        trial(place=Place(vendors=("runpod", "lambda"), gpus=("H200", "H100-SXM"), max_usd_per_hour=Decimal(30)))
    )
    assert labels(plan) == ["runpod 4× H200 secure"]
    assert str(plan.bill.max_spend_usd) == "19.97"
    assert str(plan.bill.hourly_usd) == "18.4257534247"
    assert reason(plan, "lambda 8× H100-SXM secure") == "over your $30.00/h"


def test_losers_say_what_would_have_held_it_first() -> None:
    plan = make_plan(trial())
    assert reason(plan, "runpod 4× H200 community") == "trust tier community, you asked secure"
    assert reason(plan, "runpod 4× H200-NVL secure") == "no fast link between its GPUs"
    assert reason(plan, "runpod 8× B200 secure") == "over your $30.00/h"
    prices = [loser.usd_per_hour for loser in plan.losers]
    first_too_small = next(i for i, loser in enumerate(plan.losers) if "does not load" in loser.reason)
    assert first_too_small > 10
    assert prices[:10] == sorted(prices[:10])
    anywhere = make_plan(trial(place=Place()))
    assert reason(anywhere, "aws 8× H100-SXM").startswith("modelyard cannot rent from aws yet")


def test_more_of_the_same_gpus_is_no_fallback() -> None:
    plan = make_plan(trial(place=Place(vendors=("runpod",), nvlink=True)))
    assert "runpod 4× B300 secure" not in labels(plan)
    assert reason(plan, "runpod 4× B300 secure") == "holds it, and so does a machine with 2 of the same GPUs"


def test_a_split_that_the_model_refuses_is_no_offer() -> None:
    with pytest.raises(NotPossibleError, match="tp 6 does not divide 128 attention heads"):
        make_plan(trial(place=Place(vendors=("runpod",), gpus=("H200",), gpu_count=6)))


def test_money_is_the_first_filter_to_give_way() -> None:
    place = Place(vendors=("runpod", "lambda"), nvlink=True, max_usd_per_hour=Decimal(10))
    with pytest.raises(NotPossibleError) as caught:
        make_plan(trial(place=place))
    assert caught.value.resolution == (
        "the cheapest that holds it is runpod 2× B300 secure at $15.78/h; it was left out because: over your $10.00/h"
    )


def test_another_filter_gives_way_when_money_is_not_the_matter() -> None:
    with pytest.raises(NotPossibleError) as caught:
        make_plan(trial(place=Place(vendors=("runpod",), gpus=("H200",), trust=Trust.CLOUD)))
    assert caught.value.resolution is not None
    assert "runpod 8× RTX-PRO-6000 community at $13.52/h" in caught.value.resolution
    assert caught.value.details is not None
    assert "gpus H200" in caught.value.details


def test_vendors_that_cannot_be_rented_from_say_what_to_do() -> None:
    with pytest.raises(NotPossibleError, match=r"point place\.kubernetes at an EKS cluster"):
        make_plan(trial(place=Place(vendors=("aws",))))


def test_too_large_for_any_machine_names_the_largest_that_was_looked_at() -> None:
    with pytest.raises(NotPossibleError) as caught:
        make_plan(trial(place=Place(), engine=EngineChoice(args={"gpu-memory-utilization": 0.1})))
    assert caught.value.resolution is not None
    assert caught.value.resolution.startswith("no single machine that can be rented holds it")
    assert caught.value.details is not None
    assert "because  runpod 8× B300 secure: does not load" in caught.value.details


def test_a_network_volume_needs_a_vendor_and_tier_that_has_one() -> None:
    plan = make_plan(trial(cache=Cache(kind=CacheKind.NETWORK_VOLUME), place=Place(trust=Trust.COMMUNITY)))
    assert {c.offer.trust for c in plan.candidates} == {Trust.SECURE}
    assert reason(plan, "runpod 8× H200 community") == "runpod attaches network volumes to secure machines only"
    assert "modelyard has no network volumes on vastai" in reason(plan, "vastai 1× H200 community")


def test_a_network_volume_needs_a_size_and_a_folder_that_the_vendor_can_mount() -> None:
    def vendors(cache: Cache) -> set[str]:
        return {
            c.offer.vendor for c in make_plan(trial(cache=cache, place=Place(vendors=("runpod", "lambda")))).candidates
        }

    volume = CacheKind.NETWORK_VOLUME
    assert vendors(Cache(kind=volume)) == {"runpod"}
    assert vendors(Cache(kind=volume, path="/data/models")) == {"runpod", "lambda"}
    assert vendors(Cache(kind=volume, path="/data/models", size_gb=5000)) == {"lambda"}


def test_a_disk_that_is_too_small_is_no_place_for_the_weights() -> None:
    place = Place(vendors=("lambda",), gpus=("H100-PCIe",))
    assert labels(make_plan(small_in(place))) == ["lambda 1× H100-PCIe secure"]
    with pytest.raises(NotPossibleError, match="its disk holds 1,100 GB, 2,020 are needed"):
        make_plan(trial(place=place, cache=Cache(size_gb=2000)))


def test_an_arm64_machine_is_taken_only_by_name() -> None:
    lam = make_plan(small_in(Place(vendors=("runpod", "lambda"))))
    assert "GH200" not in {c.offer.gpu for c in lam.candidates}
    assert "arm64" in reason(lam, "lambda 1× GH200 secure")
    named = make_plan(small_in(Place(vendors=("lambda",), gpus=("GH200",))))
    assert named.gpu == "GH200"


def test_a_spend_limit_of_the_account_is_warned_of() -> None:
    two = make_plan(trial(replicas=2, place=Place(vendors=("runpod",), gpus=("B300",), gpu_count=8), budget=Budget()))
    # 2 x 8 x 7.89 = 126.24 against RunPod's $80/h
    assert any("runpod limits a fresh account to $80.00/h and this may take $126.24/h" in w for w in two.warnings)
    assert not any("limits a fresh account" in w for w in make_plan(trial()).warnings)


def test_warnings_are_said_once() -> None:
    plan = make_plan(trial(place=Place(vendors=("runpod",), gpus=("L40S",), gpu_count=8), model="llama-3.3-70b"))
    assert len([w for w in plan.warnings if "without a fast link" in w]) == 1
    assert not any("crosses PCIe" in w for w in plan.warnings)
    assert len(set(plan.warnings)) == len(plan.warnings)


def test_a_vast_ask_is_no_quote() -> None:
    place = Place(vendors=("vastai",), trust=Trust.COMMUNITY, gpus=("RTX-4090",))
    plan = make_plan(small_in(place))
    assert any("is the cheapest ask of 2026-10-01, not a quote" in w for w in plan.warnings)
    assert plan.bill.is_lower_bound


def test_the_budget_for_a_month_bounds_the_fallbacks() -> None:
    # 4 B200 are 27.16 x 730 = $19,826.80 a month
    plan = make_plan(trial(life=Life(), budget=Budget(max_usd_per_month=Decimal(15000))))
    assert labels(plan) == ["runpod 2× B300 secure", "runpod 4× H200 secure"]
    assert "a month is over your $15,000.00" in reason(plan, "lambda 4× B200 secure")


def test_the_start_of_the_trial_by_hand() -> None:
    # machine 120 s; image 10 GB at 45 MB/s = 222 s; 410.14 GB at 0.8 GB/s = 513 s; at 2 GB/s + 120 s = 325 s
    plan = make_plan(trial())
    assert [p.seconds for p in plan.startup.phases] == [120, 222, 513, 325]
    assert plan.startup.expected_seconds == 1180
    assert plan.startup.timeout_seconds == 2360
    assert plan.startup == startup_budget(
        "runpod", gpu_count=2, image_bytes=10**10, download_bytes=plan.weights.download_bytes, lifetime_seconds=3600
    )


def test_the_engine_gets_what_the_fit_was_asked() -> None:
    plan = make_plan(trial(engine=EngineChoice(args={"max-num-seqs": 64})))
    argv = " ".join(plan.engine.argv)
    assert "--tensor-parallel-size 2 " in argv
    assert "--max-model-len 16384 " in argv
    assert "--max-num-seqs 64" in argv
    assert plan.engine.image == "docker.io/vllm/vllm-openai:v0.33.0"
