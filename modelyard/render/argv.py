"""The engine's argument list, checked against the flags of the pinned engine version.

A flag that the engine does not know stops it minutes after the GPUs started to cost money; here it stops before
anything is rented. Secrets never become arguments, because anyone who can list processes can read those.
"""

from collections.abc import Mapping
from typing import Final

from modelyard.catalog.engines import Flag, load_flags, pinned_version
from modelyard.errors import ConfigError, UnknownNameError, quote
from modelyard.render.flags import render_flag
from modelyard.spec import FlagValue

ENGINE: Final = "vllm"

_GATEWAY: Final = "only the gateway may reach the engine, and it knows where the engine listens"
_PARALLEL: Final = "the plan splits the model over the GPUs it chose; ask for another split with `place.gpu-count`"
_SECRET: Final = "a secret in an argument list is readable by every process; the key reaches the engine as VLLM_API_KEY"  # noqa: S105  # a reason, not a secret
_TLS: Final = "TLS ends at the gateway"

OWNED_FLAGS: Final[Mapping[str, str]] = {
    "--model": "the model is the stack's `model` key",
    "--served-model-name": "clients call the model by the name that the stack's `model` key has",
    "--max-model-len": "it is the stack's `context` key, which the fit was computed for",
    "--quantization": "it is the stack's `quantization` key, which the fit was computed for",
    "--kv-cache-dtype": "it is the stack's `kv-cache-dtype` key, which the fit was computed for",
    "--download-dir": "it is the stack's `cache.path` key",
    "--config": "a file of flags would go past every check made here; write the flags in `engine.args`",
    "--host": _GATEWAY,
    "--port": _GATEWAY,
    "--uds": _GATEWAY,
    "--root-path": _GATEWAY,
    "--headless": _PARALLEL,
    "--tensor-parallel-size": _PARALLEL,
    "--pipeline-parallel-size": _PARALLEL,
    "--data-parallel-size": _PARALLEL,
    "--nnodes": _PARALLEL,
    "--node-rank": _PARALLEL,
    "--master-addr": _PARALLEL,
    "--master-port": _PARALLEL,
    "--ssl-keyfile": _TLS,
    "--ssl-certfile": _TLS,
    "--ssl-ca-certs": _TLS,
    "--ssl-cert-reqs": _TLS,
    "--api-key": _SECRET,
    "--hf-token": _SECRET,
}
"""Flags that the plan sets itself, each with why the user may not."""


def vllm_argv(  # noqa: PLR0913  # one parameter per flag that the plan decides, all keyword-only
    *,
    model_id: str,
    served_model_name: str,
    max_model_len: int,
    tensor_parallel_size: int,
    port: int,
    download_dir: str,
    quantization: str | None,
    kv_cache_dtype: str,
    extra: Mapping[str, FlagValue],
    pipeline_parallel_size: int = 1,
    host: str | None = None,
    engine_version: str | None = None,
) -> tuple[str, ...]:
    """Arguments of the entry point of ``vllm/vllm-openai``, which is ``vllm serve``: the model comes first, bare.

    Args:
        model_id: hub id of the checkpoint.
        served_model_name: what clients call it.
        max_model_len: tokens of one request, prompt and answer together.
        tensor_parallel_size: GPUs that share every layer.
        port: TCP port of the engine's HTTP server.
        download_dir: where the weights lie.
        quantization: the method when the engine has to quantise while it loads, or has to be told; None: it reads
            the method off the checkpoint, as it does for every published quantised checkpoint.
        kv_cache_dtype: ``auto`` or one of the engine's names.
        extra: the user's flags without dashes, such as ``{"max-num-seqs": 64}``; they follow in alphabetical order.
        pipeline_parallel_size: groups of layers, each on its own GPUs.
        host: address to listen on; None: the engine's default, every interface.
        engine_version: whose flag list to check against; None: the pinned one.

    Returns:
        The arguments. The same input gives the same list.

    Raises:
        UnknownNameError: no such flag, value or engine version; names the nearest.
        ConfigError: a flag that the plan owns, or a value of the wrong type or out of range.
    """
    flags = load_flags(ENGINE, engine_version or pinned_version(ENGINE))
    known_value(flags, "--kv-cache-dtype", kv_cache_dtype, key="kv-cache-dtype")
    argv = [model_id, "--served-model-name", served_model_name, "--max-model-len", str(max_model_len)]
    argv += ["--tensor-parallel-size", str(tensor_parallel_size)]
    if pipeline_parallel_size > 1:
        argv += ["--pipeline-parallel-size", str(pipeline_parallel_size)]
    argv += ["--port", str(port), "--download-dir", download_dir]
    if host is not None:
        argv += ["--host", host]
    if quantization is not None:
        known_value(flags, "--quantization", quantization, key="quantization")
        argv += ["--quantization", quantization]
    if kv_cache_dtype != "auto":
        argv += ["--kv-cache-dtype", kv_cache_dtype]
    return (*argv, *user_argv(extra, flags))


def user_argv(
    extra: Mapping[str, FlagValue],
    flags: Mapping[str, Flag],
    *,
    title: str = "vLLM",
    owned: Mapping[str, str] = OWNED_FLAGS,
) -> tuple[str, ...]:
    """The user's flags as arguments, in alphabetical order.

    Args:
        extra: flags without dashes.
        flags: those of the pinned version.
        title: the engine's name, for messages.
        owned: flags that the plan sets, each with why the user may not.

    Raises:
        UnknownNameError: no such flag.
        ConfigError: a flag that the plan owns, one given twice, or a value that does not suit it.
    """
    rendered: list[str] = []
    for name, written, is_negation in known_args(extra, flags, title=title, owned=owned):
        facts = flags[written.partition(".")[0]]
        rendered += render_flag(name, written, facts, extra[name], is_negation=is_negation)
    return tuple(rendered)


def known_args(
    extra: Mapping[str, FlagValue], flags: Mapping[str, Flag], *, title: str, owned: Mapping[str, str]
) -> list[tuple[str, str, bool]]:
    """Each of the user's flags as written, its spelling in ``flags`` (with its path), and whether it negates.

    Raises:
        UnknownNameError: no such flag.
        ConfigError: a flag that the plan owns, or one given twice.
    """
    spelled = _spellings(flags)
    seen: dict[str, str] = {}
    found: list[tuple[str, str, bool]] = []
    for name in sorted(extra):
        base, _, path = name.strip().lstrip("-").replace("_", "-").partition(".")
        if base not in spelled:
            known = [flag.removeprefix("--").replace("_", "-") for flag in flags]
            raise UnknownNameError(f"{title} flag", name, known, see="Flags go into `engine.args` without dashes.")
        flag, is_negation = spelled[base]
        reason = owned.get(flag) or (_SECRET if flags[flag].secret else None)
        if reason is not None:
            raise ConfigError(
                f"{quote(name)} is not yours to set: {reason}", key=f"engine.args.{name}", resolution="remove it"
            )
        written = f"{flag}.{path}" if path else flag
        if written in seen:
            raise ConfigError(f"{quote(name)} sets the same flag as {quote(seen[written])}", key=f"engine.args.{name}")
        seen[written] = name
        found.append((name, written, is_negation))
    return found


def known_value(flags: Mapping[str, Flag], flag: str, value: str, *, key: str, title: str = "vLLM") -> None:
    """Check a value that the plan sets against those that the engine's source names.

    Raises:
        UnknownNameError: the engine does not name it.
    """
    allowed = flags[flag].choices or flags[flag].known
    if allowed and value not in allowed:
        raise UnknownNameError(key, value, allowed, see=f"{title} takes these for {flag}.")


def _spellings(flags: Mapping[str, Flag]) -> dict[str, tuple[str, bool]]:
    """Every spelling without dashes → the flag's main spelling, and whether the spelling negates it."""
    spelled: dict[str, tuple[str, bool]] = {}
    for flag, facts in flags.items():
        for spelling in (flag, *facts.aliases):
            spelled[spelling.lstrip("-").replace("_", "-")] = (flag, False)
        for spelling in facts.negations:
            spelled[spelling.lstrip("-").replace("_", "-")] = (flag, True)
    return spelled
