"""A small client of the Kubernetes API for tests: strict server-side apply, reads, deletes, and waiting by polling."""

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx
import pytest

from tests.cluster.control_plane import ControlPlane

Manifest = dict[str, Any]
FIELD_MANAGER: Final = "modelyard"
POLL_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 30

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What the API server made of a manifest."""

    manifest: Manifest
    warnings: tuple[str, ...]
    """Its ``Warning`` headers: deprecated fields, pods that PodSecurity would not admit, and the like."""


class RefusedError(Exception):
    """The API server said no."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        self.code = int(status.get("code", 0))
        self.reason = str(status.get("reason", ""))
        self.message = str(status.get("message", ""))
        super().__init__(f"{self.code} {self.reason}: {self.message}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Collection:
    """Where the objects of one kind lie."""

    prefix: str
    plural: str
    namespaced: bool


class Client:
    """Speaks to one API server as its administrator."""

    def __init__(self, plane: ControlPlane) -> None:
        self._http = httpx.Client(
            base_url=plane.url,
            verify=ssl.create_default_context(cafile=str(plane.ca_file)),
            headers={"Authorization": f"Bearer {plane.token}"},
            timeout=30,
        )
        self._collections: dict[tuple[str, str], _Collection] = {}

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def apply(self, manifest: Manifest, *, dry_run: bool = False) -> Applied:
        """Server-side apply, with every field checked against the schema.

        Raises:
            RefusedError: a field is unknown or given twice, a value is not valid, or admission said no.
        """
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "force": "true"}
        if dry_run:
            query["dryRun"] = "All"
        answer = self._http.patch(
            self._path(manifest), params=query, json=manifest, headers={"Content-Type": "application/apply-patch+yaml"}
        )
        return Applied(manifest=_read(answer), warnings=_warnings(answer))

    def create(self, manifest: Manifest) -> Applied:
        """Create an object, with every field checked."""
        answer = self._http.post(self._path(manifest, named=False), params={"fieldValidation": "Strict"}, json=manifest)
        return Applied(manifest=_read(answer), warnings=_warnings(answer))

    def patch(self, kind: str, name: str, change: Manifest, *, namespace: str = "", part: str = "") -> Manifest:
        """Merge a change into an object, or into its ``part``: ``status``, ``scale``."""
        path = self._path_of(kind, namespace, name) + (f"/{part}" if part else "")
        return _read(self._http.patch(path, json=change, headers={"Content-Type": "application/merge-patch+json"}))

    def get(self, kind: str, name: str, *, namespace: str = "") -> Manifest | None:
        """An object, by ``v1/Pod`` or ``apps/v1/Deployment``; None: there is none."""
        answer = self._http.get(self._path_of(kind, namespace, name))
        return None if answer.status_code == 404 else _read(answer)

    def objects(self, kind: str, *, namespace: str = "", labels: str = "") -> list[Manifest]:
        """Objects of a kind; without a namespace those of all."""
        params = {"labelSelector": labels} if labels else {}
        found: list[Manifest] = _read(self._http.get(self._path_of(kind, namespace), params=params))["items"]
        return found

    def delete(self, kind: str, name: str, *, namespace: str = "") -> None:
        """Delete an object, and what belongs to it after it; one that is not there is no error."""
        answer = self._http.delete(self._path_of(kind, namespace, name), params={"propagationPolicy": "Background"})
        if answer.status_code != 404:
            _read(answer)

    def delete_all(self, kind: str, *, namespace: str) -> None:
        """Delete every object of a kind in a namespace, and what belongs to it after it."""
        _read(self._http.delete(self._path_of(kind, namespace), params={"propagationPolicy": "Background"}))

    def evict(self, pod: str, *, namespace: str) -> None:
        """Ask for a pod to go, as a drain does.

        Raises:
            RefusedError: a disruption budget says no (429).
        """
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
        _read(self._http.post(f"{self._path_of('v1/Pod', namespace, pod)}/eviction", json=body))

    def kinds(self) -> dict[str, list[str]]:
        """Every kind in a namespace that can be listed and deleted, by API version."""
        groups = _read(self._http.get("/apis"))["groups"]
        versions = ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups)]
        return {
            version: [
                entry["kind"]
                for entry in _read(self._http.get(_prefix(version)))["resources"]
                if entry["namespaced"] and {"list", "delete"} <= set(entry["verbs"])
            ]
            for version in versions
        }

    def _path(self, manifest: Manifest, *, named: bool = True) -> str:
        about = manifest["metadata"]
        kind = f"{manifest['apiVersion']}/{manifest['kind']}"
        return self._path_of(kind, about.get("namespace", ""), about["name"] if named else "")

    def _path_of(self, kind: str, namespace: str, name: str = "") -> str:
        version, _, bare = kind.rpartition("/")
        found = self._collection(version, bare)
        inside = f"/namespaces/{namespace}" if found.namespaced and namespace else ""
        return f"{found.prefix}{inside}/{found.plural}" + (f"/{name}" if name else "")

    def _collection(self, version: str, kind: str) -> _Collection:
        if (version, kind) not in self._collections:
            prefix = _prefix(version)
            for entry in _read(self._http.get(prefix))["resources"]:
                if "/" not in entry["name"]:
                    self._collections[version, entry["kind"]] = _Collection(
                        prefix=prefix, plural=entry["name"], namespaced=entry["namespaced"]
                    )
        return self._collections[version, kind]


def wait(question: Callable[[], T | None], *, until: str, seconds: float = WAIT_SECONDS) -> T:
    """Ask until the answer is true, and return it; fail the test when it never is.

    Args:
        question: asked every tenth of a second.
        until: what is waited for, for the failure's message.
        seconds: when to give up.
    """
    give_up = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > give_up:
            pytest.fail(f"waited {seconds:.0f} s in vain for {until}; the last answer was {answer!r}")
        time.sleep(POLL_SECONDS)


def _prefix(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _read(answer: httpx.Response) -> Manifest:
    document: Manifest = answer.json()
    if answer.is_error:
        raise RefusedError(document)
    return document


def _warnings(answer: httpx.Response) -> tuple[str, ...]:
    """Texts of the ``Warning`` headers, each ``299 - "TEXT"``."""
    return tuple(header.partition('"')[2].rstrip('"') for header in answer.headers.get_list("Warning"))


def apply_all(client: Client, manifests: Iterable[Manifest]) -> list[str]:
    """Apply manifests in their order, and return every warning with the object that it is about."""
    return [
        f"{manifest['kind']} {manifest['metadata']['name']}: {warning}"
        for manifest in manifests
        for warning in client.apply(manifest).warnings
    ]
