"""The model, its KV cache and the engine fit the GPUs that are about to be paid for."""

from modelyard.fit import find_remedies
from modelyard.fit.types import Fit, Verdict
from modelyard.resources import Resource
from modelyard.units import format_tokens, gib
from policies.examples import serving
from policies.facts import SERVING, Facts, text, whole
from policies.refit import refit
from policies.rule import Example, Finding, Rule, RuleConfig, Scope, Status

_LIMIT = "weights, KV cache for the asked concurrency and the engine's own memory fit every GPU"


def check(facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:  # noqa: ARG001  # the shape of every check
    """Work the fit out again from the Serving's facts; only where that cannot be done, take the verdict it brings."""
    findings: list[Finding] = []
    for resource in facts.resources:
        findings.extend(_too_few_gpus(resource))
        again = refit(resource)
        if again.fit is not None:
            findings.append(_from_fit(resource, again.fit))
        else:
            findings.append(_from_claim(resource, again.unknown, again.cannot))
    return tuple(findings)


def _too_few_gpus(resource: Resource) -> list[Finding]:
    ranks, gpus = whole(resource, "tensorParallelSize"), whole(resource, "gpuCount")
    if not (isinstance(ranks, int) and isinstance(gpus, int)) or ranks <= gpus:
        return []
    change = f"set tensor-parallel-size to {gpus}, or take a machine with {ranks} GPUs"
    return [_finding(resource, Status.FAIL, f"tensor parallel over {ranks} GPUs of {gpus} that are there", change)]


def _from_fit(resource: Resource, fit: Fit) -> Finding:
    parts, request = fit.per_gpu, fit.request
    used = parts.weights + parts.activations + parts.cuda_graphs + parts.runtime
    measured = (
        f"{fit.verdict.value.replace('_', ' ')}: {gib(used):.1f} of {gib(parts.total):.1f} GiB per GPU before KV cache"
    )
    if fit.verdict is Verdict.DOES_NOT_FIT:
        return _finding(resource, Status.FAIL, f"{measured} ({'; '.join(fit.reasons)})", _way_out(fit))
    measured += f", holds {fit.max_concurrency:.1f} requests of {format_tokens(request.max_model_len)}"
    measured += f", asked {request.concurrency}"
    if fit.verdict is Verdict.TIGHT:
        return _finding(resource, Status.WARN, measured, "leave more room: fewer requests, less context")
    if fit.unknown:
        return _finding(resource, Status.WARN, f"{measured}; assumed: {fit.unknown[0]}", "check the assumption")
    return _finding(resource, Status.PASS, measured, "")


def _way_out(fit: Fit) -> str:
    """The cheapest single change after which it fits; where no single one does, that is what there is to say."""
    for remedy in find_remedies(fit):
        if remedy.verdict is not Verdict.DOES_NOT_FIT:
            return f"{remedy.change} ({remedy.effect})"
    return "no single change is enough: take GPUs with more memory, or more of them"


def _from_claim(resource: Resource, unknown: str | None, cannot: str | None) -> Finding:
    verdict = text(resource, "fit.verdict")
    why = f"{unknown} is not known before `up`" if unknown else str(cannot)
    if verdict == Verdict.DOES_NOT_FIT.value:
        return _finding(resource, Status.FAIL, f"its plan says that it does not fit ({why})", "ask `modelyard fit`")
    if verdict in (Verdict.FITS.value, Verdict.TIGHT.value) and not unknown:
        status = Status.PASS if verdict == Verdict.FITS.value else Status.WARN
        change = "" if status is Status.PASS else "leave more room"
        return _finding(resource, status, f"its plan says {verdict}; not worked out again: {why}", change)
    return _finding(resource, Status.UNKNOWN, f"cannot be worked out: {why}", "give the fact as a plain value")


def _finding(resource: Resource, status: Status, measured: str, change: str) -> Finding:
    return Finding(status=status, measured=measured, limit=_LIMIT, change=change, urn=resource.urn, name=resource.name)


def _on(gpu: str, count: int) -> Example:
    return Example(
        text=f"Llama 3.3 70B at fp8, 8 requests of 16k, on {count} × {gpu}.",
        resources=(
            serving(
                {
                    "model": "llama-3.3-70b",
                    "quantization": "fp8",
                    "gpu": gpu,
                    "gpuCount": count,
                    "tensorParallelSize": count,
                    "contextTokens": 16384,
                    "concurrency": 8,
                    "engine": {"name": "vllm", "argv": ["--max-num-seqs", "64"]},
                }
            ),
        ),
    )


RULE = Rule(
    id="vram-fit",
    title="The model fits its GPUs",
    why=(
        "A model that does not fit fails after the machine was rented, the image pulled and a hundred gigabytes "
        "downloaded: every minute of that is billed. The arithmetic that tells takes milliseconds and needs no GPU."
    ),
    remedy="Ask `modelyard fit` for the cheapest remedy: another precision, more GPUs, less context, fewer requests.",
    scope=Scope.RESOURCE,
    check=check,
    types=(SERVING,),
    fails=_on("L40S", 1),
    passes=_on("H100-SXM", 2),
)
