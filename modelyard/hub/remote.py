"""A model on the hub, read through huggingface_hub: its file list, small files whole, large files by ranges.

The weights themselves are never asked for. A server that ignores ranges is an error, not a download.
"""

import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote as quote_url

import httpx
from huggingface_hub import HfApi, ModelInfo, get_session, get_token, hf_hub_url, hf_raise_for_status
from huggingface_hub import errors as hub
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented, though not re-exported

from modelyard.errors import ModelyardError, UsageError, quote
from modelyard.hub.failures import translate
from modelyard.hub.files import SMALL_FILE_BYTES, Origin
from modelyard.hub.reference import Reference, is_hub_id

T = TypeVar("T")

TIMEOUT_SECONDS = 20.0
ATTEMPTS = 3
_PASSING = (408, 429, 500, 502, 503, 504)


class HubFiles:
    """The files of one repository at one commit. Satisfies ``Files``."""

    def __init__(
        self,
        reference: Reference,
        *,
        token: str | None = None,
        endpoint: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Look the repository up.

        Args:
            reference: repository and revision.
            token: hub token; None: what huggingface_hub finds (``HF_TOKEN``, or a login).
            endpoint: address of the hub; None: ``HF_ENDPOINT``, else huggingface.co.
            timeout_seconds: how long the server may be silent.
            pause: waits that many seconds between attempts.

        Raises:
            ModelyardError: gated, unreachable, or the token cannot be one.
            UnknownNameError: no such repository.
        """
        self._token = _checked(token)
        address = endpoint.rstrip("/") if endpoint else None
        self._api = HfApi(endpoint=address, token=self._token, library_name="modelyard")
        self._timeout, self._pause = timeout_seconds, pause
        self._repo, self._asked = reference.repo, reference
        info = self._try(self._look_up)
        self._repo = info.id if is_hub_id(info.id) else reference.repo
        self._commit = info.sha or reference.revision or "main"
        self._sizes: dict[str, int | None] = {s.rfilename: s.size for s in info.siblings or ()}
        self.origin = self._origin(info)

    def sizes(self) -> Mapping[str, int | None]:
        """Size of every file in bytes, by its path."""
        return self._sizes

    def read(self, name: str) -> bytes:
        """The whole of a small file.

        Raises:
            ModelyardError: it cannot be read, or is not small.
        """
        return self._try(lambda: self._get(name, None, SMALL_FILE_BYTES))

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes ``[start, stop)`` of a file, by one ranged request.

        Raises:
            ModelyardError: they cannot be read, or the server ignores ranges.
        """
        if stop <= start:
            return b""
        return self._try(lambda: self._get(name, f"bytes={start}-{stop - 1}", stop - start))

    def _look_up(self) -> ModelInfo:
        return self._api.model_info(
            self._asked.repo, revision=self._asked.revision, files_metadata=True, timeout=self._timeout
        )

    def _get(self, name: str, byte_range: str | None, limit: int) -> bytes:
        url = hf_hub_url(self._repo, name, revision=self._commit, endpoint=self._api.endpoint)
        headers = build_hf_headers(token=self._token, library_name="modelyard")
        headers["accept-encoding"] = "identity"  # a compressed answer has other ranges
        if byte_range is not None:
            headers["range"] = byte_range
        with get_session().stream("GET", url, headers=headers, timeout=self._timeout) as response:
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                response.read()
            hf_raise_for_status(response)
            if byte_range is not None and response.status_code != HTTPStatus.PARTIAL_CONTENT:
                raise ModelyardError(
                    f"{self._shown()} ignores ranged requests: reading {quote(name)} would download the weights",
                    details=f"because  it answered {response.status_code} where 206 was asked for",
                    resolution="use a hub or mirror that serves ranges, or a local folder",
                )
            return self._body(response, name, limit)

    def _body(self, response: httpx.Response, name: str, limit: int) -> bytes:
        data = bytearray()
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > limit:
                raise ModelyardError(
                    f"the hub sent more of {quote(name)} than was asked for",
                    details=f"allowed  {limit:,} bytes",
                    resolution="use another hub or mirror, or a local folder",
                )
        return bytes(data)

    def _try(self, action: Callable[[], T]) -> T:
        """Run ``action``, again after a passing fault, and raise one of our errors in the end."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return action()
            except (httpx.HTTPError, hub.OfflineModeIsEnabled) as error:
                if attempt == ATTEMPTS or not _is_passing(error):
                    raise self._translated(error) from None
            except (ValueError, KeyError, TypeError, AttributeError, httpx.InvalidURL) as error:
                raise ModelyardError(
                    f"the hub answered about {quote(self._repo)} in a way that cannot be read",
                    details=f"because  {type(error).__name__} in the answer of {self._shown()}",
                    resolution="check HF_ENDPOINT: it must be a Hugging Face hub or a mirror of one",
                ) from None
            self._pause(2.0 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    def _translated(self, error: Exception) -> ModelyardError:
        return translate(
            error,
            repo=self._repo,
            revision=self._asked.revision,
            endpoint=self._shown(),
            has_token=(self._token or get_token()) is not None,
        )

    def _origin(self, info: ModelInfo) -> Origin:
        renamed = self._repo.lower() != self._asked.repo.lower()
        written = info.card_data.get("license_name") or info.card_data.get("license") if info.card_data else None
        return Origin(
            hub_id=self._repo,
            title=self._repo.rpartition("/")[2].replace("-", " "),
            source=f"{self._public()}/{quote_url(self._repo)}/tree/{self._commit}",
            license=re.sub(r"[^\w.+-]+", "-", written)[:60] if isinstance(written, str) else "unknown",
            gated="unknown" if info.gated is None else "no" if info.gated is False else "yes",
            renamed_from=self._asked.repo if renamed else None,
        )

    def _shown(self) -> str:
        """The hub's address for a message, without a user or password that it may hold."""
        scheme, _, rest = (self._api.endpoint or "https://huggingface.co").partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"

    def _public(self) -> str:
        """Where people find the repository: a mirror's address is not what a fact is cited by."""
        return self._shown() if self._shown().startswith("https://") else "https://huggingface.co"


def _is_passing(error: Exception) -> bool:
    if isinstance(error, hub.HfHubHTTPError):
        return error.response.status_code in _PASSING
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.LocalProtocolError)


def _checked(token: str | None) -> str | None:
    """A token that can stand in a header; anything else would be quoted in a library's error message."""
    cleaned = token.strip() if token is not None else None
    if not cleaned:
        return None
    if not cleaned.isascii() or not cleaned.isprintable() or " " in cleaned:
        raise UsageError("the hub token holds characters that no token has", resolution="set HF_TOKEN again")
    return cleaned
