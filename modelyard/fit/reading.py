"""What people write in tables about runs, as catalog rows and flags: read liberally, and every assumption is said."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from modelyard.catalog.gpus import Gpu, find_gpu, load_gpus
from modelyard.catalog.models import Checkpoint, Model, find_model, load_models
from modelyard.errors import ModelyardError, UnknownNameError, UsageError, quote
from modelyard.fit.apple_chips import read_chip
from modelyard.fit.checkpoints import resolve_precision
from modelyard.fit.memo import ById
from modelyard.fit.schemes import canonical, find_scheme, same_family
from modelyard.units import GIB

Resolver = Callable[[str], Model | None]
"""Finds a model that the catalog lacks, by its hub id or folder; None, or an error of ours, when it cannot."""

STAND_IN_GPU = "H100-SXM"
UNSTATED = {
    "", "not recorded", "not stated", "not given", "unspecified", "unknown", "n/a", "na", "nan", "none", "-", "?",
}  # fmt: skip
RELEASED = {"", "as released", "native", "auto", "none", "default"}
KV_DTYPES = {
    "": "auto", "bf16": "bfloat16", "fp16": "float16", "half": "float16", "fp8_e4m3fn": "fp8_e4m3", "fp32": "bfloat16",
}  # fmt: skip

_SIZE = re.compile(r"(?:\d+x|a)?\d+(?:\.\d+)?b|a?\d{3}m")
_QUANTIZED = re.compile(
    r"(?:awq|gptq|gguf|bnb|fp8|fp4|nvfp4|mxfp4|int[48]|[48]-?bit|w\d+a\d+|dynamic|block|quantized\.w\d+a\d+|-)+"
)
_OTHER = re.compile(
    r"draft|eagle|speculat|medusa|dflash|\blora\b|adapter|reranker|embedding|reward(?!ed)|\bprm\b|pruned|distill"
)
"""Words of checkpoints that are other models than the one that they are called after."""

# Words of a hub id → scheme; the first that matches. None: a scheme whose size is not known.
_SUFFIXES: tuple[tuple[str, str | None], ...] = (
    (r"exl[23]|hqq|aqlm|bitnet|(?<![a-z0-9])[2356]-?bits?\b|int[23]\b", None),
    (r"nvfp4", "nvfp4"),
    (r"mxfp4", "mxfp4"),
    (r"mxfp8", "mxfp8"),
    (r"fp8.*block", "fp8-block"),
    (r"fp8", "fp8"),
    (r"w4a16", "w4a16"),
    (r"w4a8", "w4a8"),
    (r"w8a8", "int8-w8a8"),
    (r"w8a16", "w8a16"),
    (r"gptq.*(?:int8|8-?bit)", "gptq-int8"),
    (r"(?:bnb|bitsandbytes).*8-?bit", "int8"),
    (r"bnb|bitsandbytes|nf4", "bnb-nf4"),
    (r"gptq", "gptq-int4"),
    (r"awq", "awq-int4"),
    (r"gguf", "q4_k_m"),
    (r"int4|4-?bit|autoround|auto-round", "int4"),
    (r"int8|8-?bit", "int8"),
    (r"(?<![a-z0-9])fp4\b", "nvfp4"),
)
_PRESET = re.compile(r"(?<![a-z0-9])(i?q\d_(?:k_[sm]|k|\d|xxs|xs|s|m|nl))(?![a-z0-9])")

_MLX_BITS = re.compile(r"(?<![a-z0-9])([234568])-?bit")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_NUMBER = re.compile(
    r"[~≈]? ?(?P<value>[-+]?(?:\d{1,3}(?:[,_ ]\d{3})+|\d+)?(?:\.\d+|(?<=\d)\.)?(?:e[-+]?\d{1,3})?) ?(?P<unit>[a-z%]*)"
    r"(?: ?\((?:assumed|default|presumed|approx\.?|approximate|estimated)\))?"
)
_PERCENT = {"%": 0.01}


def number(text: str, column: str, units: Mapping[str, float] = _PERCENT) -> float | None:
    """A number as people write it (``8,192``, ``95%``, ``.9``, ``~0.9``); None when blank.

    Args:
        text: the cell.
        column: its column, for the message.
        units: suffixes that mean something in that column, in lower case, and what each is worth.

    Raises:
        UsageError: something else.
    """
    bare = text.strip().lower()
    if bare in UNSTATED:
        return None
    match = _NUMBER.fullmatch(bare) if len(bare) <= 60 else None
    if match is not None and re.search(r"^[-+]?\.?\d", match["value"]) and match["unit"] in {"", *units}:
        value = float(re.sub(r"[,_ ]", "", match["value"]))
        if value in {float("inf"), float("-inf")}:
            raise UsageError(f"{quote(text)} is too large a number", details=f"where    column {column}")
        if match["unit"] == "%":
            return value / 100
        return value * units.get(match["unit"], 1)
    known = f"; units known there: {', '.join(units)}" if units else ""
    raise UsageError(f"{quote(text)} is no number", details=f"where    column {column}{known}")


def whole(text: str, column: str, units: Mapping[str, float] | None = None) -> int | None:
    """A whole number; None when blank.

    Args:
        text: the cell.
        column: its column, for the message.
        units: as for ``number``; none by default.

    Raises:
        UsageError: something else.
    """
    value = number(text, column, units or {})
    if value is None:
        return None
    if not -(10**12) < value < 10**12 or value != value // 1:
        raise UsageError(f"{quote(text)} is no whole number", details=f"where    column {column}")
    return int(value)


def read_model(hub_id: str, title: str, resolver: Resolver | None) -> Model:
    """The model of a row: by hub id, then by what the model column says, then by the resolver.

    Raises:
        UsageError: none of these knows it.
    """
    found = _catalog_model(hub_id, title)
    why: ModelyardError | None = None
    is_path = hub_id.startswith((".", "/", "~"))
    match = None if is_path else _HUB_ID.search(hub_id)
    named = hub_id if is_path else match[0] if match else ""
    if found is None and resolver is not None and named:
        try:
            found = resolver(named)
        except ModelyardError as error:
            why = error
    if found is None and not is_path:
        found = _by_name(hub_id)
    if found is None:
        raise why or UnknownNameError("model", hub_id or title, (m.name for m in load_models()))
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
    return _same_size(hub_id, model)


def _same_size(hub_id: str, model: Model) -> bool:
    """Every size in the name is the model's, and nothing in it names a draft or an adapter of the model."""
    words = re.split(r"[-_]", hub_id.rsplit("/", maxsplit=1)[-1].lower())
    names = _key(model.title), _key(model.name), _key(model.hub_id)
    sizes = [word for word in words if _SIZE.fullmatch(word)]
    other = _OTHER.search(hub_id.rsplit("/", maxsplit=1)[-1].lower())
    own = other is None or any(_key(other[0]) in name for name in names)
    return own and all(any(size in name for name in names) for size in sizes)


def match_note(model: Model, hub_id: str) -> tuple[str, ...]:
    """What to say when the hub id is not one that is known, so that the model was found by a name only."""
    match = _HUB_ID.search(hub_id)
    if match is None or match[0].lower() in {model.hub_id.lower(), *(c.hub_id.lower() for c in model.checkpoint)}:
        return ()
    try:
        if find_model(match[0]).name == model.name:
            return ()
    except UnknownNameError:
        pass
    return (f"matched by name: {match[0]} as {model.title}",)


@lru_cache(maxsize=4096)
def _stretched(key: ById[Model], length: int) -> Model:
    return replace(key.value, max_position_embeddings=length)


def stretched(model: Model, length: int) -> Model:
    """The model, said to read ``length`` tokens; the same object again for the same question."""
    return _stretched(ById(model), length)


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
    size = next((word.lower() for word in words if _SIZE.fullmatch(word.lower())), None)
    kept = len(words)
    while kept:
        found = _titles().get(_key("-".join(words[:kept])))
        if found is not None and _said(found, size, "-".join(words[kept:])):
            return found if _same_size(match[0], found) else None
        kept -= 1
    return None


def _said(model: Model, size: str | None, dropped: str) -> bool:
    """Whether the name says the model's size, or says nothing beyond its own name but a scheme."""
    if size is None:
        return _QUANTIZED.fullmatch(dropped.lower()) is not None
    return size in _key(model.name) or size in _key(model.hub_id)


@lru_cache(maxsize=1)
def _titles() -> dict[str, Model]:
    known: dict[str, Model] = {}
    for model in load_models():
        for name in (model.name, model.title, model.hub_id.split("/")[-1], *model.aliases):
            known.setdefault(_key(name), model)
    return known


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", text.lower())


class Card(NamedTuple):
    """The GPU of a row."""

    gpu: Gpu
    notes: tuple[str, ...]
    """What had to be assumed."""
    known: bool = True
    """False when nothing in the catalog resembles it, so that a stand-in is used."""


def read_gpu(name: str, memory_gib: float | None) -> Card:
    """The GPU of a row, with the memory that the row states, and what had to be assumed.

    Raises:
        UsageError: an unknown GPU whose memory is not given either, or absurd memory.
    """
    if memory_gib is not None and not 0.5 <= memory_gib <= 10_000:
        raise UsageError(f"'{memory_gib:g}' is no GPU memory in GiB", details="where    column gpu_mem_gib")
    return _read_gpu(name.strip(), memory_gib)


@lru_cache(maxsize=16384)
def _read_gpu(name: str, memory_gib: float | None) -> Card:
    if name.lower() in UNSTATED:
        size = "" if memory_gib is None else f" with {memory_gib:g} GiB"
        said = f"which GPU it was: taken as {STAND_IN_GPU}{size}"
        card = Card(find_gpu(STAND_IN_GPU), (said,), known=False)
    else:
        card = _named_gpu(name, memory_gib)
    if memory_gib is None or card.gpu.is_apple:
        return card
    gpu = replace(card.gpu, total_memory_bytes=round(memory_gib * GIB), total_memory_estimated=False)
    return card._replace(gpu=gpu)


def _named_gpu(name: str, memory_gib: float | None) -> Card:
    if (chip := read_chip(name, memory_gib)) is not None:
        return Card(chip.gpu, chip.notes)
    if (found := _find_gpu(name)) is not None:
        return Card(found, ())
    counted = re.match(r"\d+ ?[x×*] ?(?=[A-Za-z])", name)
    notes = (f"'{counted[0].strip()}' before the GPU's name: GPUs are counted by tp, pp and dp",) if counted else ()
    bare = re.sub(r"\(.*?\)", "", name[counted.end() :] if counted else name).strip()
    size = re.search(r"(\d+) ?(?:gb|gib|g)\b", bare, flags=re.IGNORECASE)
    written = int(size[1]) if size else None
    plain = re.sub(r"[-_ ]?\d+ ?(?:gb|gib|g)\b", "", bare, flags=re.IGNORECASE).strip(" -_")
    for text in (bare, plain):
        found = _find_gpu(text)
        if found is not None and (written is None or _near(found, written)):
            return Card(found, notes)
    resembling = _resembling(bare, memory_gib or written)
    found = _find_gpu(plain) or resembling or _find_gpu(bare.split(" ")[0])
    if resembling is not None and written is not None and _near(resembling, written):
        found = resembling
    if found is None or (found is resembling and memory_gib is None and written is None and _ambiguous(bare)):
        if memory_gib is None:
            raise UnknownNameError("GPU", name, (g.name for g in load_gpus()))
        stand_in = find_gpu(STAND_IN_GPU)
        said = f"GPU {quote(name)}: taken for a {STAND_IN_GPU} with {memory_gib:g} GiB"
        return Card(stand_in, (*notes, said), known=False)
    if memory_gib is None and written is not None and not _near(found, written):
        found = _with_memory(found, written)
        notes = (*notes, f"GPU {quote(name)}: taken as {found.name} with {found.total_memory_bytes / GIB:.2f} GiB")
    elif _find_gpu(plain) is not found:
        notes = (*notes, f"GPU {quote(name)}: taken as {found.name}")
    return Card(found, notes)


def _find_gpu(name: str) -> Gpu | None:
    try:
        return find_gpu(name)
    except UnknownNameError:
        return None


def _near(gpu: Gpu, gigabytes: float) -> bool:
    return abs(gpu.marketing_gb - gigabytes) <= 0.1 * gigabytes


def _with_memory(gpu: Gpu, gigabytes: int) -> Gpu:
    """The GPU with that much memory; the engine sees of it what it sees of another card of that size."""
    twin = next((g for g in load_gpus() if g.marketing_gb == gigabytes and g.vendor == gpu.vendor), None)
    total = twin.total_memory_bytes if twin else round(gpu.total_memory_bytes / gpu.marketing_gb * gigabytes)
    return replace(gpu, total_memory_bytes=total, total_memory_estimated=True)


def _ambiguous(name: str) -> bool:
    """Names that come with several sizes of memory, or that stand for another card."""
    return re.search(r"[hb][128]00|h20\b|h200|mi3\d\d|gh200|gb[23]00|b300", name.lower()) is None


def _resembling(name: str, memory: float | None) -> Gpu | None:
    """The catalog's card of the same class."""
    text = name.lower()
    large = memory or 0
    pcie = "pci" in text
    nvl = "nvl" in text
    hopper = "H200" if large > 100 else "H100-NVL" if nvl or large > 85 else "H100-PCIe" if pcie else "H100-SXM"
    classes: tuple[tuple[str, str], ...] = (
        (r"gh200", "GH200"),
        (r"gb300", "GB300"),
        (r"gb200", "GB200"),
        (r"\bb300", "B300"),
        (r"\bb[12]00", "B200"),
        (r"\bh20(?!\d)", "H20"),
        (r"\bh200", "H200-NVL" if nvl else "H200"),
        (r"\bh[18]00", hopper),
        (r"\ba[18]00", f"A100-{40 if 0 < large <= 48 else 80}-{'PCIe' if pcie else 'SXM'}"),
        (r"\ba30\b", "A100-40-PCIe"),
        (r"\bv100|\bt4\b|titan|quadro|(?:rtx|gtx)[ _-]?[12]0\d0", "T4"),
        (r"mi35\d", "MI355X"),
        (r"mi32\d", "MI325X"),
        (r"mi[23]\d\d", "MI300X"),
        (r"rtx[ _-]?pro", "RTX-PRO-6000"),
        (r"\bada\b", "RTX-6000-Ada"),
        (r"(?:rtx[ _-]?|\b)50[5-9]0", "RTX-5090"),
        (r"(?:rtx[ _-]?|\b)40[5-9]0", "RTX-4090"),
        (r"(?:rtx[ _-]?|\b)30[5-9]0", "RTX-3090"),
        (r"rtx[ _-]?a\d{4}|\ba[456]\d00\b", "RTX-A6000"),
        (r"\ba40\b", "A40"),
        (r"\ba10g\b", "A10G"),
        (r"\ba(?:2|10|16)[gm]?\b", "A10"),
        (r"\bl20\b|\bl40s", "L40S"),
        (r"\bl40", "L40"),
        (r"\bl[24]\b", "L4"),
    )
    found = next((find_gpu(target) for pattern, target in classes if re.search(pattern, text)), None)
    if found is not None and re.search(r"mi2\d\d|v100", text):  # older than the card that stands for them
        old = {"MI300X": ("bf16", "fp16"), "T4": ("fp16", "int8", "int4")}
        return replace(found, precisions=old[found.name])
    return found


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
        if named is None and (scheme := _scheme_of(model, hub_id)) is not None:
            return _repackaged(model, hub_id, scheme)
        return model, named.hub_id if named is not None else model.native_quantization, ()
    if "runtime" in written or "online" in written or "on-the-fly" in written:
        return model, "fp8-online" if "fp8" in written else written.split("-", maxsplit=1)[0], ()
    if named is not None and same_family(named.quantization, written):
        return model, named.hub_id, ()
    if (alike := _alike(model, hub_id, written)) is not None:
        return model, alike.hub_id, ()
    return _unlisted_quantization(model, named, hub_id, written)


def _scheme_of(model: Model, hub_id: str) -> str | None:
    """The scheme that the name of a repackaging ends in; None when it names none.

    Raises:
        UsageError: it names one whose size is not known.
    """
    match = _HUB_ID.search(hub_id)
    if match is None or match[0].lower() == model.hub_id.lower():
        return None
    text = match[0].rsplit("/", maxsplit=1)[-1].lower()
    if preset := _PRESET.search(text.replace("-", "_")):
        return preset[1]
    if "mlx" in match[0].lower() and (bits := _MLX_BITS.search(text)):
        return f"mlx-{bits[1]}bit"
    for pattern, scheme in _SUFFIXES:
        if re.search(pattern, text):
            if scheme is None:
                raise UnknownNameError("quantization", match[0], model.quantizations)
            return scheme
    return None


def _repackaged(model: Model, hub_id: str, scheme: str) -> tuple[Model, str, tuple[str, ...]]:
    said = f"quantization: {scheme}, from the name {quote(hub_id)}"
    if (alike := _alike(model, hub_id, scheme)) is not None:
        return model, alike.hub_id, (said,)
    changed, quantization, notes = _with_checkpoint(model, hub_id, scheme)
    return changed, quantization, (said, *notes)


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
