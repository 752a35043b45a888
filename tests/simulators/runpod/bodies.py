"""What RunPod's REST v2 accepts, operation by operation."""

from tests.simulators.runpod.schema import Rule, array, boolean, integer, mapping, null_or, number, record, string

_TEXT = string(minimum=1)
_CUDA = string(pattern=r"^\d+\.\d+$")
_CONTAINER: dict[str, Rule] = {
    "image": _TEXT,
    "args": string(),
    "entrypoint": array(string()),
    "cmd": array(string()),
    "disk": integer(1),
    "env": mapping(),
    "ports": array(string(pattern=r"^\d+/(http|tcp)$")),
    "registry": null_or(_TEXT),
}
_NAME = string(minimum=1, maximum=191)
_PERSISTENT = record({"size": integer(10), "path": _TEXT}, required=("size", "path"))
_NETWORK = array(record({"volumeId": _TEXT, "path": _TEXT}, required=("volumeId", "path")), maximum=1)
_MOUNTS = record({"persistent": _PERSISTENT, "network": _NETWORK})
_POD_CHANGES: dict[str, Rule] = {**_CONTAINER, "name": _NAME, "mounts": _MOUNTS, "globalNetworking": boolean()}
_START = {"startSsh": boolean(), "startJupyter": boolean()}
_TEMPLATE: dict[str, Rule] = {
    **_CONTAINER,
    **_START,
    "name": _TEXT,
    "allowedCudaVersions": array(_CUDA),
    "category": string(choices=("NVIDIA", "AMD", "CPU")),
    "mounts": record({"persistent": _PERSISTENT}),
    "public": boolean(),
    "serverless": boolean(),
}
_CPU = record({"id": _TEXT, "vcpuCount": integer(2)}, required=("id", "vcpuCount"))
_ENDPOINT_GPU: dict[str, Rule] = {
    "pools": array(_TEXT, minimum=1),
    "excludedTypes": array(_TEXT),
    "count": integer(1),
    "allowedCudaVersions": array(_CUDA),
    "minCudaVersion": string(pattern=r"^(\d+\.\d+)?$"),
}
_ENDPOINT: dict[str, Rule] = {
    **_CONTAINER,
    "name": _TEXT,
    "templateId": _TEXT,
    "scaling": record(
        {
            "type": string(choices=("QUEUE_DELAY", "REQUEST_COUNT")),
            "queueDelay": number(0.5),
            "requestCount": integer(1),
        },
        required=("type",),
    ),
    "cpu": array(_CPU, minimum=1),
    "workers": record({"min": integer(0), "max": integer(0), "idleTimeout": integer(1, 3600)}),
    "timeout": integer(0),
    "flashboot": string(choices=("OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT")),
    "dataCenterIds": array(_TEXT),
    "networkVolumes": array(_TEXT),
}

CREATE_POD = record(
    {
        **_POD_CHANGES,
        **_START,
        "gpu": record(
            {
                "id": _TEXT,
                "count": integer(1),
                "allowedCudaVersions": array(_CUDA),
                "minCudaVersion": _CUDA,
                "minRamPerGpu": integer(1),
                "minVcpuCountPerGpu": integer(1),
            },
            required=("id",),
        ),
        "cpu": _CPU,
        "cloud": string(choices=("SECURE", "COMMUNITY")),
        "dataCenterIds": array(_TEXT),
        "templateId": _TEXT,
    },
    required=("name",),
)
PATCH_POD = record({**_POD_CHANGES, "locked": boolean(), "templateId": _TEXT}, at_least_one=True)
ACTION = record(
    {"action": string(choices=("start", "stop", "restart", "terminate"))},
    required=("action",),
)
CREATE_VOLUME = record(
    {
        "name": _TEXT,
        "size": integer(10, 4096),
        "dataCenter": _TEXT,
        "type": string(choices=("STANDARD", "HIGH_PERFORMANCE")),
    },
    required=("name", "size", "dataCenter"),
)
PATCH_VOLUME = record({"name": _TEXT, "size": integer(10, 4096)}, at_least_one=True)
CREATE_TEMPLATE = record(_TEMPLATE, required=("name", "image"))
PATCH_TEMPLATE = record(_TEMPLATE, at_least_one=True)
CREATE_REGISTRY = record(
    {"name": _NAME, "username": _TEXT, "password": string(minimum=1, maximum=16384)},
    required=("name", "username", "password"),
)
CREATE_ENDPOINT = record(
    {
        **_ENDPOINT,
        "type": string(choices=("QUEUE", "LOAD_BALANCER")),
        "gpu": record(_ENDPOINT_GPU, required=("pools",)),
    },
    required=("name", "type", "scaling"),
)
PATCH_ENDPOINT = record({**_ENDPOINT, "gpu": record(_ENDPOINT_GPU)}, at_least_one=True)
CREATE_CLUSTER = record(
    {
        **{key: rule for key, rule in _CONTAINER.items() if key != "registry"},
        **_START,
        "name": _TEXT,
        "type": string(choices=("APPLICATION", "TRAINING", "SLURM", "RAY")),
        "compute": record(
            {"gpuTypeId": _TEXT, "gpuCountPerPod": integer(1), "podCount": integer(2, 250)},
            required=("gpuTypeId", "gpuCountPerPod", "podCount"),
        ),
        "templateId": _TEXT,
        "dataCenterIds": array(_TEXT),
        "mounts": _MOUNTS,
    },
    required=("name", "type", "compute"),
)
PATCH_CLUSTER = record({"name": _TEXT}, required=("name",))
