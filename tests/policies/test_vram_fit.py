"""The fit is worked out again: a claim in the props neither saves nor sinks a program."""

import pytest

from modelyard.resources import UNKNOWN, Value
from policies.precision_supported import RULE as PRECISION
from policies.refit import engine_flags, refit
from policies.rule import Finding, RuleConfig, Status
from policies.vram_fit import RULE
from tests.policies.build import facts, serving

GOOD: dict[str, Value] = {
    "model": "llama-3.1-8b",
    "quantization": "bf16",
    "gpu": "H100-SXM",
    "gpuCount": 1,
    "tensorParallelSize": 1,
    "contextTokens": 8192,
    "concurrency": 4,
}


def _findings(**changes: Value) -> list[Finding]:
    return list(RULE.check(facts(serving(**{**GOOD, **changes})), RuleConfig()))


def test_it_fits() -> None:
    (finding,) = _findings()
    assert finding.status is Status.PASS
    assert finding.measured.startswith("fits: ")


def test_a_claim_that_it_fits_does_not_count_against_the_arithmetic() -> None:
    (finding,) = _findings(model="llama-3.1-405b", fit={"verdict": "fits"})
    assert finding.status is Status.FAIL
    assert finding.measured.startswith("does not fit: ")
    assert finding.change


def test_a_claim_that_it_does_not_fit_does_not_either() -> None:
    assert [f.status for f in _findings(fit={"verdict": "does_not_fit"})] == [Status.PASS]


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        ("fits", Status.PASS),
        ("tight", Status.WARN),
        ("does_not_fit", Status.FAIL),
        ("who knows", Status.UNKNOWN),
        (None, Status.UNKNOWN),
    ],
)
def test_a_model_that_the_catalog_does_not_hold_goes_by_the_plans_verdict(verdict: Value, status: Status) -> None:
    (finding,) = _findings(model="acme/secret-model", fit={"verdict": verdict})
    assert finding.status is status


def test_a_fact_that_is_not_known_before_up_is_unknown_whatever_the_plan_says() -> None:
    (finding,) = _findings(gpu=UNKNOWN, fit={"verdict": "fits"})
    assert finding.status is Status.UNKNOWN
    assert "gpu is not known before `up`" in finding.measured


def test_the_hub_id_stands_in_for_a_name() -> None:
    (finding,) = _findings(model="my-own-name", hubId="meta-llama/Llama-3.1-8B-Instruct")
    assert finding.status is Status.PASS


def test_more_ranks_than_gpus() -> None:
    first, *_ = _findings(tensorParallelSize=8, gpuCount=4)
    assert (first.status, first.measured) == (Status.FAIL, "tensor parallel over 8 GPUs of 4 that are there")


def test_flags_of_the_engine_reach_the_arithmetic() -> None:
    argv: Value = ["--max-num-seqs", "32", "--gpu-memory-utilization=0.5", "--enforce-eager", "--port", "8000"]
    fit = refit(serving(**GOOD, engine={"name": "vllm", "argv": argv})).fit
    assert fit is not None
    assert (fit.request.max_num_seqs, fit.request.gpu_memory_utilization, fit.request.enforce_eager) == (32, 0.5, True)
    assert fit.per_gpu.reserve >= fit.per_gpu.total * 0.49


def test_argument_lists_are_read_as_the_engine_reads_them() -> None:
    assert engine_flags(["serve", "--a", "1", "--b=2", "--c", "--d"]) == {"a": "1", "b": "2", "c": "", "d": ""}
    assert engine_flags(None) == {}


@pytest.mark.parametrize(
    ("quantization", "gpu", "status"),
    [
        ("fp8", "H100-SXM", Status.PASS),
        ("fp8", "A100-SXM-80GB", Status.PASS),
        ("mxfp4", "T4", Status.FAIL),
        ("bf16", "T4", Status.WARN),
        (UNKNOWN, "H100-SXM", Status.UNKNOWN),
        ("fp8", "H900", Status.UNKNOWN),
        (None, "H100-SXM", Status.UNKNOWN),
    ],
)
def test_precision_is_worked_out_for_the_gpu(quantization: Value, gpu: str, status: Status) -> None:
    resource = serving(quantization=quantization, gpu=gpu, precisionSupported=True)
    (finding,) = PRECISION.check(facts(resource), RuleConfig())
    assert finding.status is status
