"""What the verdict compares: the margin, and the band within which it is ``tight``."""

from modelyard.fit.assess import requests_per_rank
from modelyard.fit.constants import FITTED, describe_constant
from modelyard.fit.engines.base import Case, StageBudget
from modelyard.fit.terms import Number, Term, make_term
from modelyard.fit.types import Fit
from modelyard.fit.verdict import tight_band

Known = dict[str, tuple[str, Number]]


def verdict_terms(fit: Fit, case: Case, budget: StageBudget) -> tuple[Term, ...]:
    """The bands of the verdict, and how the GPU's memory is spent in all."""
    band = tight_band(fit.request, budget.layout, budget.kv_bytes, case.flags)
    known: Known = {
        "B": ("KV cache", budget.kv_bytes),
        "s": (f"share ({describe_constant('fits_share')})", FITTED["fits_share"]),
        "a": (f"GiB at least ({describe_constant('fits_gib')})", FITTED["fits_gib"]),
        "u": ("bytes by which facts that are only estimated may be off; said under unknown", band.unsure),
        "r": (f"share ({describe_constant('refused_share')})", FITTED["refused_share"]),
        "c": (f"GiB at least ({describe_constant('refused_gib')})", FITTED["refused_gib"]),
    }
    wanted = requests_per_rank(fit.request)
    return (
        make_term(
            f"margin that `fits` needs beyond {wanted} request(s)",
            band.fits,
            "max(s * B, a * 2**30) + u",
            known,
            "assumed bands, docs/fit.md",
        ),
        make_term(
            "lack that `does_not_fit` needs", band.refused, "max(r * B, c * 2**30)", known, "assumed bands, docs/fit.md"
        ),
        spent_term(fit),
    )


def spent_term(fit: Fit) -> Term:
    """How the memory of one GPU is spent in all."""
    per_gpu = fit.per_gpu
    known: Known = {
        "W": ("weights", per_gpu.weights),
        "A": ("activations", per_gpu.activations),
        "G": ("CUDA graphs", per_gpu.cuda_graphs),
        "N": ("not counted by torch, and CUDA context", per_gpu.runtime),
        "K": ("KV cache", per_gpu.kv_cache),
        "R": ("left alone", per_gpu.reserve),
    }
    source = f"memory of {fit.request.gpu.title}: {fit.request.gpu.source}"
    return make_term("memory of the GPU", per_gpu.total, "W + A + G + N + K + R", known, source)
