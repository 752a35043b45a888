import pytest

from modelyard.fit.schemes import canonical, find_scheme, same_family


@pytest.mark.parametrize(
    ("name", "family", "size"),
    [
        ("bf16", "bf16", 2.0),
        ("FP16", "bf16", 2.0),
        ("fp32", "fp32", 4.0),
        ("fp8", "fp8", 1.0),
        ("fp8-dynamic", "fp8", 1.0),
        ("fp8_block", "fp8", 1 + 4 / 16384),
        ("int8-w8a8", "int8", 1.0),
        ("awq-int4", "int4", 0.51953125),
        ("gptq-int4-g128", "int4", 0.515625),
        ("w4a16", "int4", 0.515625),
        ("gptq-int4-g32", "int4", 0.5625),
        ("GPTQ-Int8", "int8", 1 + 2 / 128),
        ("gptq_8bit-g32", "int8", 1 + 2 / 32),
        ("w8a16", "int8", 1.0),  # one scale per row, counted apart
        ("w8a16-g128", "int8", 1 + 2 / 128),
        ("bnb-8bit", "bnb", 1.0),
        ("bnb-nf4", "bnb", 0.5625),
        ("nvfp4", "nvfp4", 0.5625),
        ("mxfp4", "mxfp4", 0.53125),
        ("fp8+fp4", "fp8-fp4", 1 + 4 / 16384),
        ("gguf-q4_k", "gguf", 4.85 / 8),  # llama-quantize takes it for Q4_K_M
        ("mlx-4bit", "mlx", 0.5 + 4 / 64),
        ("mlx-8bit-gs32", "mlx", 1 + 4 / 32),
        ("Q6_K", "gguf", 6.5625 / 8),
    ],
)
def test_bytes_per_element(name: str, family: str, size: float) -> None:
    scheme = find_scheme(name)
    assert scheme is not None
    assert (scheme.family, scheme.linear_bytes) == (family, size)


def test_group_size_and_zeros_of_the_checkpoint_count() -> None:
    scheme = find_scheme("awq-int4", group_size=32, zero_point=True)
    assert scheme is not None
    assert scheme.linear_bytes == 0.5 + 2.5 / 32  # 0.578 in vram.md §1.1


def test_groups_of_8_bit_weights_replace_the_scale_per_row() -> None:
    by_row, grouped = find_scheme("w8a16"), find_scheme("w8a16", group_size=128)
    assert by_row is not None
    assert grouped is not None
    assert (by_row.row_scale_bytes, grouped.row_scale_bytes) == (4, 0)
    assert grouped.linear_bytes == 1 + 2 / 128


def test_mixed_checkpoints_quantize_experts_further() -> None:
    scheme = find_scheme("fp8+fp4")
    assert scheme is not None
    assert scheme.expert_bytes == 0.53125


@pytest.mark.parametrize("name", ["", "int3", "fast", "q99_k"])
def test_unknown_names_mean_nothing(name: str) -> None:
    assert find_scheme(name) is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("fp8", "fp8-block", True),
        ("fp16", "bf16", True),
        ("w4a16", "awq-int4", True),
        ("fp8", "fp8+fp4", False),
        ("nvfp4", "mxfp4", False),
        ("fp8", "nonsense", False),
    ],
)
def test_families(one: str, other: str, *, expected: bool) -> None:
    assert same_family(one, other) is expected


def test_canonical() -> None:
    assert canonical(" FP8_Block ") == "fp8-block"
