import pytest

from modelyard.catalog.models import find_model
from modelyard.errors import UsageError
from modelyard.fit.checkpoints import resolve_precision
from modelyard.fit.reading import match_note, number, read_gpu, read_model, read_quantization, whole
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_checkpoint, a_model


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.95", 0.95), (".95", 0.95), ("95%", 0.95), ("~0.9", 0.9), ("8,192", 8192), ("1,048,576", 1048576),
        ("1e3", 1000), ("0.9 (assumed)", 0.9), ("", None), ("n/a", None), ("not recorded", None), ("-1.44", -1.44),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float | None) -> None:
    assert number(text, "gmu") == value


@pytest.mark.parametrize(
    "text", ["0.9 or 0.95", "1,2", "8192 tokens", "80 GB", "16k", "v2", "--1", ".", "1.2.3", "e5", "80 (GB)"]
)
def test_no_number_is_found_inside_other_text(text: str) -> None:
    with pytest.raises(UsageError, match=r"(?s)is no number.*column gmu"):
        number(text, "gmu")


def test_units_are_those_of_the_column() -> None:
    assert whole("16k", "max_model_len", {"k": 1024}) == 16384
    with pytest.raises(UsageError, match="column tp"):
        whole("1k", "tp")


def test_what_is_no_number() -> None:
    with pytest.raises(UsageError, match="'many' is no number"):
        number("many", "tp")
    with pytest.raises(UsageError, match="no whole number"):
        whole("1.5", "tp")


@pytest.mark.parametrize(
    ("hub_id", "title", "name"),
    [
        ("Qwen/Qwen3-8B", "", "qwen3-8b"),
        ("qwen/qwen3.8-27b-fp8 (id not verified)", "", "qwen3.8-27b"),
        ("Llama-3.1-405B-FP8 (as written in the issue)", "Llama 3.1 405B", "llama-3.1-405b"),
        ("(AWQ checkpoint)", "Qwen2.5 72B", "qwen2.5-72b"),
        ("NVFP4 checkpoint by unsloth", "Qwen3.8 27B", "qwen3.8-27b"),
        ("someone/Meta-Llama-3.1-8B-Instruct-FP8-dynamic", "", "llama-3.1-8b"),
        ("someone/Qwen3-32B-AWQ", "", "qwen3-32b"),
        ("someone/DeepSeek-R1-AWQ", "", "deepseek-r1"),
        ("RedHatAI/DeepSeek-R1-Distill-Qwen-32B-FP8-dynamic", "", "deepseek-r1-distill-qwen-32b"),
        ("someone/Mixtral-8x7B-Instruct-v0.1-GPTQ", "", "mixtral-8x7b"),
        ("Qwen/Qwen2.5-7B-Instruct-1M", "", "qwen2.5-7b"),
        ("someone/Meta-Llama-3.1-8B-AWQ", "Llama 3.1 8B", "llama-3.1-8b"),
    ],
)
def test_models(hub_id: str, title: str, name: str) -> None:
    assert read_model(hub_id, title, None).name == name


@pytest.mark.parametrize("hub_id", ["someone/Qwen3-33B", "someone/Llama", "nobody", ""])
def test_no_model_is_guessed(hub_id: str) -> None:
    with pytest.raises(UsageError, match="unknown model"):
        read_model(hub_id, "", None)


@pytest.mark.parametrize(
    ("name", "gpu"),
    [
        ("H100-80GB-SXM", "H100-SXM"), ("H100-80GB", "H100-SXM"), ("H200 (presumed)", "H200"), ("H20-96GB", "H20"),
        ("MI300X-class 192GB (ROCm)", "MI300X"), ("B200-180GB", "B200"), ("NVIDIA H200", "H200"), ("8xH200", "H200"),
        ("8x B200", "B200"), ("MI300X-192GB", "MI300X"), ("H200-141GB", "H200"), ("A100-SXM4-80GB", "A100-80-SXM"),
        ("H100-80GB-HBM3", "H100-SXM"), ("L40S-48GB", "L40S"), ("MI325X-256GB", "MI325X"),
    ],
)  # fmt: skip
def test_gpus(name: str, gpu: str) -> None:
    assert read_gpu(name, None)[0].name == gpu


def test_memory_overrides_the_catalog() -> None:
    gpu, notes, known = read_gpu("H200", 139.81)
    assert known
    assert gpu.total_memory_bytes == round(139.81 * GIB)
    assert notes == ()


def test_a_gpu_that_is_not_named_or_not_known() -> None:
    assert read_gpu("not recorded", None)[1] == ("which GPU it was: taken as H100-SXM",)
    gpu, notes, known = read_gpu("Voodoo 2", 100.0)
    assert not known
    assert gpu.total_memory_bytes == 100 * GIB
    assert "taken for a H100-SXM with 100 GiB" in notes[0]
    with pytest.raises(UsageError, match="unknown GPU 'Voodoo 2'"):
        read_gpu("Voodoo 2", None)


@pytest.mark.parametrize(
    ("name", "memory", "gpu"),
    [
        ("A800-SXM4-80GB", 79.3, "A100-80-SXM"), ("A100", 39.4, "A100-40-SXM"), ("A100-PCIE", 79.2, "A100-80-PCIe"),
        ("H800", 79.1, "H100-SXM"), ("A10M-24GB", 22.1, "A10"), ("H100-94GB", 93.1, "H100-NVL"),
        ("V100-32GB", 31.7, "T4"), ("MI250X", 64.0, "MI300X"), ("MI308X", 191.0, "MI300X"),
        ("RTX 4080", 15.6, "RTX-4090"), ("RTX 3060", 11.6, "RTX-3090"), ("L20", 44.5, "L40S"), ("L2", 22.0, "L4"),
    ],
)  # fmt: skip
def test_a_gpu_that_the_catalog_lacks_is_taken_for_its_class(name: str, memory: float, gpu: str) -> None:
    found, notes, known = read_gpu(name, memory)
    assert (found.name, found.total_memory_bytes, known) == (gpu, round(memory * GIB), True)
    assert f"taken as {gpu}" in notes[-1]


def test_the_memory_in_a_name_is_its_memory() -> None:
    found, notes, _ = read_gpu("H20-141GB", None)
    assert found.name == "H20"
    assert found.total_memory_bytes / GIB == pytest.approx(139.81, abs=0.01)
    assert "taken as H20 with 139.81 GiB" in notes[0]


def test_a_count_before_the_name_is_said() -> None:
    found, notes, _ = read_gpu("8xH200", None)
    assert (found.name, len(notes)) == ("H200", 1)


def test_cards_older_than_their_stand_in_lack_its_kernels() -> None:
    assert "fp8" not in read_gpu("MI250X", 64.0).gpu.precisions
    assert "fp8" not in read_gpu("V100", 31.7).gpu.precisions


@pytest.mark.parametrize("name", ["A100", "V100", "RTX 3060"])
def test_a_class_with_several_sizes_needs_its_memory(name: str) -> None:
    with pytest.raises(UsageError, match="unknown GPU"):
        read_gpu(name, None)


@pytest.mark.parametrize(
    ("hub_id", "family"),
    [
        ("RedHatAI/Qwen3-32B-FP8-dynamic", "fp8"), ("x/Qwen3-8B-AWQ", "int4"), ("x/Qwen3-8B-GPTQ-Int4", "int4"),
        ("nvidia/Qwen3-8B-NVFP4", "nvfp4"), ("RedHatAI/Qwen3-8B-quantized.w4a16", "int4"),
        ("RedHatAI/Qwen3-8B-quantized.w8a8", "int8"), ("Qwen/Qwen3-8B-GGUF", "gguf"), ("x/Qwen3-8B-Q8_0-GGUF", "gguf"),
        ("unsloth/Qwen3-8B-bnb-4bit", "bnb"), ("x/Qwen3-8B-GPTQ-Int8", "int8"), ("x/Qwen3-8B-abliterated", "bf16"),
    ],
)  # fmt: skip
def test_a_repackaging_has_the_scheme_of_its_name(hub_id: str, family: str) -> None:
    model = read_model(hub_id, "", None)
    changed, quantization, notes = read_quantization(model, hub_id, "")
    scheme = resolve_precision(changed, quantization).scheme
    assert scheme.family == family
    assert match_note(model, hub_id)[0].startswith("matched by name: ")
    assert (family == "bf16") == (notes == ())


def test_a_scheme_of_unknown_size_is_refused() -> None:
    model = read_model("x/Qwen3-8B-exl2", "", None)
    with pytest.raises(UsageError, match="unknown quantization"):
        read_quantization(model, "x/Qwen3-8B-exl2", "")


@pytest.mark.parametrize("title", ["", "Llama 3.1 8B"])
@pytest.mark.parametrize("name", ["Llama-3.1-8B-70B", "Llama-3.1-8B-Draft-0.6B", "Llama-3.1-8B-speculator.eagle3"])
def test_a_name_that_holds_another_model_is_not_matched(name: str, title: str) -> None:
    with pytest.raises(UsageError, match="unknown model"):
        read_model(f"someone/{name}", title, None)


MODEL = a_model(
    checkpoint=(
        a_checkpoint("bf16", hub_id="org/m"),
        a_checkpoint("fp8", hub_id="org/m-FP8"),
        a_checkpoint("nvfp4", hub_id="nvidia/m-NVFP4"),
        a_checkpoint("nvfp4", hub_id="unsloth/m-NVFP4"),
    )
)


@pytest.mark.parametrize(
    ("hub_id", "written", "quantization"),
    [
        ("org/m-FP8", "fp8-dynamic", "org/m-FP8"),
        ("org/m", "as released", "org/m"),
        ("", "", "bf16"),
        ("org/m", "fp8-runtime", "fp8-online"),
        ("org/m", "fp8-block128", "org/m-FP8"),
        ("NVFP4 checkpoint by unsloth", "nvfp4", "unsloth/m-NVFP4"),
        ("NVFP4 checkpoint", "nvfp4", "nvidia/m-NVFP4"),
        ("m-FP8 (as written)", "fp8", "org/m-FP8"),
    ],
)
def test_quantizations(hub_id: str, written: str, quantization: str) -> None:
    model, found, notes = read_quantization(MODEL, hub_id, written)
    assert (found, notes) == (quantization, ())
    assert model is MODEL


def test_a_checkpoint_that_the_catalog_lacks_is_sized_by_its_scheme() -> None:
    model, quantization, notes = read_quantization(MODEL, "me/m-AWQ", "awq-int4-g128")
    assert quantization == "awq-int4-g128"
    assert model.checkpoint[-1].hub_id == "me/m-AWQ"
    assert "sized by its scheme" in notes[0]
    assert read_quantization(MODEL, "me/m-AWQ", "awq-int4-g128")[0] is model  # cached, so its parts are counted once


def test_a_scheme_that_means_nothing() -> None:
    with pytest.raises(UsageError, match="unknown quantization 'q99'"):
        read_quantization(find_model("llama-3.1-8b"), "", "q99")
