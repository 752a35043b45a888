"""Engines other than vLLM by their own meaning, one module each; every one says what it does not know."""

from modelyard.fit.engines import sglang, tensorrt_llm, tgi, vllm
from modelyard.fit.engines.base import Rules

SERVERS: dict[str, Rules] = {module.RULES.name: module.RULES for module in (vllm, sglang, tensorrt_llm, tgi)}
"""Engines that keep a whole model on their GPUs."""

LOCAL = ("llama.cpp", "ollama", "mlx")
"""Engines that run a model on one machine, layer by layer, with a context that is reserved at load."""


def rules_of(engine: str) -> Rules:
    """The rules of ``engine``; vLLM's for an engine that is not modelled (see ``is_modelled``)."""
    return SERVERS.get(engine, vllm.RULES)


def is_modelled(engine: str) -> bool:
    """Whether ``engine`` has rules of its own."""
    return engine in SERVERS or engine in LOCAL
