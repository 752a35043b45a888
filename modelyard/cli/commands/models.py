"""`modelyard models`: what can be served."""

import click

from modelyard.cli.commands.models_add import with_add
from modelyard.cli.options import json_option


@click.command("models", short_help="List the models of the catalog.")
@click.argument("pattern", required=False)
@json_option
def command(pattern: str | None, *, as_json: bool) -> None:
    """List the models of the catalog, or those whose name, family or hub id contains PATTERN.

    \b
    Examples:
      modelyard models
      modelyard models qwen --json
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.catalog.models import Model, load_models
    from modelyard.cli.console import emit, emit_json, say, table
    from modelyard.errors import UnknownNameError
    from modelyard.units import format_tokens

    def row(model: Model) -> tuple[str, ...]:
        active = f" ({_billions(model.active_params)} active)" if model.moe and model.active_params else ""
        return (
            model.name,
            _billions(model.total_params) + active,
            format_tokens(model.max_position_embeddings),
            _attention(model),
            ", ".join(model.quantizations),
            model.license.split(" (")[0] + (" gated" if model.gated == "yes" else ""),
        )

    def _attention(model: Model) -> str:
        kind = "MLA" if model.mla else "MHA" if model.num_key_value_heads == model.num_attention_heads else "GQA"
        extra = "linear" if model.linear_attention else model.window.kind if model.window else ""
        return f"{kind}, {extra}" if extra else kind

    wanted = (pattern or "").lower()
    found = [m for m in load_models() if any(wanted in text.lower() for text in (m.name, m.family, m.hub_id))]
    if not found:
        raise UnknownNameError("model", wanted, (m.name for m in load_models()))
    if as_json:
        emit_json({"schema": "modelyard.models/1", "models": found})
        return
    emit(
        table(("MODEL", "PARAMETERS", "CONTEXT", "ATTENTION", "PRECISIONS", "LICENCE"), [row(m) for m in found], cut=4)
    )
    say(f"{len(found)} models; `modelyard fit MODEL` says which GPUs hold one; --json has every fact with its source")


def _billions(count: int | None) -> str:
    billions = (count or 0) / 1e9
    return f"{billions:,.0f}B" if billions >= 100 else f"{billions:.3g}B"


command = with_add(command)
