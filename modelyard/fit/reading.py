"""What people write in tables about runs, as catalog rows and flags: read liberally, and every assumption is said."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from modelyard.catalog.gpus import Gpu, find_gpu, load_gpus
from modelyard.catalog.models import Checkpoint, Model, find_model, load_models
from modelyard.errors import ModelyardError, UnknownNameError, UsageError, quote
from modelyard.fit.checkpoints import resolve_precision
from modelyard.fit.memo import ById
from modelyard.fit.schemes import canonical, find_scheme, same_family
from modelyard.units import GIB

Resolver = Callable[[str], Model | None]
"""Finds a model that the catalog lacks, by its hub id; None when it cannot."""

STAND_IN_GPU = "H100-SXM"
UNSTATED = {
    "", "not recorded", "not stated", "not given", "unspecified", "unknown", "n/a", "na", "nan", "none", "-", "?",
}  # fmt: skip
RELEASED = {"", "as released", "native", "auto", "none", "default"}
KV_DTYPES = {
    "": "auto", "bf16": "bfloat16", "fp16": "float16", "half": "float16", "fp8_e4m3fn": "fp8_e4m3", "fp32": "bfloat16",
}  # fmt: skip

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_NUMBER = re.compile(r"-?\d[\d,_ ]*(?:\.\d+)?(?:[eE]-?\d+)?")


def number(text: str, column: str) -> float | None:
    """A number as people write it (``8,192``, ``95%``, ``~0.9``); None when blank.

    Raises:
        UsageError: something else.
    """
    bare = text.strip().lower()
    if bare in UNSTATED:
        return None
    match = _NUMBER.search(bare)
    if match is None or len(bare) > 60:
        raise UsageError(f"{quote(text)} is no number", details=f"where    column {column}")
    value = float(re.sub(r"[,_ ]", "", match[0]))
    rest = bare[match.end() :].strip()
    if rest.startswith("%"):
        return value / 100
    return value * (1024 if rest == "k" else 1024**2 if rest == "m" else 1)


def whole(text: str, column: str) -> int | None:
    """A whole number; None when blank.

    Raises:
        UsageError: something else.
    """
    value = number(text, column)
    if value is None:
        return None
    if value != value // 1 or not -(10**12) < value < 10**12:
        raise UsageError(f"{quote(text)} is no whole number", details=f"where    column {column}")
    return int(value)


def read_version(text: str, default: str) -> str:
    """An engine version: the first ``1.2`` in the text (``~0.11 (not stated exactly)``), else ``default``."""
    match = re.search(r"\d+\.\d+(?:\.\w+)?", text)
    return match[0] if match else default


def read_model(hub_id: str, title: str, resolver: Resolver | None) -> Model:
    """The model of a row: by hub id, then by what the model column says, then by the resolver.

    Raises:
        UsageError: none of these knows it.
    """
    found = _catalog_model(hub_id, title)
    if found is None and resolver is not None and (match := _HUB_ID.search(hub_id)):
        found = resolver(match[0])
    if found is None:
        found = _by_name(hub_id)
    if found is None:
        raise UnknownNameError("model", hub_id or title, (m.name for m in load_models()))
    return found


@lru_cache(maxsize=16384)
def _catalog_model(hub_id: str, title: str) -> Model | None:
    match = _HUB_ID.search(hub_id)
    for name in dict.fromkeys((match[0] if match else "", hub_id.strip(), title.strip())):
        try:
            return find_model(name)
        except UnknownNameError:
            continue
    return None if match and not _known_family(match[0], title) else _by_title(title)


def _known_family(hub_id: str, title: str) -> bool:
    """A hub id that is not in the catalog may be a repackaging of a model that is: the title then decides."""
    model = _by_title(title)
    if model is None:
        return False
    size = re.search(r"\d+(?:\.\d+)?b", _key(hub_id.rsplit("/", maxsplit=1)[-1]))
    return size is None or size[0] in _key(model.title) or size[0] in _key(model.name)


def _by_title(title: str) -> Model | None:
    words = re.sub(r"\(.*?\)", "", title).split()
    known = _titles()
    while words:
        if found := known.get(_key(" ".join(words))):
            return found
        words.pop()
    return None


@lru_cache(maxsize=16384)
def _by_name(hub_id: str) -> Model | None:
    """A repackaging by its own name: words are dropped from the end (``-FP8-dynamic``) until a model is left.

    The number of parameters must still be in what is left, or it would be another model.
    """
    match = _HUB_ID.search(hub_id)
    if match is None:
        return None
    words = re.sub(r"^meta-", "", match[0].split("/")[-1], flags=re.IGNORECASE).split("-")
    size = next((word.lower() for word in words if re.fullmatch(r"\d+(?:\.\d+)?[bB]", word)), None)
    while words:
        found = _titles().get(_key("-".join(words)))
        if found is not None and size is not None and size in _key(found.name):
            return found
        words.pop()
    return None


@lru_cache(maxsize=1)
def _titles() -> dict[str, Model]:
    known: dict[str, Model] = {}
    for model in load_models():
        for name in (model.name, model.title, model.hub_id.split("/")[-1], *model.aliases):
            known.setdefault(_key(name), model)
    return known


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", text.lower())


def read_gpu(name: str, memory_gib: float | None) -> tuple[Gpu, tuple[str, ...]]:
    """The GPU of a row, with the memory that the row states, and what had to be assumed.

    Raises:
        UsageError: an unknown GPU whose memory is not given either, or absurd memory.
    """
    if memory_gib is not None and not 0.5 <= memory_gib <= 10_000:
        raise UsageError(f"'{memory_gib:g}' is no GPU memory in GiB", details="where    column gpu_mem_gib")
    return _read_gpu(name.strip(), memory_gib)


@lru_cache(maxsize=16384)
def _read_gpu(name: str, memory_gib: float | None) -> tuple[Gpu, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if name.lower() in UNSTATED:
        gpu, notes = find_gpu(STAND_IN_GPU), (f"which GPU it was: taken as {STAND_IN_GPU}",)
    else:
        found = _named_gpu(name)
        if found is None and memory_gib is None:
            raise UnknownNameError("GPU", name, (g.name for g in load_gpus()))
        gpu = found or find_gpu(STAND_IN_GPU)
        if found is None:
            notes = (f"GPU {quote(name)}: taken for a {STAND_IN_GPU} with {memory_gib:g} GiB",)
    if memory_gib is None:
        return gpu, notes
    total = round(memory_gib * GIB)
    return replace(gpu, total_memory_bytes=total, total_memory_estimated=False), notes


def _named_gpu(name: str) -> Gpu | None:
    bare = re.sub(r"\(.*?\)", "", name).strip()
    tries = [name, bare, re.sub(r"[-_ ]?\d+ ?(?:gb|gib)\b", "", bare, flags=re.IGNORECASE), bare.split(" ")[0]]
    tries += [bare.split("-")[0], re.sub(r"^\d+ ?[x×*] ?", "", bare)]
    for text in dict.fromkeys(tries):
        try:
            return find_gpu(text)
        except UnknownNameError:
            continue
    return None


def read_quantization(model: Model, hub_id: str, written: str) -> tuple[Model, str, tuple[str, ...]]:
    """The precision of a row: (model, quantization, what had to be assumed).

    A checkpoint that the catalog lacks is sized by its scheme; the model that comes back then has it.

    Raises:
        UsageError: a scheme that is not known.
    """
    return _read_quantization(ById(model), hub_id.strip(), canonical(written))


@lru_cache(maxsize=16384)
def _read_quantization(key: ById[Model], hub_id: str, written: str) -> tuple[Model, str, tuple[str, ...]]:
    model, named = key.value, _checkpoint(key.value, hub_id)
    if written in RELEASED:
        return model, named.hub_id if named is not None else model.native_quantization, ()
    if "runtime" in written or "online" in written or "on-the-fly" in written:
        return model, "fp8-online" if "fp8" in written else written.split("-", maxsplit=1)[0], ()
    if named is not None and same_family(named.quantization, written):
        return model, named.hub_id, ()
    if (alike := _alike(model, hub_id, written)) is not None:
        return model, alike.hub_id, ()
    return _unlisted_quantization(model, named, hub_id, written)


def _alike(model: Model, hub_id: str, written: str) -> Checkpoint | None:
    """A checkpoint of that family, by preference from a publisher whom the row names."""
    alike = [c for c in model.checkpoint if same_family(c.quantization, written)]
    words = set(re.findall(r"[a-z0-9]+", hub_id.lower()))
    by_word = [c for c in alike if c.hub_id.split("/")[0].lower() in words]
    return next(iter(by_word or alike), None)


def _unlisted_quantization(
    model: Model, named: Checkpoint | None, hub_id: str, written: str
) -> tuple[Model, str, tuple[str, ...]]:
    if named is not None and find_scheme(written) is None:
        return model, named.hub_id, (f"quantization {quote(written)}: taken as {named.quantization}",)
    try:
        return model, resolve_precision(model, written).quantization, ()
    except ModelyardError:
        return _with_checkpoint(model, hub_id, written)


def _checkpoint(model: Model, hub_id: str) -> Checkpoint | None:
    match = _HUB_ID.search(hub_id)
    wanted = match[0].lower() if match else hub_id.split(" ", maxsplit=1)[0].lower()
    return next((c for c in model.checkpoint if wanted in {c.hub_id.lower(), c.hub_id.split("/")[-1].lower()}), None)


def _with_checkpoint(model: Model, hub_id: str, written: str) -> tuple[Model, str, tuple[str, ...]]:
    if find_scheme(written) is None:
        raise UnknownNameError("quantization", written, model.quantizations)
    match = _HUB_ID.search(hub_id)
    new = Checkpoint(
        quantization=written,
        hub_id=match[0] if match else f"{model.hub_id} ({written})",
        source=model.source,
        as_of=model.as_of,
    )
    note = f"the {written} checkpoint of {model.title}: sized by its scheme, without knowing what it leaves unquantized"
    return replace(model, checkpoint=(*model.checkpoint, new)), written, (note,)
