"""vLLM's options in the stack file's words, as flags and variables of the pinned version.

Structured output goes together with speculative decoding in this version, so that is no conflict; ``min_p`` and
``logit_bias`` of a request do not (vLLM 0.33 ``sampling_params.py``), which nobody can know before the request comes.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from modelyard.catalog.engines import Flag
from modelyard.errors import ConfigError, UsageError, quote
from modelyard.render.argv import known_value
from modelyard.spec import EngineOptions, FlagValue, KvOffload, Lora, Speculative

WITH_MODEL: Final = ("draft_model", "eagle", "eagle3", "dflash")
"""Speculative methods that bring weights of their own."""
WITHOUT_MODEL: Final = ("ngram", "suffix", "mtp")
"""Methods that propose from the text, or with layers of the model itself."""
_KEY: Final = "engine.options"


def option_argv(options: EngineOptions, args: Mapping[str, FlagValue], flags: Mapping[str, Flag]) -> tuple[str, ...]:
    """The arguments of ``options``, in a fixed order.

    Args:
        options: what was asked.
        args: the user's own flags, which may not set the same again.
        flags: those of the pinned version.

    Raises:
        UnknownNameError: a parser or backend that the pinned version does not have.
        ConfigError: a flag that ``engine.args`` sets as well.
        UsageError: options that exclude one another.
    """
    argv = [
        *_switches(options),
        *_parsers(options, flags),
        *_speculative(options.speculative),
        *_lora(options.lora, flags),
        *_offload(options.kv_offload, flags),
    ]
    _refuse_twice(argv, args)
    return tuple(argv)


def option_environment(options: EngineOptions) -> dict[str, str]:
    """Variables that switch on what has no flag."""
    found: dict[str, str] = {}
    if options.lora is not None and options.lora.runtime_updates:
        found["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
    if options.sleep_mode:
        found["VLLM_SERVER_DEV_MODE"] = "1"  # only then are there paths to put it to sleep and wake it
    return found


def option_warnings(options: EngineOptions) -> Iterator[str]:
    """What one should know of these options before paying."""
    speculative, lora = options.speculative, options.lora
    if speculative is not None:
        yield "speculative decoding: requests with min_p or logit_bias are refused"
        if speculative.model is not None or speculative.method == "mtp":
            what = speculative.model or "the model's own prediction layers"
            yield f"memory of {what} for speculative decoding is unknown to the fit: leave room for it"
    if lora is not None:
        what = f"{lora.max_loras} LoRA adapters of rank {lora.max_rank}"
        yield f"memory of {what} is unknown to the fit: leave room for it"
    if lora is not None and lora.runtime_updates:
        yield "adapters can be loaded at run time: by whoever reaches the engine inside the cluster, not by callers"
    if options.sleep_mode:
        yield "sleep mode opens the engine's development paths inside the cluster; the gateway keeps callers out"


def _switches(options: EngineOptions) -> Iterator[str]:
    for flag, value in (("prefix-caching", options.prefix_caching), ("chunked-prefill", options.chunked_prefill)):
        if value is not None:
            yield f"--enable-{flag}" if value else f"--no-enable-{flag}"
    if options.sleep_mode:
        yield "--enable-sleep-mode"


def _parsers(options: EngineOptions, flags: Mapping[str, Flag]) -> Iterator[str]:
    if options.tool_call_parser is not None:
        known_value(flags, "--tool-call-parser", options.tool_call_parser, key=f"{_KEY}.tool-call-parser")
        yield from ("--enable-auto-tool-choice", "--tool-call-parser", options.tool_call_parser)
    if options.reasoning_parser is not None:
        known_value(flags, "--reasoning-parser", options.reasoning_parser, key=f"{_KEY}.reasoning-parser")
        yield from ("--reasoning-parser", options.reasoning_parser)
    if options.structured_output is not None:
        yield from ("--structured-outputs-config", json.dumps({"backend": options.structured_output}))


def _speculative(asked: Speculative | None) -> Iterator[str]:
    if asked is None:
        return
    has_model = asked.method in WITH_MODEL
    if not has_model and asked.method not in WITHOUT_MODEL:
        raise UsageError(
            f"{quote(asked.method)} is no method of speculative decoding that modelyard knows",
            details=f"where    key {_KEY}.speculative.method\nallowed  {', '.join((*WITH_MODEL, *WITHOUT_MODEL))}",
        )
    if has_model and asked.model is None:
        raise _speculative_model(f"{asked.method} proposes with a model of its own, and none is named", "add model")
    if not has_model and asked.model is not None:
        raise _speculative_model(f"{asked.method} proposes without a model of its own", "take out model")
    config: dict[str, str | int] = {"method": asked.method, "num_speculative_tokens": asked.tokens}
    if asked.model is not None:
        config["model"] = asked.model
    yield from ("--speculative-config", json.dumps(config, sort_keys=True))


def _speculative_model(problem: str, resolution: str) -> UsageError:
    return UsageError(problem, details=f"where    key {_KEY}.speculative.model", resolution=resolution)


def _lora(asked: Lora | None, flags: Mapping[str, Flag]) -> Iterator[str]:
    if asked is None:
        return
    if not asked.adapters and not asked.runtime_updates:
        raise UsageError(
            "no adapter is named, and none may be added later",
            details=f"where    key {_KEY}.lora\nallowed  adapters, or runtime-updates: true",
        )
    known_value(flags, "--max-lora-rank", str(asked.max_rank), key=f"{_KEY}.lora.max-rank")
    yield from ("--enable-lora", "--max-loras", str(asked.max_loras), "--max-lora-rank", str(asked.max_rank))
    if asked.adapters:
        yield "--lora-modules"
        yield from (f"{name}={source}" for name, source in sorted(asked.adapters.items()))


def _offload(asked: KvOffload | None, flags: Mapping[str, Flag]) -> Iterator[str]:
    if asked is not None:
        known_value(flags, "--kv-offloading-backend", asked.backend, key=f"{_KEY}.kv-offload.backend")
        yield from ("--kv-offloading-size", str(asked.gib), "--kv-offloading-backend", asked.backend)


def _refuse_twice(argv: list[str], args: Mapping[str, FlagValue]) -> None:
    made = {word.removeprefix("--").removeprefix("no-").removeprefix("enable-") for word in argv if word[:2] == "--"}
    for name in args:
        base = name.replace("_", "-").partition(".")[0]
        plain = base.removeprefix("no-").removeprefix("disable-").removeprefix("enable-")
        if plain in made:
            raise ConfigError(
                f"{quote(name)} is set by {_KEY} as well", key=f"engine.args.{name}", resolution="say it in one place"
            )
