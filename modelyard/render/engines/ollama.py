"""Ollama. It is set up by environment variables alone, and starts without a model: the container pulls it first.

The stack's name for the model is given only after the model was loaded, so that asking for it is the health check.
"""

from typing import Final

from modelyard.catalog.engines import Flag
from modelyard.render.argv import known_args
from modelyard.render.engines.base import (
    CACHE,
    CONCURRENCY,
    CONTEXT,
    GATEWAY,
    KV_DTYPE,
    PARALLEL,
    Command,
    EngineRenderer,
    Launch,
    flags_of,
    one_of,
)
from modelyard.render.flags import render_flag

TITLE: Final = "Ollama"
KV_DTYPES: Final = {"auto": "f16"}
KEPT: Final = "the plan counts on the one model being loaded all the time"
OWNED: Final = {
    "--context-length": CONTEXT,
    "--num-parallel": CONCURRENCY,
    "--kv-cache-type": KV_DTYPE,
    "--host": GATEWAY,
    "--models": CACHE,
    "--keep-alive": KEPT,
    "--max-loaded-models": KEPT,
    "--sched-spread": PARALLEL,
    "--no-cloud": "answers come from this machine",
    "--remotes": "answers come from this machine",
    "--debug-log-requests": "it writes what people ask to a file",
}
START: Final = (
    "ollama serve & server=$!; trap 'kill -TERM $server' TERM INT; "
    "until ollama list >/dev/null 2>&1; do kill -0 $server || exit 1; sleep 1; done; "
    '{ ollama pull "$MODELYARD_WEIGHTS" && ollama run "$MODELYARD_WEIGHTS" "" >/dev/null '
    '&& ollama cp "$MODELYARD_WEIGHTS" "$MODELYARD_MODEL"; } || { kill $server; exit 1; }; '
    "wait $server; wait $server"
)
"""A signal ends the first ``wait`` early; the second waits until the server has let its requests end."""


def render(launch: Launch) -> Command:
    """Environment of ``ollama serve``, and the shell that pulls and names the model."""
    env = {
        "OLLAMA_HOST": f"0.0.0.0:{launch.port}",
        "OLLAMA_MODELS": launch.cache_path,
        "OLLAMA_CONTEXT_LENGTH": str(launch.context_tokens),
        "OLLAMA_NUM_PARALLEL": str(launch.concurrency),
        "OLLAMA_KEEP_ALIVE": "-1",
        "OLLAMA_MAX_LOADED_MODELS": "1",
        "OLLAMA_NO_CLOUD": "1",
        "MODELYARD_WEIGHTS": f"hf.co/{launch.model_id}",
        "MODELYARD_MODEL": launch.served_model,
    }
    if launch.tensor_parallel_size > 1:
        env["OLLAMA_SCHED_SPREAD"] = "1"
    one_of(launch.kv_cache_dtype, KV_DTYPES, key="kv-cache-dtype", title=TITLE)
    flags = flags_of(launch)
    for name, flag, is_negation in known_args(launch.args, flags, title=TITLE, owned=OWNED):
        env[_variable(flags[flag])] = _value(name, flag, flags[flag], launch, is_negation=is_negation)
    return Command(
        command=("/bin/sh", "-c", START),
        argv=(),
        env=env,
        served_model=launch.served_model,
        health_path=f"/v1/models/{launch.served_model}",
    )


def _variable(facts: Flag) -> str:
    assert facts.env is not None  # noqa: S101  # every row of its list has one
    return facts.env


def _value(name: str, flag: str, facts: Flag, launch: Launch, *, is_negation: bool) -> str:
    rendered = render_flag(name, flag, facts, launch.args[name], is_negation=is_negation)
    return rendered[1] if len(rendered) > 1 else "1" if rendered else "0"


RENDERER = EngineRenderer(name="ollama", render=render, owned=OWNED, fit_flags={}, metrics_prefix="", reads_gguf=True)
