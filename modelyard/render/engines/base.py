"""What every engine is asked, what it answers, and how its flags are checked against the pinned version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from modelyard.catalog.engines import Flag, load_flags
from modelyard.errors import UsageError, quote
from modelyard.render.argv import user_argv
from modelyard.spec import EngineOptions, FlagValue

GATEWAY: Final = "only the gateway may reach the engine, and it knows where the engine listens"
PARALLEL: Final = "the plan splits the model over the GPUs of a pod"
SECRET: Final = "a secret in an argument list is readable by every process"  # noqa: S105  # a reason, not a secret
TLS: Final = "TLS ends at the gateway"
MODEL: Final = "the model is the stack's `model` key, its files the `weights` key"
SERVED: Final = "clients call the model by the name that the stack's `model` key has"
CONTEXT: Final = "it is the stack's `context` key, which the fit was computed for"
CONCURRENCY: Final = "it is the stack's `concurrency` key, which the fit was computed for"
QUANTIZATION: Final = "it is the stack's `quantization` key, which the fit was computed for"
KV_DTYPE: Final = "it is the stack's `kv-cache-dtype` key, which the fit was computed for"
CACHE: Final = "it is the stack's `cache.path` key"
FILE: Final = "a file of flags would go past every check made here; write the flags in `engine.args`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """One engine to start, as the plan decided."""

    engine: str
    version: str
    model_id: str
    """Hub id of the checkpoint; for GGUF engines ``org/name-GGUF``, the file's precision after a colon."""
    served_model: str
    """What clients call it, where the engine can be told."""
    context_tokens: int
    """Of one request, prompt and answer together."""
    concurrency: int
    """Requests of that length at once."""
    tensor_parallel_size: int
    port: int
    cache_path: str
    quantization: str | None
    """Method when the engine quantises while it loads; None: it reads the method off the checkpoint."""
    kv_cache_dtype: str
    args: Mapping[str, FlagValue] = field(default_factory=dict[str, FlagValue])
    """The user's own flags, without dashes."""
    options: EngineOptions = field(default_factory=EngineOptions)
    """Only of vLLM."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """How the engine's container is started. No secret is in it."""

    argv: tuple[str, ...]
    command: tuple[str, ...] = ()
    """Entry point; empty: the image's own."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    served_model: str
    """The name that a request has to carry in ``model``."""
    health_path: str | None = None
    """Path that answers 200 once the model is loaded; None: the catalog's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineRenderer:
    """One engine."""

    name: str
    render: Callable[[Launch], Command]
    owned: Mapping[str, str]
    """Flags that the plan sets itself, each with why the user may not."""
    fit_flags: Mapping[str, str]
    """Field of a fit request → the flag of this engine that moves it, without dashes."""
    metrics_prefix: str
    """How the names of its own metrics begin; empty: it has none."""
    key_variable: str | None = None
    """Environment variable with which it checks the access key itself; None: the gateway alone does."""
    reads_gguf: bool = False
    """Whether it loads GGUF files, which the catalog has no checkpoints of: the stack names them with ``weights``."""
    has_options: bool = False
    """Whether ``engine.options`` can be rendered for it."""
    shutdown_flag: str | None = None
    """Flag that takes the seconds in which running requests may end."""


def checked_argv(launch: Launch, *, title: str, owned: Mapping[str, str]) -> tuple[str, ...]:
    """The user's own flags as arguments, checked against the flag list of the pinned version.

    Raises:
        UnknownNameError: no such flag or value; names the nearest.
        ConfigError: a flag that the plan owns, or a value that does not suit it.
    """
    return user_argv(launch.args, flags_of(launch), title=title, owned=owned)


def flags_of(launch: Launch) -> Mapping[str, Flag]:
    """The flags of the version that is started."""
    return load_flags(launch.engine, launch.version)


def one_of(asked: str, names: Mapping[str, str], *, key: str, title: str) -> str:
    """The engine's own word for a value of the stack.

    Raises:
        UsageError: the engine has none; names those that it has.
    """
    found = names.get(asked)
    if found is None:
        raise UsageError(
            f"{title} has no {key} {quote(asked)}",
            details=f"where    key modelyard:serve.{key}\nallowed  {', '.join(names)}",
            resolution=f"choose one of these, or another engine than {title}",
        )
    return found


def hub_environment(cache_path: str) -> dict[str, str]:
    """Where engines that load from the hub keep what they fetched."""
    return {"HF_HOME": cache_path, "HF_HUB_CACHE": cache_path, "HF_HUB_DISABLE_TELEMETRY": "1"}
