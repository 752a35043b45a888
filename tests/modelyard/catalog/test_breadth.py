"""The families that the catalog covers, and that every row's shapes come to the parameters it claims."""

import pytest

from modelyard.catalog.models import Checkpoint, Model, find_model, load_models
from modelyard.fit.architecture import take_apart
from modelyard.fit.schemes import find_scheme
from modelyard.fit.weights import rope_bytes, weigh

MODELS = [pytest.param(model, id=model.name) for model in load_models()]
EXACT = [pytest.param(model, id=model.name) for model in load_models() if model.params_exact]
RELEASED_IN_16_BITS = [  # MLA loads two of its matrices a second time
    pytest.param(model, id=model.name)
    for model in load_models()
    if model.params_exact and model.mla is None and model.native_quantization == "bf16"
]
CHECKPOINTS = [
    pytest.param(model, checkpoint, id=f"{model.name}:{checkpoint.hub_id}")
    for model in load_models()
    for checkpoint in model.checkpoint
]

FAMILIES = {
    "R1 distills": (
        "deepseek-r1-distill-qwen-1.5b", "deepseek-r1-distill-qwen-7b", "deepseek-r1-distill-qwen-14b",
        "deepseek-r1-distill-qwen-32b", "deepseek-r1-distill-llama-8b", "deepseek-r1-distill-llama-70b",
    ),
    "Mixtral": ("mixtral-8x7b", "mixtral-8x22b"),
    "Qwen1.5 MoE": ("qwen1.5-moe-a2.7b",),
    "Qwen3 dense": ("qwen3-0.6b", "qwen3-1.7b", "qwen3-4b", "qwen3-4b-2507", "qwen3-8b", "qwen3-14b", "qwen3-32b"),
    "Qwen3 MoE": (
        "qwen3-30b-a3b", "qwen3-30b-a3b-2507", "qwen3-30b-a3b-thinking-2507", "qwen3-235b-a22b",
        "qwen3-235b-a22b-2507", "qwen3-coder-30b-a3b", "qwen3-coder-480b-a35b", "qwen3-next-80b-a3b",
    ),
    "Qwen3 VL": ("qwen3-vl-2b", "qwen3-vl-4b", "qwen3-vl-8b", "qwen3-vl-32b", "qwen3-vl-30b-a3b", "qwen3-vl-235b-a22b"),
    "Qwen 3.5 to 3.8": ("qwen3.5-27b", "qwen3.5-397b-a17b", "qwen3.6-27b", "qwen3.6-35b-a3b", "qwen3.8-27b"),
    "QwQ": ("qwq-32b",),
    "Kimi": (
        "kimi-k2", "kimi-k2-0905", "kimi-k2-thinking", "kimi-k2.5", "kimi-k2.6", "kimi-k2.7-code", "kimi-vl-a3b",
        "kimi-linear-48b-a3b", "kimi-dev-72b",
    ),
    "Llama 3.2": ("llama-3.2-1b", "llama-3.2-3b", "llama-3.2-11b-vision", "llama-3.2-90b-vision"),
    "Mistral Large 3": ("mistral-large-3",),
    "GLM": ("glm-4.5", "glm-4.5-air", "glm-4.6", "glm-4.7", "glm-4.7-flash", "glm-5", "glm-5.1", "glm-5.2"),
    "Nemotron": (
        "nemotron-3-nano-30b-a3b", "nemotron-3-super-120b-a12b", "nemotron-3-ultra-550b-a55b",
        "nemotron-3.5-lightning-30b-a3b", "nemotron-nano-9b-v2", "nemotron-nano-12b-v2", "nemotron-h-56b",
        "llama-3.1-nemotron-70b", "llama-3.3-nemotron-super-49b",
    ),
    "Ministral 3": ("ministral-3-3b", "ministral-3-8b", "ministral-3-14b", "ministral-3-14b-reasoning"),
    "gpt-oss": ("gpt-oss-20b", "gpt-oss-120b"),
    "MiniMax": ("minimax-m2", "minimax-m2.1", "minimax-m2.5", "minimax-m2.7", "minimax-m3"),
    "Cohere": ("command-a", "command-r7b"),
    "embedding": ("bge-m3", "qwen3-embedding-0.6b"),
    "OLMo": ("olmo-2-7b", "olmo-2-13b", "olmo-2-32b", "olmo-3-7b", "olmo-3-32b"),
    "Granite": ("granite-3.2-2b", "granite-3.2-8b", "granite-4.0-micro", "granite-4.0-h-small"),
}  # fmt: skip

PUBLISHED = {
    "qwen1.5-moe-a2.7b": (14.3e9, "NVIDIA NeMo AutoModel's table"),
    "qwen3-30b-a3b-2507": (30.5e9, "vLLM recipe of Qwen3 30B-A3B"),
    "qwen3-235b-a22b": (235e9, "vLLM recipe"),
    "glm-5": (744e9, "vLLM recipe"),
    "glm-5.2": (743e9, "vLLM recipe"),
    "glm-4.7-flash": (30e9, "transformers' documentation"),
    "minimax-m2": (230e9, "vLLM recipe"),
    "nemotron-3-super-120b-a12b": (120e9, "vLLM recipe"),
    "nemotron-3-ultra-550b-a55b": (550e9, "vLLM recipe"),
    "ministral-3-14b": (13.5e9 + 0.41e9, "text and vision, apxml.com"),
    "command-a": (111e9, "its name"),
    "granite-4.0-h-small": (59.99 * 2**30 / 2, "59.99 GiB of weight files at 16 bits"),
    "llama-3.2-11b-vision": (10.6e9, "Meta's model card"),
    "llama-3.2-90b-vision": (88.8e9, "Meta's model card"),
    "llama-3.3-nemotron-super-49b": (49.9e9, "the hub's count"),
    "mistral-large-3": (673e9 + 2.5e9, "text and vision encoder, model card"),
    "minimax-m3": (427.04e9, "sum of the safetensors headers, vLLM recipe"),
}
"""Counts that others publish to three digits, or two where the name is that precise."""

NOT_SAID = {
    "TechxGenus/DeepSeek-V2-Lite-Chat-AWQ", "nvidia/DeepSeek-V3-FP4",
    "nvidia/Llama-4-Scout-17B-16E-Instruct-NVFP4", "mistralai/Mistral-Small-4-119B-2603-NVFP4",
    "nvidia/Qwen3-235B-A22B-Instruct-2507-NVFP4", "nvidia/Qwen3-Coder-480B-A35B-Instruct-NVFP4",
    "nvidia/Qwen3-Next-80B-A3B-Instruct-NVFP4", "nvidia/Qwen3-VL-235B-A22B-Instruct-NVFP4",
    "nvidia/Kimi-K2-Thinking-NVFP4", "nvidia/GLM-4.7-NVFP4", "RedHatAI/MiniMax-M2-NVFP4",
    "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4", "nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-NVFP4",
    "Qwen/Qwen3.5-27B-GPTQ-Int4", "Qwen/Qwen3.5-397B-A17B-GPTQ-Int4",
    "Qwen/Qwen3-30B-A3B-GPTQ-Int4", "Qwen/Qwen3-235B-A22B-GPTQ-Int4", "Qwen/Qwen3.5-35B-A3B-GPTQ-Int4",
    "Qwen/Qwen3.5-122B-A10B-GPTQ-Int4", "TheBloke/Mixtral-8x7B-Instruct-v0.1-GPTQ",
    "mistralai/Mistral-Large-3-675B-Instruct-2512-NVFP4",
}  # fmt: skip
"""4-bit checkpoints whose exceptions were not found; a fit warns of each. Filling one means striking it here."""


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_there(family: str) -> None:
    for name in FAMILIES[family]:
        assert find_model(name).name == name


@pytest.mark.parametrize("model", EXACT)
def test_the_shapes_come_to_the_claimed_parameters(model: Model) -> None:
    assert abs(take_apart(model).unlisted_params) <= 0.003 * model.total_params


@pytest.mark.parametrize("model", RELEASED_IN_16_BITS)
def test_16_bit_weights_are_two_bytes_per_parameter(model: Model) -> None:
    loaded = weigh(model, "bf16", 1).fullest.weights_bytes - rope_bytes(model)
    assert loaded / 2 == pytest.approx(model.total_params, rel=0.01)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_count_is_the_published_one(name: str) -> None:
    published, _ = PUBLISHED[name]
    assert find_model(name).total_params == pytest.approx(published, rel=0.01)


@pytest.mark.parametrize("model", MODELS)
def test_active_parameters_are_fewer_exactly_where_there_are_experts(model: Model) -> None:
    if model.active_params is None:
        pytest.skip("not known")
    assert (model.active_params < model.total_params) == (model.moe is not None)


def test_no_checkpoint_is_listed_twice() -> None:
    ids = [checkpoint.hub_id.lower() for model in load_models() for checkpoint in model.checkpoint]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("model", "checkpoint"), CHECKPOINTS)
def test_a_checkpoint_can_be_weighed(model: Model, checkpoint: Checkpoint) -> None:
    scheme = find_scheme(checkpoint.quantization, group_size=checkpoint.group_size, zero_point=checkpoint.zero_point)
    assert scheme is not None
    for part, quantization in checkpoint.part_quantization.items():
        assert find_scheme(quantization) is not None
        assert part in {
            "attention",
            "attention_output",
            "linear_attention",
            "shared_experts",
            "mlp",
            "lm_head",
            "indexer",
        }
    assert 0.5 * model.total_params < weigh(model, checkpoint.hub_id, 1).fullest.weights_bytes


def test_which_4_bit_checkpoints_do_not_say_their_exceptions() -> None:
    silent = {
        checkpoint.hub_id
        for model in load_models()
        for checkpoint in model.checkpoint
        if not checkpoint.unquantized
        and checkpoint.bytes is None
        and (scheme := find_scheme(checkpoint.quantization)) is not None
        and scheme.family in {"nvfp4", "int4"}
        and (model.moe is not None or model.mla is not None or model.linear_attention is not None)
    }
    assert silent == NOT_SAID


@pytest.mark.parametrize("model", MODELS)
def test_an_unknown_licence_is_named_as_unknown(model: Model) -> None:
    assert ("license" in model.unknown) == (model.license == "unknown")


def test_mixed_precision_counts_each_part_at_its_own() -> None:
    model = find_model("nemotron-3.5-lightning-30b-a3b")
    experts = 23 * 128 * 2 * 2688 * 1856
    shared = 23 * 2 * 2688 * 3712
    mamba = 23 * 2688 * (2 * 4096 + 2 * 8 * 128) + 23 * 4096 * 2688
    head = embedding = 131072 * 2688
    attention = 6 * (2 * 2688 * 32 * 128 + 2 * 2688 * 2 * 128)
    router = 23 * 128 * 2688
    expected = (experts + shared + head) * 0.5625 + mamba + 2 * (embedding + attention + router)
    found = weigh(model, "nvfp4", 1).fullest.weights_bytes - rope_bytes(model)
    assert found == pytest.approx(expected, rel=0.003)


def test_a_pruned_model_counts_every_layer_as_it_is() -> None:
    model = find_model("llama-3.3-nemotron-super-49b")
    kinds = take_apart(model).layers
    assert sum(kind.attention == "full" for kind in kinds) == 49
    assert [kind.width for kind in kinds[:8]] == [14336, 28672, 28672, 28672, 28672, 28672, 14336, 14336]
    attention = 2 * 8192 * 8192 + 2 * 8192 * 1024
    widths = 3 * 8192 * 1_642_496
    assert 49 * attention + widths + 2 * 128256 * 8192 + (49 + 80 + 1) * 8192 == model.total_params


def test_latent_experts_are_narrower_than_the_model() -> None:
    model = find_model("nemotron-3-super-120b-a12b")
    kinds = take_apart(model)
    (experts,) = (p for k, parts in kinds.parts.items() if k.ffn == "moe" for p in parts if p.name == "experts")
    assert experts.params == 512 * 2 * 1024 * 2688
