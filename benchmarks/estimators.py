"""Other estimators of VRAM on the rows that the fit is scored on, each told no more and no less than the fit is.

How each is run:

- **hf-mem** (PyPI): its own functions, in an environment of its own. Instead of the hub it is fed, per row, a
  safetensors header whose tensors add up to the checkpoint's files as our catalog has them, and a config.json made from
  the catalog. It knows no split, so its totals are divided by tp × pp. It names no KV budget, so K is not scored.
- **aiconfigurator** (PyPI): ``estimate_kv_cache`` with its own model tables where it has the model, else its fallback
  on a config.json made from the catalog.
- **accelerate estimate-memory**: its command takes hub ids alone and needs 5 GB of PyTorch; its rule is scored instead,
  and marked so: parameters × 4 bytes, halved for 16 bits, quartered for 8, an eighth for 4. Its own functions count the
  same parameters where a config has all its keys (docs/fit.md).
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelyard.fit import FitRequest, checkpoint_bytes, resolve_precision
from modelyard.fit.defaults import resolve_flags
from modelyard.units import GIB

INSTALL_SECONDS, RUN_SECONDS = 300, 120

_HF_MEM = """
import json, sys, warnings
warnings.simplefilter("ignore")
from hf_mem.safetensors.kv_cache import compute_safetensors_kv_cache_size, resolve_kv_cache_dtype
from hf_mem.safetensors.metadata import parse_safetensors_metadata
out = []
for case in json.load(sys.stdin):
    try:
        header = {"Transformer": {"all": {"dtype": "U8", "shape": [case["file_bytes"]]}}}
        metadata = parse_safetensors_metadata(header)
        dtype = resolve_kv_cache_dtype(case["config"], case["kv_dtype"], metadata, case["name"])
        kv = compute_safetensors_kv_cache_size(case["config"], dtype, case["max_model_len"])
        out.append({"weights": metadata.bytes_count, "kv_per_token": kv / case["max_model_len"]})
    except Exception as error:
        out.append({"error": f"{type(error).__name__}: {error}"[:120]})
print(json.dumps(out))
"""

_AICONFIGURATOR = """
import json, logging, sys
logging.disable(logging.CRITICAL)
from aiconfigurator_core.sdk.memory import estimate_kv_cache
out = []
for case in json.load(sys.stdin):
    told = dict(
        max_num_tokens=case["tokens"], max_batch_size=case["seqs"], memory_fraction_kind="of_total",
        memory_fraction_value=case["gmu"], tp_size=case["tp"], pp_size=case["pp"], attention_dp_size=case["dp"],
        gpu_memory_capacity_bytes_override=case["total"],
    )
    if case["moe"]:
        ep = case["tp"] * case["dp"] if case["ep"] else 1
        told |= {"moe_ep_size": ep, "moe_tp_size": case["tp"] * case["dp"] // ep}
    native = {"backend_version": "current"}
    tries = [(case["name"], native), (case["folder"], {"allow_naive_fallback": True})]
    for path, more in tries:
        try:
            found = estimate_kv_cache(path, case["system"], "vllm", **told, **more)
        except BaseException as error:
            result = {"error": f"{type(error).__name__}: {error}"[:120]}
            continue
        parts = found["memory_breakdown"] or {}
        weights = next((value for key, value in parts.items() if "weight" in key.lower()), None)
        result = {
            "kv": found["total_kv_size_bytes"], "kv_per_token": found["kv_size_per_token_bytes"], "weights": weights,
            "source": found["source"],
        }
        break
    out.append(result)
print(json.dumps(out))
"""

_SYSTEMS = {
    "H100-SXM": "h100_sxm", "H100-PCIe": "h100_pcie", "H200": "h200_sxm", "A100-80-SXM": "a100_sxm", "B200": "b200_sxm",
    "A100-40-SXM": "a100_sxm", "L40S": "l40s", "L4": "l4",
}  # fmt: skip

Prediction = dict[str, Any]
"""``weights`` and ``kv_per_token`` of one GPU, ``kv`` left for the cache, in bytes; or ``error``."""


def score_others(rows: Sequence[Mapping[str, Any]], *, install: bool) -> dict[str, Any]:
    """Scores of every estimator on ``rows``, or why it was not run.

    Args:
        rows: label, score letters, the row and the request of every observation.
        install: whether to make environments and run what needs one.
    """
    results: dict[str, Any] = {
        "accelerate estimate-memory (by its rule, not its code)": _scored(rows, _accelerate(rows))
    }
    tools: tuple[tuple[str, Callable[[Sequence[Mapping[str, Any]]], list[Prediction]]], ...] = (
        ("hf-mem", _hf_mem),
        ("aiconfigurator", _aiconfigurator),
    )
    for name, run in tools:
        if not install:
            results[name] = "not run: a smoke run installs nothing"
            continue
        try:
            results[name] = _scored(rows, run(rows))
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            results[name] = f"not run: {str(error)[-200:]}"
    return results


def _scored(rows: Sequence[Mapping[str, Any]], predictions: Sequence[Prediction]) -> dict[str, Any]:
    why = Counter(str(found["error"])[:90] for found in predictions if "error" in found)
    sources = Counter(str(found["source"]) for found in predictions if "source" in found)
    errors: dict[str, list[float]] = {"weights": [], "kv_gib": [], "tokens_from_observed_kv_gib": []}
    outcomes = {"right": 0, "wrong": 0}
    refused = 0
    for row, found in zip(rows, predictions, strict=True):
        seen, request = row["row"], row["request"]
        if "error" in found:
            refused += 1
            if "O" in row["score"] and "no KV budget" in found["error"]:  # that is an answer: it does not fit
                outcomes["right" if seen["obs_outcome"] == "oom" else "wrong"] += 1
            continue
        if "W" in row["score"] and found.get("weights"):
            errors["weights"].append(found["weights"] / GIB / float(seen["obs_weights_gib_per_gpu"]) - 1)
        if "K" in row["score"] and found.get("kv") is not None:
            errors["kv_gib"].append(
                (found["kv"] / GIB - float(seen["obs_kv_gib_per_gpu"])) / abs(float(seen["obs_kv_gib_per_gpu"]))
            )
        if "T" in row["score"] and found["kv_per_token"]:
            tokens = float(seen["obs_kv_gib_per_gpu"]) * GIB / found["kv_per_token"]
            errors["tokens_from_observed_kv_gib"].append(tokens / int(seen["obs_kv_tokens"]) - 1)
        if "O" in row["score"]:
            outcomes["right" if _fits(request, found) == (seen["obs_outcome"] == "fits") else "wrong"] += 1
    return {
        "answered": len(rows) - refused,
        "refused": refused,
        "refused_because": dict(why.most_common(3)),
        "answered_by": dict(sources),
        **{name: _summary(values) for name, values in errors.items()},
        "outcomes": outcomes,
    }


def _summary(values: Sequence[float]) -> dict[str, Any] | str:
    if not values:
        return "names none"
    sizes = sorted(abs(v) * 100 for v in values)
    return {
        "n": len(sizes),
        "median_percent": round(statistics.median(sizes), 2),
        "p90_percent": round(sizes[min(len(sizes) - 1, round(0.9 * (len(sizes) - 1)))], 2),
        "max_percent": round(sizes[-1], 1),
    }


def _fits(request: FitRequest, found: Prediction) -> bool:
    one = found["kv_per_token"] * request.max_model_len
    if found.get("kv") is not None:
        return bool(found["kv"] >= one)
    return bool(found["weights"] + one <= request.gpu.total_memory_bytes)


def _accelerate(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
    sizes = {"bf16": 2.0, "fp32": 4.0, "fp8": 1.0, "int8": 1.0}
    predictions: list[Prediction] = []
    for row in rows:
        request: FitRequest = row["request"]
        family = resolve_precision(request.model, request.quantization).scheme.family
        gpus = request.tensor_parallel_size * request.pipeline_parallel_size
        weights = request.model.total_params * sizes.get(family, 0.5) / gpus
        predictions.append({"weights": weights, "kv_per_token": 0.0})
    return predictions


def _hf_mem(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
    cases: list[dict[str, Any]] = []
    for row in rows:
        request: FitRequest = row["request"]
        asked = request.kv_cache_dtype
        cases.append(
            {
                "name": request.model.hub_id,
                "file_bytes": checkpoint_bytes(request.model, request.quantization),
                "config": config_of(request),
                "kv_dtype": {"float16": "bfloat16"}.get(asked, asked),
                "max_model_len": request.max_model_len,
            }
        )
    found = _run("hf-mem", _HF_MEM, cases)
    for prediction, row in zip(found, rows, strict=True):
        request = row["request"]
        if "error" not in prediction:
            prediction["weights"] /= request.tensor_parallel_size * request.pipeline_parallel_size
            prediction["kv_per_token"] /= request.tensor_parallel_size * request.pipeline_parallel_size
    return found


def _aiconfigurator(rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
    with tempfile.TemporaryDirectory() as folder:
        cases: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            request: FitRequest = row["request"]
            home = Path(folder) / str(index)
            home.mkdir()
            (home / "config.json").write_text(json.dumps(config_of(request)), encoding="utf-8")
            flags = resolve_flags(request)
            cases.append(
                {
                    "name": str(row["row"]["hf_id"]).removesuffix("-Instruct"),
                    "folder": str(home),
                    "system": _SYSTEMS.get(request.gpu.name, "h100_sxm"),
                    "tokens": flags.max_num_batched_tokens,
                    "seqs": flags.max_num_seqs,
                    "gmu": flags.gpu_memory_utilization,
                    "tp": request.tensor_parallel_size,
                    "pp": request.pipeline_parallel_size,
                    "dp": request.data_parallel_size,
                    "ep": request.expert_parallel,
                    "moe": request.model.moe is not None,
                    "total": request.gpu.total_memory_bytes,
                }
            )
        return _run("aiconfigurator", _AICONFIGURATOR, cases)


_QUANTIZATION = {
    "fp8": {"quant_method": "fp8", "fmt": "e4m3"},
    "fp8-fp4": {"quant_method": "fp8", "fmt": "e4m3"},
    "int4": {"quant_method": "gptq", "bits": 4, "group_size": 128},
    "mxfp4": {"quant_method": "mxfp4"},
    "nvfp4": {"quant_method": "modelopt", "quant_algo": "NVFP4"},
}


def config_of(request: FitRequest) -> dict[str, Any]:
    """A config.json with the catalog's facts."""
    model, precision = request.model, resolve_precision(request.model, request.quantization)
    config: dict[str, Any] = {
        "model_type": model.family,
        "torch_dtype": model.torch_dtype,
        "hidden_size": model.hidden_size,
        "num_hidden_layers": model.num_hidden_layers,
        "num_attention_heads": model.num_attention_heads,
        "num_key_value_heads": model.num_key_value_heads,
        "head_dim": model.head_dim,
        "vocab_size": model.vocab_size,
        "intermediate_size": model.intermediate_size,
        "max_position_embeddings": model.max_position_embeddings,
        "tie_word_embeddings": bool(model.tie_word_embeddings),
    }
    if not precision.on_the_fly and precision.scheme.family in _QUANTIZATION:
        config["quantization_config"] = _QUANTIZATION[precision.scheme.family]
    if model.window is not None:
        kinds = ["full_attention"] * model.window.full_layers + ["sliding_attention"] * model.window.layers
        config |= {"sliding_window": model.window.size, "layer_types": kinds}
    if model.moe is not None:
        config |= {"num_experts": model.moe.num_experts, "num_experts_per_tok": model.moe.experts_per_token}
        config |= {"moe_intermediate_size": model.moe.moe_intermediate_size}
    if model.mla is not None:
        config |= {"kv_lora_rank": model.mla.kv_lora_rank, "qk_rope_head_dim": model.mla.qk_rope_head_dim}
    return config


def _run(package: str, driver: str, cases: Sequence[Mapping[str, Any]]) -> list[Prediction]:
    """Run ``driver`` in an environment that has ``package``, made once under the user's cache folder."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        raise OSError("no uv beside this Python or on PATH")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelyard-benchmarks" / package
    python = home / "bin" / "python"
    if not (home / "ready").is_file():
        made = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)]
        subprocess.run(made, check=True, capture_output=True, timeout=INSTALL_SECONDS)
        install = [uv, "pip", "install", "--quiet", "--python", str(python), package]
        done = subprocess.run(install, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        if done.returncode:
            raise OSError(f"could not install {package}: {done.stderr.strip()[-150:]}")
        (home / "ready").touch()
    done = subprocess.run(
        [str(python), "-c", driver],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    if done.returncode:
        raise OSError(f"{package} failed: {done.stderr.strip()[-200:]}")
    predictions: list[Prediction] = json.loads(done.stdout.strip().splitlines()[-1])
    return predictions
