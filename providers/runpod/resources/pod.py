"""A pod with every input that RunPod has, for what a Machine does not offer: CPU pods, SSH, Jupyter, templates."""

from collections.abc import Sequence
from typing import Any, Final

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.runpod.client import client_for
from providers.runpod.errors import invalid
from providers.runpod.machines import (
    GONE_STATUS,
    MARKER_VARIABLE,
    http_ports,
    outside_ports,
    pod_console_url,
    pod_marker,
    proxied,
    proxy_url,
)
from providers.runpod.replies import Mounts
from providers.runpod.replies import Pod as ShownPod
from providers.runpod.resources.common import (
    ALLOW_RESET,
    VENDOR_NAME,
    container_body,
    container_change,
    container_fields,
    container_outputs,
    given,
    gone,
    image_or_template,
    is_ours,
    one_of,
    picked,
    refuse,
)

INJECTED_VARIABLE: Final = "MODELYARD_VENDOR_ENV"
"""Names of the variables that RunPod itself adds, so that a refresh does not take them for somebody's change."""
_CUDA: Final = r"^\d+\.\d+$"
_GPU: Final = (
    Field(name="id", kind="string", description="GPU type id of the catalogue.", required=True),
    Field(name="count", kind="integer", description="GPUs; default 1.", minimum=1),
    Field(name="allowedCudaVersions", kind="array", description="Exact CUDA versions of the host.", pattern=_CUDA),
    Field(name="minCudaVersion", kind="string", description="Least CUDA version of the host.", pattern=_CUDA),
    Field(name="minRamPerGpu", kind="integer", description="Least memory for each GPU, GB.", minimum=1),
    Field(name="minVcpuCountPerGpu", kind="integer", description="Least vCPUs for each GPU.", minimum=1),
)
_CPU: Final = (
    Field(name="id", kind="string", description="CPU flavour, such as cpu5c.", required=True),
    Field(name="vcpuCount", kind="integer", description="vCPUs, a power of two.", required=True, minimum=2),
)


def _check(inputs: Plain) -> Sequence[tuple[str, str]]:
    found = [*one_of(inputs, "gpu", "cpu"), *image_or_template(inputs)]
    for first, second in (("volumeGb", "volumePath"), ("networkVolumeId", "networkVolumePath")):
        if given(inputs, first) != given(inputs, second):
            found.append((first, f"and {second} go together"))
    if given(inputs, "volumeGb") and given(inputs, "networkVolumeId"):
        found.append(("volumeGb", "and networkVolumeId exclude each other"))
    if given(inputs, "volumeGb") and given(inputs, "cpu"):
        found.append(("volumeGb", "does not exist on CPU pods"))
    if given(inputs, "networkVolumeId") and inputs.get("cloud") == "COMMUNITY":
        found.append(("networkVolumeId", "needs cloud SECURE"))
    return found


POD: Final = ResourceType(
    module="runpod",
    name="Pod",
    description="A pod. Nothing ends it by itself: use Machine for one with a deadline.",
    inputs=(
        Field(
            name="name",
            kind="string",
            description="Its name at RunPod. Default: a name that says whose it is.",
            change=Change.UPDATE,
            maximum=191,
        ),
        *container_fields(Change.RESET),
        Field(name="gpu", kind="object", description="GPUs; this or cpu.", fields=_GPU, write_only=True),
        Field(name="cpu", kind="object", description="Processors of a pod without GPUs; this or gpu.", fields=_CPU),
        Field(
            name="cloud",
            kind="string",
            description="SECURE (default): data centres; COMMUNITY: cheaper, hosts of individuals.",
            choices=("SECURE", "COMMUNITY"),
        ),
        Field(
            name="dataCenterIds",
            kind="array",
            description="Where it may run. Default: anywhere.",
            write_only=True,
        ),
        Field(
            name="volumeGb",
            kind="integer",
            description="A volume on the pod's own host, GB. It only grows; it is lost with the host.",
            change=Change.RESET,
            minimum=10,
        ),
        Field(name="volumePath", kind="string", description="Where it is mounted.", change=Change.RESET),
        Field(name="networkVolumeId", kind="string", description="A NetworkVolume in the pod's data centre."),
        Field(name="networkVolumePath", kind="string", description="Where it is mounted.", change=Change.RESET),
        Field(
            name="templateId",
            kind="string",
            description="A template that fills in what is not given. It is applied once.",
            write_only=True,
        ),
        Field(name="startSsh", kind="boolean", description="Let the account's SSH keys in.", write_only=True),
        Field(name="startJupyter", kind="boolean", description="Start Jupyter; expose 8888/http.", write_only=True),
        Field(
            name="globalNetworking",
            kind="boolean",
            description="A private address among the account's pods; takes effect at the next start.",
            change=Change.RESET,
        ),
        Field(name="locked", kind="boolean", description="Guards against stops by hand.", change=Change.UPDATE),
        ALLOW_RESET,
    ),
    outputs=(
        VENDOR_NAME,
        Field(name="status", kind="string", description="PROVISIONING, STARTING, RUNNING, EXITED or ERROR."),
        Field(name="address", kind="string", description="Base URL of its first HTTP port, behind RunPod's proxy."),
        Field(name="publicPorts", kind="map", description="Port in the pod → where it is reached, host:port."),
        Field(name="dataCenterId", kind="string", description="Where it runs."),
        Field(name="gpuId", kind="string", description="GPU type that it has."),
        Field(name="gpuCountActual", kind="integer", description="GPUs that it has; 0 after an unlucky restart."),
        Field(name="cudaVersion", kind="string", description="As its host reports it."),
        Field(name="usdPerHour", kind="string", description="What RunPod charges, US dollars an hour, without disks."),
        Field(name="sshHost", kind="string", description="Where to log in directly."),
        Field(name="sshPort", kind="integer", description="Where to log in directly."),
        Field(name="sshProxyUsername", kind="string", description="User at ssh.runpod.io.", secret=True),
        Field(name="jupyterPassword", kind="string", description="Jupyter's token.", secret=True),
        Field(name="jupyterUrl", kind="string", description="Jupyter with its token.", secret=True),
        Field(name="createdAt", kind="string", description="ISO 8601."),
    ),
    check=_check,
)


class PodLifecycle:
    """Pods as resources."""

    kind = POD

    def __init__(self, accounts: Accounts) -> None:
        self._client = client_for(accounts)
        self._proxy = proxy_url(accounts)

    async def create(self, wanted: Wanted) -> Found:
        """Ask for it once."""
        refuse(POD, wanted.inputs)
        return self._found(await self._client.create_pod(_create_body(wanted), secrets=wanted.secrets))

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """The account's pods that carry this resource's marker."""
        pods = await self._client.list_pods()
        return [self._found(p) for p in pods if p.status != GONE_STATUS and is_ours(pod_marker(p), wanted)]

    async def read(self, object_id: str) -> Found | None:
        """The pod as it is now."""
        pod = await self._client.get_pod(object_id)
        return None if pod is None or pod.status == GONE_STATUS else self._found(pod)

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Bring changes in place; whether a reset is allowed was asked before."""
        pod = await self._client.get_pod(object_id)
        if pod is None:
            raise gone(POD, object_id)
        body = container_change(new, changed, POD)
        if "env" in body:
            body["env"] = {**_kept_env(pod), **body["env"]}
        if "globalNetworking" in changed:
            body["globalNetworking"] = bool(new.get("globalNetworking"))
        if "locked" in changed:
            body["locked"] = bool(new.get("locked"))
        if "name" in changed:
            marker = pod_marker(pod)
            body["name"] = new.get("name") or (marker.name if marker else pod.name)
        if {"volumeGb", "volumePath", "networkVolumePath"} & set(changed):
            body["mounts"] = _changed_mounts(old, new)
        return self._found(await self._client.patch_pod(object_id, body) if body else pod)

    async def delete(self, object_id: str) -> None:
        """Terminate it; a lock of ours does not keep it."""
        try:
            await self._client.delete_pod(object_id)
        except VendorError as error:
            pod = await self._client.get_pod(object_id) if error.kind is Kind.CONFLICT else None
            if pod is None or not pod.locked:
                raise
            await self._client.patch_pod(object_id, {"locked": False})
            await self._client.delete_pod(object_id)

    def console_url(self, object_id: str) -> str:
        """Its page in RunPod's console."""
        return pod_console_url(object_id)

    def _found(self, pod: ShownPod) -> Found:
        marker, http, env = pod_marker(pod), http_ports(pod), pod.env or {}
        ours = {MARKER_VARIABLE, INJECTED_VARIABLE, *env.get(INJECTED_VARIABLE, "").split(",")}
        direct, via_proxy = (pod.ssh.direct, pod.ssh.proxy) if pod.ssh else (None, None)
        token = env.get("JUPYTER_PASSWORD")
        jupyter = f"{proxied(self._proxy, pod.id, 8888)}/lab?token={token}" if token and 8888 in http else None
        outputs: dict[str, Any] = {
            **container_outputs(pod),
            **_mount_outputs(pod.mounts or Mounts()),
            "env": {name: value for name, value in env.items() if name not in ours},
            "name": None if marker is not None and pod.name == marker.name else pod.name,
            "cpu": {"id": pod.cpu.id, "vcpuCount": pod.cpu.vcpu_count} if pod.cpu else None,
            "cloud": pod.cloud,
            "globalNetworking": pod.global_networking.enabled if pod.global_networking else None,
            "locked": pod.locked,
            "vendorName": pod.name,
            "status": pod.status,
            "address": proxied(self._proxy, pod.id, http[0]) if http else None,
            "publicPorts": {str(port): where for port, where in outside_ports(pod, self._proxy).items()},
            "dataCenterId": pod.data_center_id,
            "gpuId": pod.gpu.id if pod.gpu else None,
            "gpuCountActual": pod.gpu.count if pod.gpu else None,
            "cudaVersion": pod.cuda_version,
            "usdPerHour": str(pod.cost) if pod.cost > 0 else None,
            "sshHost": direct.host if direct else None,
            "sshPort": direct.port if direct else None,
            "sshProxyUsername": via_proxy.username if via_proxy else None,
            "jupyterPassword": token,
            "jupyterUrl": jupyter,
            "createdAt": pod.created_at.isoformat(),
        }
        return Found(id=pod.id, outputs=outputs, marker=marker)


def _create_body(wanted: Wanted) -> dict[str, Any]:
    inputs = wanted.inputs
    env = dict[str, str](inputs.get("env") or {})
    added = [
        name
        for flag, name in (("startSsh", "PUBLIC_KEY"), ("startJupyter", "JUPYTER_PASSWORD"))
        if inputs.get(flag) and name not in env
    ]
    env |= {MARKER_VARIABLE: wanted.marker.name, **({INJECTED_VARIABLE: ",".join(added)} if added else {})}
    asked = ("gpu", "cpu", "dataCenterIds", "templateId", "startSsh", "startJupyter", "globalNetworking")
    body = {
        **container_body(inputs),
        **picked(inputs, {name: name for name in asked}),
        "name": inputs.get("name") or wanted.marker.name,
        "env": env,
        # Left out it may mean any cloud, so it is always sent.
        "cloud": inputs.get("cloud") or "SECURE",
    }
    mounts = _mounts(inputs)
    return {**body, "mounts": mounts} if mounts else body


def _kept_env(pod: ShownPod) -> dict[str, str]:
    """What is in a pod's environment beside the user's: an update of env replaces it whole."""
    env = pod.env or {}
    kept = {MARKER_VARIABLE, INJECTED_VARIABLE, *env.get(INJECTED_VARIABLE, "").split(",")}
    return {name: value for name, value in env.items() if name in kept}


def _mounts(inputs: Plain) -> dict[str, Any]:
    if given(inputs, "volumeGb"):
        return {"persistent": {"size": inputs["volumeGb"], "path": inputs["volumePath"]}}
    if given(inputs, "networkVolumeId"):
        return {"network": [{"volumeId": inputs["networkVolumeId"], "path": inputs["networkVolumePath"]}]}
    return {}


def _changed_mounts(old: Plain, new: Plain) -> dict[str, Any]:
    """Mounts after a change of size or path; the kind of mount was fixed by the create."""
    mounts = _mounts(new)
    if set(mounts) != set(_mounts(old)):
        raise invalid(
            "Pod: a volume cannot be added to or taken from a pod that exists",
            resolution="Replace it (`pulumi up --replace URN`).",
        )
    if given(old, "volumeGb") and new["volumeGb"] < old["volumeGb"]:
        raise invalid(
            f"Pod: volumeGb cannot shrink from {old['volumeGb']} to {new['volumeGb']}",
            resolution="Replace the pod (`pulumi up --replace URN`), or keep the size.",
        )
    return mounts


def _mount_outputs(mounts: Mounts) -> dict[str, Any]:
    network = (mounts.network or (None,))[0]
    return {
        "volumeGb": mounts.persistent.size if mounts.persistent else None,
        "volumePath": mounts.persistent.path if mounts.persistent else None,
        "networkVolumeId": network.volume_id if network else None,
        "networkVolumePath": network.path if network else None,
    }
