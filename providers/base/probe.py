"""Asking a machine's gateway: does it listen, is the engine up, does the model answer one token."""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol, cast

import httpx

from providers.base.accounts import is_loopback


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back. ``status`` is None when nobody answered."""

    status: int | None
    detail: str = ""
    certificate_sha256: str | None = None
    """Of a gateway with a certificate of its own."""


class Probe(Protocol):
    """How a gateway is asked."""

    async def get(self, url: str) -> Answer:
        """GET without credentials."""
        ...

    async def one_token(self, base_url: str, *, model: str | None, access_key: str | None) -> Answer:
        """Let the model make one token; status 200 only when it did."""
        ...


class HttpProbe:
    """Over the network.

    A vendor's proxy shows a certificate that is checked. A machine that is reached by its address shows one of its own,
    which nobody has signed: its fingerprint is given back, to be pinned.
    """

    def __init__(self, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport

    async def get(self, url: str) -> Answer:
        """GET without credentials."""
        return (await self._ask("GET", url, None, None))[0]

    async def one_token(self, base_url: str, *, model: str | None, access_key: str | None) -> Answer:
        """Let the model make one token."""
        if model is None:
            answer, body = await self._ask("GET", f"{base_url}/v1/models", None, access_key)
            listed: list[Any] = body.get("data") or [] if isinstance(body, dict) else []
            if answer.status != 200 or not listed:
                return Answer(status=answer.status if answer.status != 200 else 502, detail="the engine lists no model")
            model = str(listed[0].get("id"))
        request = {"model": model, "prompt": "Hello", "max_tokens": 1}
        answer, body = await self._ask("POST", f"{base_url}/v1/completions", request, access_key)
        if answer.status == 200 and not (isinstance(body, dict) and body.get("choices")):
            return Answer(status=502, detail="the model's answer holds no choice")
        return answer

    async def _ask(
        self, method: str, url: str, body: dict[str, Any] | None, access_key: str | None
    ) -> tuple[Answer, dict[str, Any] | None]:
        headers = {"Authorization": f"Bearer {access_key}"} if access_key else {}
        own = _has_own_certificate(url)
        async with httpx.AsyncClient(
            verify=not own,
            timeout=httpx.Timeout(30.0, connect=10.0),
            transport=self._transport,
            trust_env=not is_loopback(url),
        ) as client:
            try:
                response = await client.request(method, url, json=body, headers=headers)
            except httpx.HTTPError as error:
                return Answer(status=None, detail=type(error).__name__), None
        fingerprint = _fingerprint(response) if own else None
        answer = Answer(status=response.status_code, certificate_sha256=fingerprint)
        try:
            decoded: object = response.json()
        except ValueError:
            return answer, None
        return answer, cast("dict[str, Any]", decoded) if isinstance(decoded, dict) else None


def _has_own_certificate(url: str) -> bool:
    """Whether a URL names a machine by its address: nobody signs a certificate for that."""
    parsed = httpx.URL(url)
    return (
        parsed.scheme == "https"
        and parsed.host.replace(".", "").replace(":", "").isalnum()
        and (parsed.host.replace(".", "").isdigit() or ":" in parsed.host)
    )


def _fingerprint(response: httpx.Response) -> str | None:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    return hashlib.sha256(certificate).hexdigest() if certificate else None
