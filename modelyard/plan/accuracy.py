"""What a precision keeps of the 16-bit model's score, for advice that names one: the figure, and whose it is."""

from modelyard.catalog.precision import Kept, PrecisionFacts, load_precisions
from modelyard.fit.schemes import canonical, find_scheme

_SAME = {"w4a16": "gptq-int4"}
"""Spellings of one format by different tools."""


def accuracy_kept(quantization: str) -> Kept | None:
    """The best known figure for ``quantization``: measured before rule of thumb, its own format before its family.

    Args:
        quantization: any spelling, such as ``fp8-dynamic`` or ``awq-int4``.

    Returns:
        None when the catalog has no figure: not known is not "nothing lost".
    """
    figures = [kept for facts in _facts(quantization) for kept in facts.kept]
    return min(figures, key=lambda kept: not kept.measured, default=None)


def accuracy_words(quantization: str) -> str:
    """The same in words."""
    kept = accuracy_kept(quantization)
    if kept is None:
        return f"what {quantization} costs in accuracy is not known: check it on your task"
    percent = f"{kept.low:g}" if kept.low == kept.high else f"{kept.low:g} to {kept.high:g}"
    return (
        f"keeps {percent} % of the 16-bit score ({'measured: ' if kept.measured else ''}{kept.what.partition(': ')[0]})"
    )


def _facts(quantization: str) -> tuple[PrecisionFacts, ...]:
    name, scheme = canonical(quantization), find_scheme(quantization)
    name = _SAME.get(name, name)
    every = load_precisions()
    own = tuple(facts for facts in every if name in {facts.name, facts.spelling})
    # Another format of the family says something about this one; GGUF's formats differ too much from each other.
    kin = tuple(f for f in every if scheme is not None and f.family == scheme.family and f.family != "gguf")
    if any(facts.measured for facts in own) or not any(facts.measured for facts in kin):
        return own if any(facts.kept for facts in own) else kin
    return kin
