"""Reads one model that is not in the catalog: config, quantization, and the headers of its weight files."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from modelyard.catalog.models import Checkpoint, Model
from modelyard.errors import UnknownNameError, UsageError, quote, shorten_list
from modelyard.hub import gguf, gguf_config, mistral
from modelyard.hub.assemble import Shape, Weights, assemble, make_checkpoint, read_shape
from modelyard.hub.census import take_census
from modelyard.hub.config import Config, parse_config
from modelyard.hub.files import Files, Say
from modelyard.hub.plausible import AGAIN, check_pickles, check_weights, cut_short, missing_files
from modelyard.hub.quantization import DTYPES, read_quantization
from modelyard.hub.safetensors import find_weight_files, read_tensors
from modelyard.hub.unmodelled import refuse_unmodelled

CONFIG, PARAMS = "config.json", "params.json"
QUANTIZATION_FILES = ("hf_quant_config.json", "quantize_config.json", "quant_config.json")
MANY_FILES = 20
"""From so many weight files on, reading their headers takes seconds."""
BIN_INDEX = "pytorch_model.bin.index.json"
UNFINISHED = (".incomplete", ".part", ".crdownload", ".aria2", ".download", ".tmp")
"""Endings of downloads that have not come to their end."""


def read_files(files: Files, *, today: date, quantization: str | None, say: Say) -> Model:
    """Read a model from wherever its files are.

    Args:
        files: the model's files.
        today: date that the facts carry.
        quantization: which of several GGUF files.
        say: told what the user should know although it goes on.

    Raises:
        UsageError: not a model that can be sized, or files are missing or cut short.
        ModelyardError: a file cannot be read.
    """
    names = files.sizes()
    is_gguf = any(name.lower().endswith(".gguf") for name in names)
    weight_files = find_weight_files(files) if quantization is None else ()
    if is_gguf and not weight_files:
        return _read_gguf(files, today=today, quantization=quantization)
    if quantization is not None:
        raise UsageError(
            f"{quote(files.origin.hub_id)} holds no GGUF files, so {quote(quantization)} cannot be chosen by name",
            resolution="leave out the part after the colon",
        )
    if CONFIG in names:
        whole = _parse(files, CONFIG)
    elif PARAMS in names:
        whole = mistral.as_config(_parse(files, PARAMS))
    else:
        raise _no_config(files)
    refuse_unmodelled(files, whole)
    shape = read_shape(whole)
    if weight_files:
        weights = _read_safetensors(files, weight_files, shape, today, say)
    else:
        weights = _read_bin(files, shape, today, say)
    return assemble(files.origin, shape, weights, today)


def _read_safetensors(files: Files, names: tuple[str, ...], shape: Shape, today: date, say: Say) -> Weights:
    if len(names) >= MANY_FILES:
        say(f"reading the headers of {len(names)} weight files of {files.origin.hub_id}")
    tensors = read_tensors(files, names)
    if not tensors:
        raise UsageError(f"the weight files of {quote(files.origin.hub_id)} hold no tensors")
    quantization = read_quantization(shape.config, _separate(files))
    census = take_census(
        tensors,
        layers=shape.attention.num_hidden_layers,
        bits=quantization.bits if quantization is not None else 16,
        tied=shape.tied,
        kv_share=shape.kv_share,
    )
    check_weights(files, shape, census)
    checkpoint = make_checkpoint(files.origin, today, quantization=quantization, census=census, dtype=shape.dtype)
    return Weights(checkpoints=(checkpoint,), total_params=census.total_params, census=census)


def _parse(files: Files, name: str) -> Config:
    return parse_config(files.read(name), where=f"{name} of {quote(files.origin.hub_id)}")


def _separate(files: Files) -> Config | None:
    name = next((n for n in QUANTIZATION_FILES if n in files.sizes()), None)
    return _parse(files, name) if name is not None else None


def _read_bin(files: Files, shape: Shape, today: date, say: Say) -> Weights:
    """Pickled weights have no header to read: only their size is known."""
    sizes = {n: s for n, s in files.sizes().items() if _PICKLED.fullmatch(n)}
    listed = _bin_index(files, sizes)
    found = sum(size or listed for size in sizes.values())
    total = listed or found
    if not total:
        raise _no_weights(files)
    quantization = read_quantization(shape.config, None)
    bits = quantization.bits if quantization is not None else 32 if shape.dtype == "float32" else 16
    check_pickles(files, shape, sorted(sizes), total=found, bits=bits)
    if found < listed:
        raise cut_short(files, max(sizes), f"all parts have {found:,} bytes, and {BIN_INDEX} lists {listed:,}")
    dtype = shape.dtype or "bfloat16"
    note = "only pytorch_model*.bin files: the sizes are those of the files, and no tensor was looked at"
    say(f"{files.origin.hub_id} has {note}")
    checkpoint = Checkpoint(
        quantization=quantization.name if quantization is not None else DTYPES.get(dtype, dtype),
        hub_id=files.origin.hub_id,
        source=files.origin.source,
        as_of=today,
        bytes=total,
    )
    return Weights(checkpoints=(checkpoint,), total_params=round(total / bits * 8), notes=(note,))


_PICKLED = re.compile(r"pytorch_model(?:-\d+-of-\d+)?\.bin")


def _bin_index(files: Files, sizes: Mapping[str, int | None]) -> int:
    """Bytes that the index of pickled weights speaks of; 0 without one.

    Raises:
        UsageError: files that it names are missing.
    """
    if BIN_INDEX not in files.sizes():
        return 0
    index = _parse(files, BIN_INDEX)
    weight_map, metadata = index.section("weight_map"), index.section("metadata")
    missing = sorted({str(name) for name in weight_map.values()} - set(sizes)) if weight_map is not None else []
    if missing:
        raise missing_files(files, missing, said_by=BIN_INDEX)
    return (metadata.integer("total_size") if metadata is not None else None) or 0


def _no_weights(files: Files) -> UsageError:
    """What lies there instead: an unfinished download, another format, or nothing."""
    names = files.sizes()
    unfinished = sorted(name for name in names if name.endswith(UNFINISHED))
    if unfinished:
        return UsageError(
            f"the download of {quote(files.origin.hub_id)} is not finished",
            details=f"where    {shorten_list(unfinished, limit=3)}",
            resolution=AGAIN,
        )
    other = sorted(n for n in names if n.endswith((".onnx", ".pt", ".pth", ".h5", ".msgpack", ".ckpt", ".engine")))
    return UsageError(
        f"{quote(files.origin.hub_id)} holds no weights that can be sized",
        details="allowed  *.safetensors, *.gguf, or pytorch_model*.bin"
        + (f"\nfound    {shorten_list(other, limit=3)}" if other else ""),
        resolution="name the repository or folder that holds the weights",
    )


def _read_gguf(files: Files, *, today: date, quantization: str | None) -> Model:
    groups = gguf_config.group_files(files.sizes())
    chosen = _choose(files, groups, quantization)
    headers = [gguf.read_header(files, name) for name in groups[chosen]]
    config = gguf_config.as_config(headers[0].metadata, where=groups[chosen][0])
    refuse_unmodelled(files, config)
    shape = read_shape(config)
    tensors = [tensor for header in headers for tensor in header.tensors]
    census = take_census(
        tensors, layers=shape.attention.num_hidden_layers, tied=shape.tied, kv_share=shape.kv_share, is_ggml=True
    )
    check_weights(files, shape, census)
    first = make_checkpoint(files.origin, today, quantization=None, census=census, dtype="float16")
    first = replace(first, quantization=gguf_config.scheme_of(chosen))
    others = [
        Checkpoint(
            quantization=gguf_config.scheme_of(key),
            hub_id=files.origin.hub_id,
            source=files.origin.source,
            as_of=today,
            bytes=sum(files.sizes()[name] or 0 for name in names) or None,
        )
        for key, names in groups.items()
        if key != chosen and quantization is None and gguf_config.precision_of(names[0]) is not None
    ]
    weights = Weights(checkpoints=(first, *others), total_params=census.total_params, census=census)
    return replace(assemble(files.origin, shape, weights, today), torch_dtype="float16")


def _choose(files: Files, groups: dict[str, list[str]], quantization: str | None) -> str:
    if not groups:
        raise UsageError(f"{quote(files.origin.hub_id)} holds only a vision projector, no language model")
    if quantization is not None:
        wanted = quantization.lower().removeprefix("ud-")
        if wanted not in groups:
            raise UnknownNameError("GGUF quantization", quantization, groups)
        return wanted
    return next((key for key in gguf_config.PREFERRED if key in groups), next(iter(groups)))


def _no_config(files: Files) -> UsageError:
    names, hub_id = files.sizes(), files.origin.hub_id
    if "adapter_config.json" in names:
        base = _parse(files, "adapter_config.json")
        model = base.text("base_model_name_or_path")
        return UsageError(
            f"{quote(hub_id)} is an adapter, not a model",
            resolution=f"ask for the model that it adapts: {quote(model)}"
            if model
            else "ask for the model that it adapts",
        )
    if any(name.endswith(UNFINISHED) for name in names):
        return _no_weights(files)
    inside = sorted(name.removesuffix(f"/{CONFIG}") for name in names if name.endswith(f"/{CONFIG}"))
    if inside:
        return UsageError(
            f"{quote(hub_id)} has no config.json",
            details=f"found    one in {shorten_list(inside, limit=3)}",
            resolution=f"name that folder: {hub_id.rstrip('/')}/{inside[0]}",
        )
    what = "an image or audio pipeline" if "model_index.json" in names else "no language model that can be sized"
    return UsageError(
        f"{quote(hub_id)} has no config.json",
        details=f"because  it is {what}\nallowed  config.json or params.json with *.safetensors, or *.gguf",
        resolution="check the name, or fetch the folder again",
    )
