"""MLX LM on Apple silicon: all of the model stays resident, below the wired limit (``engines/apple.py``).

Facts, mlx-lm 0.32: ``generate.py`` (prompts in steps of 2048 tokens; a warning above 0.9 of the recommended working
set), ``models/cache.py`` (KV cache grows by 256 tokens, in the model's dtype), ``server.py`` (32 requests decode at
once; caches of 10 earlier prompts are kept), ``utils.py`` (4 bits in groups of 64, each with a 16-bit scale and bias).
"""

import re

from modelyard.fit.constants import FITTED, whole
from modelyard.fit.engines.apple import memory_assumed, wired_limit
from modelyard.fit.engines.placed import Setting
from modelyard.fit.types import FitRequest
from modelyard.units import MIB

BUFFERS = whole("mlx_buffers_mib") * MIB
"""What MLX caches between steps."""

UNKNOWN = (
    "MLX's own buffers: taken as the forward pass of one prefill step and 0.5 GiB",
    "the KV cache grows with use, and mlx_lm.server keeps those of 10 earlier prompts: not counted",
)


def setting(request: FitRequest) -> Setting:
    """How MLX is set up for a request.

    Raises:
        UsageError: a wired limit beyond the memory of the Mac.
    """
    model, wired = request.model, wired_limit(request)
    tokens = request.max_num_batched_tokens or whole("mlx_prefill_step")
    moe = model.moe
    width = model.intermediate_size
    if moe is not None:  # a token passes its experts and the shared one
        width = max(width, moe.experts_per_token * moe.moe_intermediate_size + moe.shared_expert_intermediate_size)
    return Setting(
        title="MLX",
        parallel=request.parallel or request.concurrency,
        reserve=0,
        context_bytes=0,
        usable=wired.bytes,
        newer_usable=wired.newer_bytes,
        usable_text=wired.formula,
        ubatch=tokens,
        compute_text=f"{tokens} * (3 * {width} + 4 * {model.hidden_size}) * 2 + {BUFFERS}",
        compute_note=(
            ("tokens of a prefill step", str(tokens)),
            ("feed-forward width of a token and hidden size, 16 bits", ""),
            ("buffers between steps", f"{BUFFERS} bytes"),
        ),
        compute_source="assumed: no run",
        families=frozenset({"mlx", "bf16", "fp32", "mxfp4", "nvfp4", "int4"}),
        formats="MLX's own weights, such as 4bit or 8bit, 16-bit, MXFP4, NVFP4, AWQ and GPTQ",
        unknown=(*wired.assumed, *memory_assumed(request), *UNKNOWN),
        offloads=False,
        warns_above=FITTED["mlx_warns_above"],
    )


def mlx_quantization(written: str) -> str:
    """The name of a scheme that is meant by what people call MLX weights: ``4bit``, ``8-bit``, ``4bit-gs32``."""
    match = re.fullmatch(r"(\d)-?bits?((?:-gs?\d+)?)", written.strip().lower())
    return f"mlx-{match[1]}bit{match[2]}" if match else written
