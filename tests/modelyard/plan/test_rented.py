from dataclasses import replace
from decimal import Decimal

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.errors import NotPossibleError, UnknownNameError, UsageError
from modelyard.fit import Verdict
from modelyard.plan import make_plan
from modelyard.plan.rented import MOST_CANDIDATES
from modelyard.spec import Budget, EngineChoice, Life, Place, Trust
from tests.modelyard.plan.specs import trial


def test_an_hour_of_405b_is_found_under_thirty_dollars() -> None:
    plan = make_plan(trial())
    assert plan.chosen is not None
    assert plan.chosen.fit.verdict is Verdict.FITS
    assert plan.nodes == 1
    assert plan.tensor_parallel_size == plan.gpus_per_replica == plan.chosen.offer.gpu_count
    assert plan.bill.max_spend_usd is not None
    assert plan.bill.max_spend_usd <= Decimal(30)


def test_the_h200_hour_by_hand() -> None:
    # 4 x $4.59 = $18.36/h. Weights 410 GB, a tenth more in steps of ten: 450 GB or 460, and 20 GB of room on a disk at
    # $0.10/GB-month of 730 h. Worst case: 3600 s + 300 s of teardown = 3900 s, by the second.
    plan = make_plan(trial(place=Place(vendors=("runpod",), gpus=("H200",), gpu_count=4)))
    disk = plan.cache_gb + 20
    hourly = Decimal("18.36") + Decimal("0.1") * disk / 730
    assert plan.cache_gb in {450, 460}
    assert abs(plan.bill.hourly_usd - hourly) < Decimal("1e-9")
    worst = hourly * 3900 / 3600
    assert plan.bill.max_spend_usd is not None
    assert worst <= plan.bill.max_spend_usd < worst + Decimal("0.01")


def test_candidates_are_ranked_by_what_the_asked_time_costs() -> None:
    plan = make_plan(trial())
    ranked = [c.ranked_usd for c in plan.candidates]
    assert ranked == sorted(ranked)
    assert 1 < len(ranked) <= MOST_CANDIDATES
    assert all(c.offer.fast_link or c.offer.gpu_count == 1 for c in plan.candidates)


def test_no_candidate_breaks_the_budget_and_its_loss_is_explained() -> None:
    plan = make_plan(trial(budget=Budget(max_spend_usd=Decimal(20))))
    assert all((c.bill.max_spend_usd or Decimal(0)) <= 20 for c in plan.candidates)
    assert any("is over your $20.00" in loser.reason for loser in plan.losers)


def test_a_budget_that_nothing_meets_still_plans_the_cheapest_for_the_rules_to_refuse() -> None:
    plan = make_plan(trial(budget=Budget(max_spend_usd=Decimal(5))))
    assert len(plan.candidates) == 1
    assert plan.bill.max_spend_usd is not None
    assert plan.bill.max_spend_usd > 5


def test_when_nothing_is_on_sale_the_cheapest_that_holds_it_is_named() -> None:
    place = Place(vendors=("runpod", "lambda"), gpus=("H200",), max_usd_per_hour=Decimal(10))
    with pytest.raises(NotPossibleError) as caught:
        make_plan(trial(place=place))
    assert "nothing on sale holds Llama 3.1 405B fp8" in caught.value.brief
    assert caught.value.resolution is not None
    assert caught.value.resolution.startswith("the cheapest that holds it is ")
    assert caught.value.exit_code == 3


def test_fp8_on_a_generation_without_it_is_taken_only_by_name() -> None:
    found = make_plan(trial(place=Place(vendors=("runpod",))))
    assert not any(c.offer.gpu.startswith("A100") for c in found.candidates)
    reasons = [loser.reason for loser in found.losers if "A100-80-SXM" in loser.label]
    assert any("name A100-80-SXM in place.gpus to accept that" in reason for reason in reasons)
    asked = make_plan(trial(place=Place(vendors=("runpod",), gpus=("A100-80-SXM",))))
    assert asked.gpu == "A100-80-SXM"
    assert any("Marlin" in warning for warning in asked.warnings)


def test_pci_express_and_a_single_vendor_are_warned_of() -> None:
    plan = make_plan(trial(place=Place(vendors=("runpod",), gpus=("H100-PCIe",))))
    assert any("without a fast link" in w for w in plan.warnings)
    assert any("price two before committing" in w for w in plan.warnings)


def test_one_machine_never_mixes_gpus() -> None:
    for candidate in make_plan(trial()).candidates:
        assert candidate.fit.request.gpu is find_gpu(candidate.offer.gpu)
        assert candidate.fit.request.gpu_count == candidate.offer.gpu_count


def test_community_hosts_are_left_out_unless_asked_for() -> None:
    place = Place(vendors=("runpod",), gpus=("H200",), gpu_count=4)
    secure = make_plan(trial(place=place)).candidates
    community = make_plan(trial(place=replace(place, trust=Trust.COMMUNITY))).candidates
    assert {c.offer.trust for c in secure} == {Trust.SECURE}
    assert Trust.COMMUNITY in {c.offer.trust for c in community}
    assert community[0].offer.usd_per_hour < secure[0].offer.usd_per_hour


def test_a_life_shorter_than_the_start_is_refused() -> None:
    with pytest.raises(NotPossibleError, match="to start and would be gone after"):
        make_plan(trial(life=Life(seconds=600)))


def test_without_an_end_there_is_no_worst_case() -> None:
    plan = make_plan(trial(life=Life(), trial=False, budget=Budget()))
    assert plan.bill.max_spend_usd is None
    assert plan.candidates[0].ranked_usd == plan.candidates[0].bill.monthly_usd


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"model": "llama-9"}, UnknownNameError, "unknown model 'llama-9'"),
        ({"quantization": "int3"}, UnknownNameError, "unknown quantization 'int3'"),
        ({"context_tokens": 262144}, UsageError, "262"),
        ({"engine": EngineChoice(name="sglang")}, UsageError, "is not started on rented machines"),
        ({"engine": EngineChoice(version="0.1.0")}, UsageError, "not the version that the catalog pins"),
        ({"engine": EngineChoice(args={"max-num-seq": 4})}, UnknownNameError, "max-num-seq"),
        ({"engine": EngineChoice(args={"max-num-seqs": -1})}, UsageError, "max-num-seqs: '-1' cannot be"),
        ({"engine": EngineChoice(args={"gpu-memory-utilization": 1.5})}, UsageError, "gpu-memory-utilization"),
        ({"place": Place(vendors=("runpot",))}, UnknownNameError, "unknown vendor 'runpot'"),
        ({"place": Place(gpus=("H300",))}, UnknownNameError, "unknown GPU 'H300'"),
    ],
)
def test_bad_names_and_numbers_are_refused(changes: dict[str, object], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        make_plan(trial(**changes))
    assert text in str(caught.value)


def test_engine_flags_move_the_fit_and_reach_the_engine() -> None:
    plan = make_plan(trial(engine=EngineChoice(args={"max-num-seqs": 64, "gpu-memory-utilization": 0.9})))
    assert plan.fit.request.max_num_seqs == 64
    assert plan.fit.request.gpu_memory_utilization == 0.9
    argv = list(plan.engine.argv)
    assert argv[argv.index("--max-num-seqs") + 1] == "64"
    assert argv[0] == plan.weights.hub_id


def test_every_filter_that_stands_in_the_way_is_named() -> None:
    place = Place(vendors=("lambda",), gpus=("T4",))
    with pytest.raises(NotPossibleError) as caught:
        make_plan(trial(model="llama-3.1-8b", quantization=None, place=place))
    left_out = (caught.value.resolution or "").partition("left out because: ")[2]
    assert left_out.split("; ") == ["vendor not in lambda", "GPU not in T4", "trust tier community, you asked secure"]


def test_experts_in_mxfp4_may_run_unpacked_on_hopper() -> None:
    plan = make_plan(
        trial(model="gpt-oss-120b", quantization=None, place=Place(vendors=("runpod", "lambda"), gpus=("H100-SXM",)))
    )
    assert plan.gpu == "H100-SXM"
    anywhere = make_plan(trial(model="gpt-oss-120b", quantization=None, place=Place(vendors=("runpod", "lambda"))))
    assert anywhere.chosen is not None
    assert not any("name H100-SXM in place.gpus" in loser.reason for loser in anywhere.losers)
