"""Reading through the real huggingface_hub from a hub on the loopback address: facts, sizes, and no byte too many."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import Model, TensorBytes, Vision, find_model
from modelyard.errors import UsageError
from modelyard.fit import FitRequest, Verdict, assess, checkpoint_bytes
from modelyard.hub import read_model, resolve
from tests.modelyard.hub import makers
from tests.modelyard.hub.configs import CONFIGS, DEEPSEEK_V3, LLAMA_3_1_8B
from tests.simulators.hub import HubSimulator, SparseFile

TODAY = date(2026, 11, 21)


def read(hub: HubSimulator, ref: str = "org/model", **options: Any) -> Model:
    return read_model(ref, endpoint=hub.endpoint, today=TODAY, **options)


def test_llama_to_the_parameter(hub: HubSimulator) -> None:
    tensors = makers.dense(LLAMA_3_1_8B)
    repo = hub.add("org/model", {"config.json": LLAMA_3_1_8B, **makers.sharded(tensors, 4)}, license="llama3.1")
    model = read(hub)
    row = find_model("llama-3.1-8b")
    assert (model.total_params, model.params_exact) == (row.total_params, True)
    assert (model.license, model.gated, model.as_of) == ("llama3.1", "no", TODAY)
    assert model.source == f"https://huggingface.co/org/model/tree/{repo.commit}"
    checkpoint = model.checkpoint[0]
    assert (checkpoint.quantization, checkpoint.bytes) == ("bf16", makers.size_of(tensors))
    kv = 32 * 2 * 1024 * 4096 * 2
    norms = (32 * 2 + 1) * 4096 * 2
    vocabulary = 128256 * 4096 * 2
    assert checkpoint.tensors == TensorBytes(
        sharded=makers.size_of(tensors) - kv - norms - 2 * vocabulary,
        kv_heads=kv,
        replicated=norms,
        embed_tokens=vocabulary,
        lm_head=vocabulary,
    )


def test_only_headers_are_asked_for(hub: HubSimulator) -> None:
    tensors = makers.dense(LLAMA_3_1_8B)
    files = makers.sharded(tensors, 3)
    hub.add("org/model", {"config.json": LLAMA_3_1_8B, **files})
    read(hub)
    assert hub.overruns == []
    heads = {
        name: len(file.head) for name, file in hub.repos["org/model"].files.items() if name.endswith("safetensors")
    }
    at_cdn = [(a.path.rpartition("/")[2], a.byte_range) for a in hub.asked if a.at_cdn]
    assert sorted(at_cdn) == sorted(
        pair for name, length in heads.items() for pair in ((name, "bytes=0-7"), (name, f"bytes=8-{length - 1}"))
    )
    whole = [a.path.rpartition("/")[2] for a in hub.asked if a.byte_range is None and "/resolve/" in a.path]
    assert sorted(whole) == ["config.json", "model.safetensors.index.json"]


def test_the_token_goes_to_the_hub_and_not_to_the_cdn(hub: HubSimulator) -> None:
    hub.add(
        "org/model",
        {"config.json": LLAMA_3_1_8B, "model.safetensors": makers.safetensors(makers.dense(LLAMA_3_1_8B))},
        gated="manual",
        readers=frozenset({"hf_reader"}),
    )
    assert read(hub, token="hf_reader").gated == "yes"
    assert {a.authorization for a in hub.asked if not a.at_cdn} == {"Bearer hf_reader"}
    assert {a.authorization for a in hub.asked if a.at_cdn} == {None}


@pytest.mark.slow
def test_deepseek_v3_with_block_scales_and_mtp(hub: HubSimulator) -> None:
    tensors = makers.deepseek(DEEPSEEK_V3)
    hub.add("org/model", {"config.json": DEEPSEEK_V3, **makers.sharded(tensors, 16)})
    model = read(hub)
    checkpoint = model.checkpoint[0]
    assert model.total_params == find_model("deepseek-v3").total_params
    assert checkpoint.quantization == "fp8-block"
    assert checkpoint.bytes == makers.size_of(tensors)
    assert model.mtp is not None
    assert model.mtp.layers == 1
    assert model.mtp.params is not None


def small_deepseek() -> dict[str, Any]:
    return {
        **DEEPSEEK_V3, "num_hidden_layers": 2, "first_k_dense_replace": 1, "n_routed_experts": 4,
        "hidden_size": 1024, "intermediate_size": 2048, "moe_intermediate_size": 512, "vocab_size": 1024,
        "num_attention_heads": 8, "num_key_value_heads": 8,
    }  # fmt: skip


def test_scales_are_bytes_but_no_parameters(hub: HubSimulator) -> None:
    config = small_deepseek()
    tensors = makers.deepseek(config)
    hub.add("org/model", {"config.json": config, "model.safetensors": makers.safetensors(tensors)})
    model = read(hub)
    weights = {n: s for n, (_, s) in tensors.items() if not n.endswith("scale_inv")}
    mtp = {n: s for n, s in weights.items() if ".layers.2." in n}
    count = sum(s[0] * (s[1] if len(s) > 1 else 1) for s in weights.values())
    of_mtp = sum(s[0] * (s[1] if len(s) > 1 else 1) for s in mtp.values())
    assert model.total_params == count - of_mtp
    assert model.mtp is not None
    assert (model.mtp.layers, model.mtp.params) == (1, of_mtp)
    split = model.checkpoint[0].tensors
    assert split is not None
    assert split.mtp == makers.size_of({n: t for n, t in tensors.items() if ".layers.2." in n})
    latent = {n: t for n, t in tensors.items() if "_a_proj" in n and ".layers.2." not in n}
    norms = {n: t for n, t in tensors.items() if ("norm" in n or ".mlp.gate." in n) and ".layers.2." not in n}
    assert split.replicated == makers.size_of(latent) + makers.size_of(norms)
    assert model.checkpoint[0].unquantized == ("lm_head", "embed_tokens", "router")


def test_packed_fp4_experts_count_two_weights_a_byte(hub: HubSimulator) -> None:
    """gpt-oss: blocks of 16 bytes hold 32 weights, and their scales hold none."""
    tensors: makers.Tensors = {
        "model.embed_tokens.weight": ("BF16", (201088, 2880)),
        "lm_head.weight": ("BF16", (201088, 2880)),
        "model.layers.0.self_attn.q_proj.weight": ("BF16", (4096, 2880)),
        "model.layers.0.self_attn.q_proj.bias": ("BF16", (4096,)),
        "model.layers.0.mlp.experts.gate_up_proj_blocks": ("U8", (32, 5760, 90, 16)),
        "model.layers.0.mlp.experts.gate_up_proj_scales": ("U8", (32, 5760, 90)),
        "model.layers.0.mlp.experts.gate_up_proj_bias": ("BF16", (32, 5760)),
    }
    config = {**CONFIGS["gpt-oss-20b"], "num_hidden_layers": 1}
    hub.add("org/model", {"config.json": config, "model.safetensors": makers.safetensors(tensors)})
    model = read(hub)
    assert model.total_params == 2 * 201088 * 2880 + 4096 * 2880 + 4096 + 32 * 5760 * 2880 + 32 * 5760
    assert model.checkpoint[0].quantization == "mxfp4"
    assert set(model.checkpoint[0].unquantized) == {"lm_head", "embed_tokens", "attention"}


def test_packed_int4_words_count_eight_weights(hub: HubSimulator) -> None:
    config = {
        **LLAMA_3_1_8B, "num_hidden_layers": 1,
        "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True},
    }  # fmt: skip
    tensors: makers.Tensors = {
        "model.embed_tokens.weight": ("F16", (128256, 4096)),
        "lm_head.weight": ("F16", (128256, 4096)),
        "model.layers.0.mlp.down_proj.qweight": ("I32", (14336, 512)),
        "model.layers.0.mlp.down_proj.qzeros": ("I32", (112, 512)),
        "model.layers.0.mlp.down_proj.scales": ("F16", (112, 4096)),
    }
    hub.add("org/model", {"config.json": config, "model.safetensors": makers.safetensors(tensors)})
    model = read(hub)
    assert model.total_params == 2 * 128256 * 4096 + 14336 * 4096
    checkpoint = model.checkpoint[0]
    assert (checkpoint.quantization, checkpoint.group_size, checkpoint.zero_point) == ("awq-int4", 128, True)
    assert checkpoint.unquantized == ("lm_head", "embed_tokens")


def test_a_tied_head_that_is_stored_counts_once(hub: HubSimulator) -> None:
    config = CONFIGS["qwen3-0.6b"]
    tensors = makers.dense(config) | {
        f"model.layers.{i}.self_attn.{n}_norm.weight": ("BF16", (128,)) for i in range(28) for n in "qk"
    }
    hub.add("org/model", {"config.json": config, "model.safetensors": makers.safetensors(tensors)})
    model = read(hub)
    assert model.tie_word_embeddings is True
    assert model.total_params == find_model("qwen3-0.6b").total_params


def test_vision_tower_is_measured(hub: HubSimulator) -> None:
    config = {**CONFIGS["gemma-3-12b"]}
    text = {**config["text_config"], "vocab_size": 262208}
    tensors = makers.dense({**text, "head_dim": 256}, tied=True, head="language_model.model.") | {
        "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight": ("BF16", (1152, 1152)),
        "multi_modal_projector.mm_input_projection_weight": ("BF16", (1152, 3840)),
    }
    hub.add("org/model", {"config.json": config, "model.safetensors": makers.safetensors(tensors)})
    model = read(hub)
    assert model.vision == Vision(params=1152 * 1152 + 1152 * 3840)
    assert model.num_hidden_layers == 48


def test_a_revision_is_read_and_cited(hub: HubSimulator) -> None:
    repo = hub.add("org/model", {"config.json": LLAMA_3_1_8B, **makers.sharded(makers.dense(LLAMA_3_1_8B), 2)})
    assert repo.commit in read(hub, f"org/model@{repo.commit}").source
    with pytest.raises(UsageError, match=r"'org/model' has no revision 'v9'"):
        read(hub, "org/model@v9")


def test_a_renamed_model_goes_on_under_its_new_name(hub: HubSimulator) -> None:
    hub.add("new/model", {"config.json": LLAMA_3_1_8B, **makers.sharded(makers.dense(LLAMA_3_1_8B), 2)})
    hub.renamed["old/model"] = "new/model"
    said: list[str] = []
    model = read(hub, "old/model", say=said.append)
    assert model.hub_id == "new/model"
    assert said == ["the hub has renamed 'old/model' to 'new/model'"]
    assert "old/model" in model.notes


def test_mistrals_own_format(hub: HubSimulator) -> None:
    params = {
        "dim": 5120, "n_layers": 1, "head_dim": 128, "hidden_dim": 32768, "n_heads": 32, "n_kv_heads": 8,
        "vocab_size": 131072, "max_position_embeddings": 131072, "rope_theta": 1e8, "norm_eps": 1e-5,
        "vision_encoder": {"hidden_size": 1024},
    }  # fmt: skip
    tensors: makers.Tensors = {
        "tok_embeddings.weight": ("BF16", (131072, 5120)),
        "output.weight": ("BF16", (131072, 5120)),
        "norm.weight": ("BF16", (5120,)),
        "layers.0.attention.wk.weight": ("BF16", (1024, 5120)),
        "layers.0.attention_norm.weight": ("BF16", (5120,)),
        "layers.0.feed_forward.w1.weight": ("BF16", (32768, 5120)),
        "layers.0.feed_forward.w3.weight": ("BF16", (32768, 5120)),
        "vision_encoder.transformer.layers.0.attention.wq.weight": ("BF16", (1024, 1024)),
    }
    hub.add("org/model", {"params.json": params, "consolidated.safetensors": makers.safetensors(tensors)})
    model = read(hub)
    assert (model.hidden_size, model.num_key_value_heads, model.intermediate_size) == (5120, 8, 32768)
    assert (model.torch_dtype, model.vision, model.gated_mlp) == ("bfloat16", Vision(params=1024 * 1024), True)
    split = model.checkpoint[0].tensors
    assert split is not None
    assert (split.embed_tokens, split.kv_heads) == (131072 * 5120 * 2, 1024 * 5120 * 2)


def test_pickled_weights_are_sized_by_their_index(hub: HubSimulator) -> None:
    hub.add(
        "org/model",
        {
            "config.json": LLAMA_3_1_8B,
            "pytorch_model.bin.index.json": {"metadata": {"total_size": 16_060_522_496}, "weight_map": {}},
            "pytorch_model-00001-of-00001.bin": SparseFile(head=b"pickle", size=16_060_522_600),
        },
    )
    said: list[str] = []
    model = read(hub, say=said.append)
    assert model.checkpoint[0].bytes == 16_060_522_496
    assert model.total_params == 8_030_261_248
    assert "total_params" in model.unknown
    assert "only pytorch_model*.bin" in said[0]


def a_folder(tmp_path: Path, tensors: makers.Tensors, config: dict[str, Any]) -> Path:
    """A folder whose weight file is as long as declared, and a hole behind its header."""
    folder = tmp_path / "My-Model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    file = makers.safetensors(tensors)
    with (folder / "model.safetensors").open("wb") as out:
        out.write(file.head)
        out.truncate(file.size)
    return folder


def test_a_folder_reads_like_the_hub(hub: HubSimulator, tmp_path: Path) -> None:
    tensors = makers.dense(LLAMA_3_1_8B)
    folder = a_folder(tmp_path, tensors, LLAMA_3_1_8B)
    hub.add("org/model", {"config.json": LLAMA_3_1_8B, "model.safetensors": makers.safetensors(tensors)})
    ours, theirs = read_model(str(folder), today=TODAY), read(hub)
    assert ours.hub_id == str(folder)
    assert ours.source == "modelyard:folder/My-Model"
    same = ("total_params", "hidden_size", "num_key_value_heads", "moe", "window", "tie_word_embeddings")
    assert [getattr(ours, k) for k in same] == [getattr(theirs, k) for k in same]
    assert ours.checkpoint[0].tensors == theirs.checkpoint[0].tensors


def test_the_catalog_comes_first_and_asks_nobody(hub: HubSimulator) -> None:
    assert resolve("llama-3.1-8b", endpoint=hub.endpoint, today=TODAY) is find_model("llama-3.1-8b")
    assert resolve("Qwen/Qwen3-8B", endpoint=hub.endpoint, today=TODAY) is find_model("qwen3-8b")
    assert hub.asked == []


def test_then_the_hub(hub: HubSimulator) -> None:
    hub.add("org/model", {"config.json": LLAMA_3_1_8B, **makers.sharded(makers.dense(LLAMA_3_1_8B), 2)})
    assert resolve("org/model", endpoint=hub.endpoint, today=TODAY).hub_id == "org/model"


def fit(model: Model, gpu: str, **options: Any) -> Any:
    return assess(
        FitRequest(
            model=model, quantization=model.native_quantization, gpu=find_gpu(gpu), max_model_len=8192, **options
        )
    )


def test_fits_as_the_catalogs_row_does(hub: HubSimulator) -> None:
    hub.add("org/model", {"config.json": LLAMA_3_1_8B, **makers.sharded(makers.dense(LLAMA_3_1_8B), 2)})
    model, row = read(hub), find_model("llama-3.1-8b")
    ours, theirs = fit(model, "H100-SXM"), fit(row, "H100-SXM")
    assert ours.per_gpu == theirs.per_gpu
    assert (ours.kv_cache_tokens, ours.verdict) == (theirs.kv_cache_tokens, theirs.verdict)
    assert checkpoint_bytes(model, "bf16") == makers.size_of(makers.dense(LLAMA_3_1_8B))


def test_an_unknown_architecture_is_bounded_and_never_surely_fits(hub: HubSimulator) -> None:
    config = {**LLAMA_3_1_8B, "model_type": "brand_new"}
    tensors = {n: t for n, t in makers.dense(config).items() if "k_proj" not in n}
    hub.add("org/model", {"config.json": config, "model.safetensors": makers.safetensors(tensors)})
    model = read(hub)
    assert model.num_key_value_heads == 32
    assert {"architecture", "kv_bytes_per_token"} <= set(model.unknown)
    assert "brand_new is not known" in model.notes
    found = fit(model, "H100-SXM")
    assert found.kv_bytes_per_token == 32 * 2 * 32 * 128 * 2
    assert found.verdict is Verdict.TIGHT
    assert found.unknown


def test_key_projections_draw_the_bound_tighter(hub: HubSimulator) -> None:
    config = {**LLAMA_3_1_8B, "model_type": "brand_new"}
    hub.add("org/model", {"config.json": config, "model.safetensors": makers.safetensors(makers.dense(config))})
    model = read(hub)
    assert model.num_key_value_heads == 8
    assert fit(model, "H100-SXM").verdict is Verdict.TIGHT


def test_an_index_beside_the_keys_keeps_the_bound_wide(hub: HubSimulator) -> None:
    config = {**LLAMA_3_1_8B, "model_type": "brand_new"}
    tensors = makers.dense(config) | {"model.layers.0.self_attn.index_k_proj.weight": ("BF16", (128, 4096))}
    hub.add("org/model", {"config.json": config, "model.safetensors": makers.safetensors(tensors)})
    assert read(hub).num_key_value_heads == 32
