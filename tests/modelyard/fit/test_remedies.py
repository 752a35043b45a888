from dataclasses import replace

import pytest

from modelyard.catalog.gpus import Gpu
from modelyard.fit import Remedy, Verdict, assess, find_remedies, longest_context
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_4090, a_checkpoint, a_gpu, a_model, a_request, an_a100, qwen25_72b

H200 = a_gpu(name="H200", title="NVIDIA H200", total_memory_bytes=round(139.81 * GIB))
NEW = "0.33.0"


def by_kind(remedies: tuple[Remedy, ...]) -> dict[str, Remedy]:
    return {remedy.kind: remedy for remedy in remedies}


def test_what_fits_needs_no_remedy() -> None:
    assert find_remedies(assess(a_request()), gpus=(H200,)) == ()


def test_every_remedy_is_what_it_says() -> None:
    fit = assess(a_request(gpu=a_4090(), max_model_len=65536, engine_version=NEW))
    remedies = find_remedies(fit, gpus=(a_gpu(), H200))
    assert remedies
    for remedy in remedies:
        again = assess(remedy.request)
        assert again.verdict is remedy.verdict
        assert again.margin_bytes > fit.margin_bytes


def test_free_flags_come_first_and_hardware_last() -> None:
    fit = assess(a_request(model=qwen25_72b(), tensor_parallel_size=2, engine_version=NEW))
    kinds = [remedy.kind for remedy in find_remedies(fit, gpus=(H200,))]
    tiers = {
        "max_num_seqs": 0, "max_num_batched_tokens": 0, "gpu_memory_utilization": 0, "flags": 0,
        "quantization": 1, "max_model_len": 1, "kv_cache_dtype": 1, "enforce_eager": 1,
        "tensor_parallel_size": 2, "pipeline_parallel_size": 2, "gpu": 2,
    }  # fmt: skip
    order = [tiers[kind] for kind in kinds]
    assert order == sorted(order)
    assert {"quantization", "tensor_parallel_size", "gpu"} <= set(kinds)


def test_fewer_seqs_free_memory_in_numbers() -> None:
    # the sampler needs 1.885 GiB for 1,024 sequences; for 64 it is below the forward pass with its 0.921, and 33
    # instead of 102 graphs of 32 layers are captured: 0.38 GiB less
    fit = assess(a_request(engine_version=NEW, concurrency=55))
    assert fit.verdict is Verdict.TIGHT
    remedy = by_kind(find_remedies(fit))["max_num_seqs"]
    assert remedy.change == "max-num-seqs 1024 → 64"
    assert remedy.effect == "frees 1.34 GiB per GPU; holds 56 requests at 8k"


def test_seqs_are_not_cut_below_the_requests_asked_for() -> None:
    fit = assess(a_request(engine_version=NEW, concurrency=300))
    for remedy in find_remedies(fit):
        assert remedy.request.max_num_seqs is None or remedy.request.max_num_seqs >= 300


def test_the_longest_context_that_fits() -> None:
    fit = assess(a_request(gpu=a_4090(), max_model_len=131072, engine_version=NEW))
    remedy = by_kind(find_remedies(fit))["max_model_len"]
    length = remedy.request.max_model_len
    assert remedy.verdict is Verdict.FITS
    assert length % 1024 == 0
    assert assess(replace(remedy.request, max_model_len=length + 1024)).verdict is not Verdict.FITS
    assert longest_context(fit.request) == length


def test_no_context_fits_when_the_weights_do_not() -> None:
    assert longest_context(a_request(model=qwen25_72b())) is None


def test_an_fp8_cache_halves_a_token() -> None:
    fit = assess(a_request(gpu=a_4090(), max_model_len=49152, engine_version=NEW))
    remedy = by_kind(find_remedies(fit))["kv_cache_dtype"]
    assert remedy.change == "kv-cache-dtype auto → fp8"
    assert "65,536 instead of 131,072 bytes of KV per token" in remedy.effect
    assert remedy.verdict is Verdict.FITS


def test_turing_has_no_fp8_cache_to_offer() -> None:
    turing = replace(a_4090(), compute_capability="7.5")
    fit = assess(a_request(gpu=turing, max_model_len=49152, engine_version=NEW))
    assert "kv_cache_dtype" not in by_kind(find_remedies(fit))


def test_the_most_faithful_precision_that_fits_is_named() -> None:
    checkpoints = (a_checkpoint("bf16"), a_checkpoint("awq-int4"), a_checkpoint("fp8"))
    fit = assess(a_request(model=qwen25_72b(checkpoint=checkpoints), tensor_parallel_size=2, engine_version=NEW))
    remedy = by_kind(find_remedies(fit))["quantization"]
    assert remedy.change == "quantization bf16 → fp8"
    assert remedy.verdict is Verdict.FITS


def test_the_smallest_tensor_parallel_size_that_fits() -> None:
    fit = assess(a_request(model=qwen25_72b(), engine_version=NEW, tensor_parallel_size=1))
    remedy = by_kind(find_remedies(fit))["tensor_parallel_size"]
    assert remedy.change == "tensor-parallel-size 1 → 4"


def test_only_larger_gpus_are_offered_smallest_first() -> None:
    fit = assess(a_request(model=qwen25_72b(), tensor_parallel_size=2, engine_version=NEW, max_model_len=32768))
    b200 = replace(H200, name="B200", total_memory_bytes=round(178 * GIB))
    offered = [r.change for r in find_remedies(fit, gpus=(b200, a_4090(), H200, an_a100())) if r.kind == "gpu"]
    assert offered == ["2× H100-SXM → 2× H200", "2× H100-SXM → 2× B200"]


def test_too_high_a_utilization_is_lowered() -> None:
    fit = assess(a_request(gpu_memory_utilization=0.999, engine_version=NEW))
    remedy = by_kind(find_remedies(fit))["gpu_memory_utilization"]
    assert remedy.change == "gpu-memory-utilization 0.999 → 0.94"
    assert remedy.verdict is Verdict.FITS


def test_changes_that_still_do_not_fit_are_left_out_when_others_do() -> None:
    fit = assess(a_request(gpu=a_4090(), max_model_len=131072, engine_version=NEW))
    assert all(remedy.verdict is not Verdict.DOES_NOT_FIT for remedy in find_remedies(fit))


@pytest.mark.parametrize("gpus", [(), (a_4090(),)])
def test_hopeless_cases_still_say_what_helps(gpus: tuple[Gpu, ...]) -> None:
    huge = a_model(num_hidden_layers=2000, total_params=500_000_000_000)
    fit = assess(a_request(model=huge, gpu=a_4090(), engine_version=NEW))
    remedies = find_remedies(fit, gpus=gpus)
    assert remedies
    assert {remedy.verdict for remedy in remedies} == {Verdict.DOES_NOT_FIT}
    assert all("short" in remedy.effect for remedy in remedies)
