"""Encoders, which cache nothing, and architectures that are not known, whose cache is only bounded."""

from dataclasses import replace
from typing import Any

import pytest

from modelyard.catalog.gpus import find_gpu, load_gpus
from modelyard.catalog.models import Model, TensorBytes, find_model
from modelyard.errors import UsageError
from modelyard.fit import Fit, FitRequest, Verdict, assess, find_remedies, fit_csv
from modelyard.fit.defaults import BIG_GPU_BYTES
from modelyard.plan.advice import advise, steps_for_unknown
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_model, a_request

UNKNOWN = ("architecture", "kv_bytes_per_token")
PER_TOKEN = 2 * 8 * 128 * 2 * 32
"""Keys and values of 8 heads of 128 in 16 bits on 32 layers."""


def an_unknown(**changes: Any) -> Model:
    llama = find_model("llama-3.1-8b")
    return replace(llama, family="falcon9", unknown=UNKNOWN, **changes)


def fit(model: Model | None = None, gpu: str = "L4", **changes: Any) -> Fit:
    model = model or an_unknown()
    asked: dict[str, Any] = {"quantization": model.native_quantization, "max_model_len": 16384, **changes}
    return assess(FitRequest(model=model, gpu=find_gpu(gpu), **asked))


class TestUnknownArchitecture:
    def test_what_is_known_stands_in_numbers(self) -> None:
        bounds = fit().bounds
        assert bounds is not None
        assert bounds.weights_at_least == fit().per_gpu.weights
        assert bounds.kv_per_token_at_most == PER_TOKEN == 131_072
        assert bounds.kv_per_request_at_most == 16384 * PER_TOKEN == 2 * GIB

    def test_weights_are_exact_only_when_they_were_counted(self) -> None:
        model = an_unknown(params_exact=True)
        counted = replace(
            model.checkpoint[0],
            tensors=TensorBytes(
                sharded=13 * GIB, kv_heads=0, replicated=0, embed_tokens=GIB, lm_head=GIB, vision=0, mtp=0
            ),
        )
        exact = fit(replace(model, checkpoint=(counted,))).bounds
        rough = fit(replace(model, params_exact=False)).bounds
        assert exact is not None
        assert exact.weights_exact
        assert rough is not None
        assert not rough.weights_exact

    def test_one_that_is_known_has_no_bounds(self) -> None:
        assert fit(find_model("llama-3.1-8b")).bounds is None

    @pytest.mark.parametrize(
        ("gpu", "length", "verdict", "why"),
        [
            ("H200", 16384, Verdict.TIGHT, "whether the engine serves it has to be tried"),
            ("L4", 131072, Verdict.TIGHT, "needs at most 16.00 GiB of KV cache per GPU"),
            ("T4", 16384, Verdict.DOES_NOT_FIT, "so it does not fit whatever its attention is"),
        ],
    )
    def test_only_weights_that_do_not_load_are_certain(self, gpu: str, length: int, verdict: Verdict, why: str) -> None:
        found = fit(gpu=gpu, max_model_len=length)
        assert found.verdict is verdict
        assert why in " ".join(found.reasons)

    @pytest.mark.parametrize("gpu", ["H200", "L4"])
    def test_no_change_of_memory_is_advised_where_it_cannot_help(self, gpu: str) -> None:
        found = fit(gpu=gpu)
        assert advise(found, gpus=load_gpus()) == ()
        assert find_remedies(found, gpus=load_gpus()) == ()
        engine, log, row = steps_for_unknown(found)
        assert "falcon9" in engine
        assert "--model-impl transformers" in engine
        assert "log is the truth" in log
        assert "`modelyard models add meta-llama/Llama-3.1-8B" in row

    def test_what_loads_the_weights_is_advised_where_they_do_not(self) -> None:
        found = fit(gpu="T4")
        changes = {item.change for item in advise(found, gpus=load_gpus())}
        assert "tensor-parallel-size 1 → 2" in changes, "the least that helps, and no more"
        assert len(steps_for_unknown(found)) == 2

    def test_a_folder_has_no_row_to_add(self) -> None:
        steps = steps_for_unknown(fit(an_unknown(source="modelyard:folder/x")))
        assert not any("models add" in step for step in steps)

    def test_the_batch_gives_the_bounds(self) -> None:
        (row,) = fit_csv("hf_id,gpu,max_model_len\nme/mine,H200,16384\n", lambda _: an_unknown())
        assert row["bounds"]["kv_bytes_per_token_per_gpu_at_most"] == PER_TOKEN
        assert row["bounds"]["kv_gib_per_request_per_gpu_at_most"] == 2.0
        assert row["bounds"]["weights_gib_per_gpu_at_least"] == row["weights_gib_per_gpu"]
        assert row["verdict"] == "tight"
        assert "falcon9 is no architecture that is known" in " ".join(row["unknown"])


class TestEncoder:
    def test_what_is_left_is_left(self) -> None:
        decoder, encoder = (a_request(model=a_model(encoder=flag), concurrency=1) for flag in (False, True))
        cached, found = assess(decoder), assess(encoder)
        assert found.verdict is Verdict.FITS
        assert (found.kv_cache_tokens, found.kv_bytes_per_token, found.per_gpu.kv_cache) == (0, 0, 0)
        assert found.margin_bytes == cached.per_gpu.kv_cache
        assert found.per_gpu.reserve == cached.per_gpu.reserve + cached.per_gpu.kv_cache
        assert found.per_gpu.weights == cached.per_gpu.weights
        assert "no KV cache" in found.warnings[0]

    def test_one_step_bounds_the_requests_at_once(self) -> None:
        asked = a_request(model=a_model(encoder=True), max_model_len=512, max_num_batched_tokens=8192, concurrency=1)
        assert assess(asked).max_concurrency == 16
        assert assess(replace(asked, max_num_seqs=4)).max_concurrency == 4
        assert assess(replace(asked, max_num_batched_tokens=256)).max_concurrency == 1

    def test_one_that_does_not_load(self) -> None:
        found = fit(replace(find_model("llama-3.3-70b"), encoder=True), gpu="H100-SXM")
        assert found.verdict is Verdict.DOES_NOT_FIT
        assert found.per_gpu.kv_cache < 0
        assert found.max_concurrency == 0
        assert found.reasons[0].startswith("does not load")

    def test_in_a_table(self) -> None:
        model = replace(find_model("llama-3.1-8b"), encoder=True)
        (row,) = fit_csv("hf_id,gpu\nme/mine,H200\n", lambda _: model)
        assert (row["verdict"], row["kv_cache_gib_per_gpu"], row["kv_cache_tokens"]) == ("fits", 0, 0)

    def test_llama_cpp_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"those of llama\.cpp are not modelled"):
            fit(replace(find_model("llama-3.1-8b"), encoder=True), gpu="H100-SXM", engine="llama.cpp")


class TestMoreMemory:
    """vLLM's own defaults jump at 70 GiB (8,192 tokens and 1,024 requests a batch): a larger GPU may hold less."""

    @staticmethod
    def kv(gib: float, **flags: Any) -> int:
        gpu = replace(find_gpu("H100-SXM"), total_memory_bytes=round(gib * GIB))
        model = find_model("gemma-4-31b")
        asked = FitRequest(
            model=model, quantization="bf16", gpu=gpu, max_model_len=8192, engine_version="0.19.0", **flags
        )
        return assess(asked).per_gpu.kv_cache

    def test_the_defaults_take_more_activations_at_70_gib(self) -> None:
        assert BIG_GPU_BYTES == 70 * GIB
        assert self.kv(69.9) > self.kv(70)

    def test_with_the_same_flags_more_memory_is_never_less_cache(self) -> None:
        sizes = [self.kv(gib, max_num_seqs=256, max_num_batched_tokens=2048) for gib in (60, 66, 69.9, 70, 72, 80)]
        assert sizes == sorted(sizes)
        assert self.kv(69.9) == self.kv(69.9, max_num_seqs=256, max_num_batched_tokens=2048)

    def test_the_advice_names_the_flags(self) -> None:
        gpu = replace(find_gpu("H100-SXM"), total_memory_bytes=71 * GIB)
        model = find_model("gemma-4-31b")
        asked = FitRequest(model=model, quantization="bf16", gpu=gpu, max_model_len=2048, engine_version="0.19.0")
        found = assess(asked)
        assert found.verdict is not Verdict.FITS
        assert any("max-num-seqs 1024 →" in item.change for item in advise(found))
