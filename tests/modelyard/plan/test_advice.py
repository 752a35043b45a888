"""Advice: what makes it fit, what that does to the price of an hour, and in which order it is given."""

from dataclasses import replace
from decimal import Decimal

import pytest

from modelyard.catalog.gpus import find_gpu, load_gpus
from modelyard.fit import FitRequest, Verdict, assess
from modelyard.offers import load_offers
from modelyard.plan.advice import Advice, advise, cheapest_offer
from modelyard.spec import Trust
from modelyard.units import GIB
from tests.modelyard.plan.requests import request

R1 = request("deepseek-r1", "nvfp4", "H100-SXM", 8, concurrency=20)
"""Latent attention keeps its cache whole on every GPU: fewer, larger GPUs hold more requests."""
TOO_SMALL = request("llama-3.1-405b", "fp8", "H100-SXM", 4)
SHORT = request("llama-3.1-405b", "fp8", "H100-SXM", 8, concurrency=32)
NOT_ON_SALE = request("llama-3.3-70b", "bf16", "A100-40-SXM", 2)
CASES = (R1, TOO_SMALL, SHORT, NOT_ON_SALE)


def advice_on(asked: FitRequest) -> tuple[Advice, ...]:
    return advise(assess(asked), gpus=load_gpus())


def only(advice: tuple[Advice, ...], kind: str) -> Advice:
    (found,) = (item for item in advice if item.kind == kind)
    return found


def test_fewer_and_larger_gpus_save_the_difference_of_two_offers() -> None:
    found = only(advise(assess(R1), gpus=(find_gpu("H200"),)), "machine")
    assert found.change == "4× H200 instead of 8× H100-SXM"
    assert found.from_offer is not None
    assert found.to_offer is not None
    assert (found.from_offer.usd_per_hour, found.to_offer.usd_per_hour) == (Decimal("31.92"), Decimal("18.36"))
    assert found.usd_per_hour_delta == Decimal("-13.56")
    assert (found.to_offer.gpu, found.to_offer.gpu_count) == ("H200", 4)


def test_more_gpus_cost_the_difference() -> None:
    found = only(advice_on(TOO_SMALL), "tensor_parallel_size")
    assert found.change == "tensor-parallel-size 4 → 8"
    assert found.usd_per_hour_delta == Decimal("31.92") - Decimal("15.96")


def test_flags_are_free_on_the_same_machine_whatever_it_costs() -> None:
    cache = only(advice_on(SHORT), "kv_cache_dtype")
    assert cache.usd_per_hour_delta == 0
    assert cache.from_offer is cache.to_offer
    precision = only(advice_on(NOT_ON_SALE), "quantization")
    assert precision.usd_per_hour_delta == 0
    assert precision.from_offer is None


def test_what_is_not_on_sale_has_no_difference_and_comes_last() -> None:
    stages = advice_on(SHORT)[-1]
    assert (stages.kind, stages.usd_per_hour_delta, stages.to_offer) == ("pipeline_parallel_size", None, None)
    assert stages.from_offer is not None
    moved = [item for item in advice_on(NOT_ON_SALE) if item.kind in {"machine", "tensor_parallel_size"}]
    assert moved
    assert {item.usd_per_hour_delta for item in moved} == {None}
    assert all(item.to_offer is not None for item in moved)


@pytest.mark.parametrize("asked", CASES, ids=lambda r: f"{r.model.name} {r.gpu.name}")
def test_the_cheapest_first_and_each_one_is_enough(asked: FitRequest) -> None:
    advice = advice_on(asked)
    assert len(advice) >= 3
    deltas = [item.usd_per_hour_delta for item in advice]
    priced = [delta for delta in deltas if delta is not None]
    assert deltas == [*sorted(priced), *[None] * (len(deltas) - len(priced))]
    assert {item.verdict for item in advice} == {Verdict.FITS}
    assert {assess(item.request).verdict for item in advice} == {Verdict.FITS}


@pytest.mark.parametrize("asked", CASES, ids=lambda r: f"{r.model.name} {r.gpu.name}")
def test_a_price_is_that_of_the_changed_machine_in_the_secure_tier(asked: FitRequest) -> None:
    for item in advice_on(asked):
        for offer, configured in ((item.from_offer, asked), (item.to_offer, item.request)):
            if offer is not None:
                assert (offer.gpu, offer.gpu_count) == (configured.gpu.name, configured.gpu_count)
                assert (offer.trust, offer.spot, offer.rentable) == (Trust.SECURE, False, True)


def test_the_cheapest_offer_is_neither_spot_nor_a_strangers() -> None:
    every = [o for o in load_offers() if (o.gpu, o.gpu_count) == ("H100-SXM", 8)]
    kept = [o.usd_per_hour for o in every if o.rentable and o.trust is Trust.SECURE and not o.spot]
    assert min(o.usd_per_hour for o in every) < min(kept)
    found = cheapest_offer("H100-SXM", 8)
    assert found is not None
    assert found.usd_per_hour == min(kept)
    assert cheapest_offer("H100-SXM", 16) is None


def test_one_form_factor_of_a_gpu_is_advice_enough_and_of_equal_prices_the_faster() -> None:
    asked = request("llama-3.3-70b", "bf16", "H100-SXM", 2)
    gpus = (find_gpu("A100-80-PCIe"), find_gpu("A100-80-SXM"))
    found = only(advise(assess(asked), gpus=gpus), "machine")
    assert found.change == "2× A100-80-SXM instead of 2× H100-SXM"
    assert found.usd_per_hour_delta == Decimal("3.58") - Decimal("7.98")
    assert found.caveat == "39% less memory bandwidth: tokens come slower"  # 2,039 of 3,350 GB/s


@pytest.mark.parametrize("gpu", ["GH200", "MI300X", "A100-80-SXM", "L40S"])
def test_what_a_plan_would_not_take_by_itself_is_not_proposed(gpu: str) -> None:
    """An arm64 CPU, ROCm, fp8 that is only unpacked, and PCIe instead of NVLink."""
    assert [item for item in advise(assess(SHORT), gpus=(find_gpu(gpu),)) if item.kind == "machine"] == []


def test_a_change_of_precision_says_what_it_keeps() -> None:
    found = only(advice_on(request("llama-3.3-70b", "bf16", "H100-SXM", 2)), "quantization")
    assert found.change == "quantization bf16 → fp8"
    assert found.accuracy is not None
    assert (found.accuracy.low, found.accuracy.measured) == (99.6, True)
    assert found.caveat.startswith("keeps 99.6 to 100 % of the 16-bit score (measured: Qwen3.6 27B")
    assert {item.accuracy for item in advice_on(SHORT) if item.kind != "quantization"} == {None}


def test_an_engine_that_runs_too_few_at_once_is_told_to_run_more() -> None:
    asked = request("llama-3.1-8b", "bf16", "H200", 1, max_model_len=512, concurrency=1100)
    fit = assess(asked)
    assert fit.reasons == ("max-num-seqs 1024 keeps 1100 requests from running at once",)
    found = only(advise(fit), "more_seqs")
    assert found.change == "max-num-seqs 1024 → 1100"
    assert found.usd_per_hour_delta == 0


def test_where_nothing_is_enough_what_comes_closest_is_given_as_tight() -> None:
    advice = advise(assess(request("llama-3.1-8b", "bf16", "H200", 1, concurrency=10_000)))
    assert advice
    assert {item.verdict for item in advice} == {Verdict.TIGHT}


def test_what_fits_needs_no_advice() -> None:
    assert advice_on(request("llama-3.1-8b", "bf16", "H200", 1)) == ()


def test_other_engines_are_advised_too() -> None:
    advice = advice_on(request("llama-3.3-70b", "bf16", "H100-SXM", 2, engine="sglang"))
    assert "more_seqs" not in {item.kind for item in advice}
    assert all(item.request.engine == "sglang" for item in advice)
    vllms = {"max_num_seqs", "max_num_batched_tokens", "gpu_memory_utilization", "flags", "enforce_eager"}
    assert not vllms & {item.kind for item in advice}, "flags that SGLang does not have"


def test_engines_of_one_machine_get_prices_too() -> None:
    advice = advice_on(request("llama-3.3-70b", "q4_k_m", "RTX-4090", 1, engine="llama.cpp"))
    more = next(item for item in advice if item.kind == "tensor_parallel_size")
    assert more.change == "GPUs 1 → 4"
    assert more.from_offer is not None
    assert more.to_offer is not None
    assert more.usd_per_hour_delta == more.to_offer.usd_per_hour - more.from_offer.usd_per_hour > 0
    assert any(item.kind == "gpu" for item in advice)
    assert not any(item.kind == "machine" for item in advice)


def test_more_memory_for_a_mac_is_not_free() -> None:
    mac = replace(find_gpu("M4-Max"), total_memory_bytes=48 * GIB, total_memory_estimated=False)
    asked = replace(request("llama-3.3-70b", "mlx-4bit", "M4-Max", 1, engine="mlx"), gpu=mac)
    advice = advice_on(asked)
    assert "memory" in {item.kind for item in advice}
    assert {item.usd_per_hour_delta for item in advice if item.moves} == {None}
    assert all(item.moves for item in advice if item.kind == "memory")
