"""What went wrong on the way to the hub, as one of our errors: which model, why, and what to do.

Nothing of the request or of the library's own message is repeated, because either may carry the token.
"""

import httpx
from huggingface_hub import errors as hub

from modelyard.catalog.models import load_models
from modelyard.errors import ModelyardError, UnknownNameError, UsageError, nearest, quote

_PRIVATE = "if it is private, set HF_TOKEN to a token that may read it"
_OFFLINE = (
    "what is needed: a way to reach the hub, or a folder with the model's files, or a model of the catalog"
    " (`modelyard models`), which needs no network"
)


def translate(error: Exception, *, repo: str, revision: str | None, endpoint: str, has_token: bool) -> ModelyardError:
    """The error to raise for ``error``.

    Args:
        error: what huggingface_hub or its transport raised.
        repo: ``ORG/NAME``.
        revision: as asked; None: the default branch.
        endpoint: address of the hub.
        has_token: whether a token was sent; without one, the hub answers 401 for what does not exist.
    """
    status = error.response.status_code if isinstance(error, hub.HfHubHTTPError) else None
    if isinstance(error, hub.DisabledRepoError):
        return ModelyardError(f"the hub has disabled {quote(repo)}", details=f"where    {endpoint}/{repo}")
    if isinstance(error, hub.GatedRepoError) or status == 403:
        return ModelyardError(
            f"{quote(repo)} is gated: its files are only for accounts that accepted its licence",
            details=f"where    {endpoint}/{repo}",
            resolution=f"accept the licence at {endpoint}/{repo} and set HF_TOKEN to a token of that account",
        )
    if isinstance(error, hub.RepositoryNotFoundError | hub.RevisionNotFoundError):
        return (
            missing(repo) if isinstance(error, hub.RepositoryNotFoundError) else _no_revision(repo, revision, endpoint)
        )
    if status == 401 and not has_token:
        return missing(repo)
    if status == 401:
        return ModelyardError(
            f"the hub refused the token for {quote(repo)}",
            details=f"because  {endpoint} answered 401",
            resolution="set HF_TOKEN to a token that is valid, or unset it for a public model",
        )
    why = _why(error, endpoint) if status is None else f"{endpoint} answered {status}"
    return _unreachable(repo, why, retry=not isinstance(error, hub.OfflineModeIsEnabled))


def missing(repo: str) -> UnknownNameError:
    """No such repository: names the models of the catalog that are most like it."""
    models = load_models()
    known = {c.hub_id for m in models for c in m.checkpoint} | {m.hub_id for m in models} | {m.name for m in models}
    near = nearest(repo, sorted(known)) or nearest(repo.rpartition("/")[2], sorted(known))
    return UnknownNameError("model on the hub", repo, near, see=_PRIVATE)


def _no_revision(repo: str, revision: str | None, endpoint: str) -> UsageError:
    return UsageError(
        f"{quote(repo)} has no revision {quote(revision)}",
        details=f"allowed  a branch, tag or commit of {endpoint}/{repo}",
    )


def _why(error: Exception, endpoint: str) -> str:
    if isinstance(error, hub.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(error, httpx.TimeoutException):
        return f"{endpoint} did not answer in time"
    if isinstance(error, httpx.ConnectError):
        return f"{endpoint} cannot be reached"
    return f"the connection to {endpoint} broke ({type(error).__name__})"


def _unreachable(repo: str, why: str, *, retry: bool) -> ModelyardError:
    return ModelyardError(
        f"cannot read {quote(repo)} from the hub",
        details=f"because  {why}",
        resolution=f"try again later; {_OFFLINE}" if retry else _OFFLINE,
    )
