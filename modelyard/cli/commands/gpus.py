"""`modelyard gpus`: what it can be served on."""

import click

from modelyard.cli.options import json_option


@click.command("gpus", short_help="List the GPUs of the catalog.")
@click.argument("pattern", required=False)
@json_option
def command(pattern: str | None, *, as_json: bool) -> None:
    """List the GPUs of the catalog, or those whose name or generation contains PATTERN.

    \b
    Examples:
      modelyard gpus
      modelyard gpus hopper --json
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.catalog.gpus import Gpu, load_gpus
    from modelyard.cli.console import emit, emit_json, say, table
    from modelyard.errors import UnknownNameError
    from modelyard.fit.engines.apple import ENGINES
    from modelyard.units import gib

    def row(gpu: Gpu) -> tuple[str, ...]:
        bandwidth = f"{gpu.memory_bandwidth_gb_s:,.0f}" if gpu.memory_bandwidth_gb_s else "?"
        link = f"{gpu.link} ×{gpu.link_between}" if gpu.link_between > 1 else "-"
        if gpu.is_apple:
            sold = ", ".join(str(size) for size in gpu.memory_options_gb)
            runs = f"{', '.join(ENGINES)}; sold with {sold} GB"
            most = f"≤{gib(gpu.total_memory_bytes):g}"
            return (gpu.name, most, bandwidth, f"apple {gpu.generation}", "-", link, runs)
        estimated = "~" if gpu.total_memory_estimated else ""
        memory = f"{estimated}{gib(gpu.total_memory_bytes):.1f}"
        return (gpu.name, memory, bandwidth, gpu.generation, gpu.compute_capability, link, ", ".join(gpu.precisions))

    wanted = (pattern or "").lower()
    found = [
        g for g in load_gpus() if any(wanted in text.lower() for text in (g.name, g.title, g.generation, g.vendor))
    ]
    if not found:
        raise UnknownNameError("GPU", wanted, (g.name for g in load_gpus()))
    if as_json:
        emit_json({"schema": "modelyard.gpus/1", "gpus": found})
        return
    headers = ("GPU", "GiB", "GB/s", "GENERATION", "CC", "FAST LINK", "PRECISIONS (Apple: ENGINES)")
    emit(table(headers, [row(g) for g in found], right=(1, 2), cut=6))
    say(
        f"{len(found)} GPUs; GiB is what the engine can see of the memory (~ estimated; ≤ the most that a Mac is sold"
        " with); --json has every fact"
    )
