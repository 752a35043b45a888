import pytest

from modelyard.catalog.models import find_model
from modelyard.errors import UsageError
from modelyard.fit.reading import number, read_gpu, read_model, read_quantization, read_version, whole
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_checkpoint, a_model


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.95", 0.95), ("95%", 0.95), ("~0.9", 0.9), ("8,192", 8192), ("16k", 16384), ("1M", 1024**2), ("1e3", 1000),
        ("", None), ("n/a", None), ("not recorded", None), ("-1.44", -1.44),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float | None) -> None:
    assert number(text, "gmu") == value


def test_what_is_no_number() -> None:
    with pytest.raises(UsageError, match="'many' is no number"):
        number("many", "tp")
    with pytest.raises(UsageError, match="no whole number"):
        whole("1.5", "tp")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("0.19.0", "0.19.0"), ("~0.11 (not stated exactly)", "0.11"), ("0.6.x (V0, Dec 2024)", "0.6.x"),
        ("0.9.x (July 2025, not stated exactly)", "0.9.x"), ("0.10.1.dev101", "0.10.1"), ("", "0.33.0"),
        ("nightly", "0.33.0"),
    ],
)  # fmt: skip
def test_versions(text: str, version: str) -> None:
    assert read_version(text, "0.33.0") == version


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
    gpu, notes = read_gpu("H200", 139.81)
    assert gpu.total_memory_bytes == round(139.81 * GIB)
    assert notes == ()


def test_a_gpu_that_is_not_named_or_not_known() -> None:
    assert read_gpu("not recorded", None)[1] == ("which GPU it was: taken as H100-SXM",)
    gpu, notes = read_gpu("Voodoo 2", 100.0)
    assert gpu.total_memory_bytes == 100 * GIB
    assert "taken for a H100-SXM with 100 GiB" in notes[0]
    with pytest.raises(UsageError, match="unknown GPU 'Voodoo 2'"):
        read_gpu("Voodoo 2", None)


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
