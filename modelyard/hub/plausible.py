"""Whether config and weights can belong together: a copy that was cut short looks like a smaller model otherwise."""

from modelyard.errors import UsageError, quote, shorten_list
from modelyard.hub.assemble import Shape
from modelyard.hub.census import Census
from modelyard.hub.feedforward import read_feedforward
from modelyard.hub.files import Files

MOST_MTP_LAYERS = 3
"""Layers beyond the config's that may be multi-token prediction although the config does not say so."""
LEAST_SHARE = 0.5
"""Pickled weights smaller than this share of the matrices that the config lists are not the whole model."""
AGAIN = "finish the download (`hf download` goes on where it stopped), or name the model on the hub"

_POINTER = b"version https://git-lfs"
_ZIP, _ZIP_END, _ZIP_TAIL_BYTES = b"PK\x03\x04", b"PK\x05\x06", 22


def check_weights(files: Files, shape: Shape, census: Census) -> None:
    """Compare the tensors with the config.

    Raises:
        UsageError: layers are missing or too many, or key projections have another width.
    """
    wanted, seen = shape.attention.num_hidden_layers, census.layers
    missing = sorted(set(range(wanted)) - seen)
    known = shape.family is not None and not shape.family.encoder
    if seen and missing and (known or missing[-1] == wanted - 1):
        named = shorten_list([str(number) for number in missing], limit=6)
        raise _disagree(
            files,
            f"its config lists {wanted} layers, and the weights hold {wanted - len(missing)}",
            f"missing  {named}",
        )
    extra = census.mtp_layers if census.mtp_layers > MOST_MTP_LAYERS else 0
    if known and extra and not shape.config.integer("num_nextn_predict_layers", "mtp_num_hidden_layers"):
        raise _disagree(files, f"its config lists {wanted} layers, and the weights hold {wanted + extra}")
    _check_heads(files, shape, census)


def _check_heads(files: Files, shape: Shape, census: Census) -> None:
    attention = shape.attention
    if shape.family is None or attention.mla or attention.compressed or attention.linear_attention:
        return
    rows = {attention.num_key_value_heads * attention.head_dim}
    if attention.global_attention is not None:
        rows.add(attention.global_attention.num_key_value_heads * attention.global_attention.head_dim)
    if census.kv_rows and not census.kv_rows & rows:
        heads = f"{attention.num_key_value_heads} key/value heads of {attention.head_dim}"
        found = " and ".join(f"{count:,}" for count in sorted(census.kv_rows))
        raise _disagree(
            files,
            f"its config gives {heads}, and the key projections have {found} rows",
            f"because  {heads} are {min(rows):,} rows",
        )


def check_pickles(files: Files, shape: Shape, names: list[str], *, total: int, bits: float) -> None:
    """What can be told of pickled weights without opening them: their size, and whether they have an end.

    Args:
        files: the model's files.
        shape: what the config says.
        names: the weight files.
        total: bytes of all of them.
        bits: bits of a weight.

    Raises:
        UsageError: they are pointers, cut short, or too small for the config.
    """
    sizes = files.sizes()
    for name in names:
        refuse_pointer(files, name)
        size = sizes[name] or 0
        if files.read_range(name, 0, len(_ZIP)) == _ZIP:
            tail = files.read_range(name, max(0, size - _ZIP_TAIL_BYTES), size)
            if _ZIP_END not in tail:
                raise cut_short(files, name, f"it begins like an archive and has no end after {size:,} bytes")
    least = _least_bytes(shape, bits)
    if total < LEAST_SHARE * least:
        raise _disagree(
            files,
            f"its weights have {total:,} bytes, and its config describes at least {least:,}",
            f"where    {shorten_list(names, limit=3)}",
        )


def refuse_pointer(files: Files, name: str) -> None:
    """Refuse a Git LFS pointer.

    Raises:
        UsageError: the file only points to another.
    """
    if files.read_range(name, 0, len(_POINTER)) == _POINTER:
        raise UsageError(
            f"{quote(name)} of {quote(files.origin.hub_id)} is a Git LFS pointer, not the file itself",
            details=f"where    {quote(name)}: a few lines of text in place of the file",
            resolution="run `git lfs pull` in the folder, or fetch the model with `hf download`",
        )


def missing_files(files: Files, names: list[str], *, said_by: str) -> UsageError:
    """The error for weight files that another file speaks of."""
    one = len(names) == 1
    count = "a weight file" if one else f"{len(names)} weight files"
    where = f"where    {shorten_list(names, limit=4)}"
    return UsageError(
        f"{count} of {quote(files.origin.hub_id)} {'is' if one else 'are'} missing",
        details=f"{where}\nbecause  {said_by} speaks of {'it' if one else 'them'}",
        resolution=AGAIN,
    )


def cut_short(files: Files, name: str, why: str) -> UsageError:
    """The error for a file whose end is missing."""
    return UsageError(
        f"{quote(name)} of {quote(files.origin.hub_id)} is cut short", details=f"because  {why}", resolution=AGAIN
    )


def _least_bytes(shape: Shape, bits: float) -> int:
    """The matrices that every model of such a config has, in bytes; only the embedding of an unknown architecture."""
    config, attention = shape.config, shape.attention
    hidden = config.need("hidden_size", "n_embd", "d_model", "dim")
    params = hidden * config.need("vocab_size", "padded_vocab_size")
    if shape.family is not None and not shape.family.encoder:
        feedforward = read_feedforward(config, shape.family, attention.num_hidden_layers)
        moe = feedforward.moe
        width = moe.num_experts * moe.moe_intermediate_size if moe else feedforward.intermediate_size
        params += attention.num_hidden_layers * 2 * hidden * width
    return round(params * min(bits, 16) / 8)


def _disagree(files: Files, what: str, details: str | None = None) -> UsageError:
    return UsageError(
        f"config and weights of {quote(files.origin.hub_id)} do not belong together: {what}",
        details=details,
        resolution=f"{AGAIN}; if this is on purpose, correct config.json",
    )
