"""Where the weights lie between starts: a disk of the machine, a volume of the network, or nowhere."""

from typing import NotRequired, TypedDict

import pulumi

from components.base import PACKAGE, whole, without_none
from components.cluster import objects
from components.shared_args import ClusterArgs
from modelyard.plan.types import Plan
from modelyard.spec import CacheKind


class ModelCacheArgs(TypedDict):
    """What a ModelCache is made of."""

    kind: CacheKind
    """``local-nvme``, ``network-volume`` or ``none``."""
    path: str
    """Folder on the machine, and in the engine's pod."""
    size_gb: int
    """Decimal GB."""
    hub_id: str
    """Hub id of the checkpoint that is kept."""
    quantization: str
    """Precision of that checkpoint."""
    download_bytes: int
    """Size of its weight files."""
    cluster: NotRequired[ClusterArgs]
    """Set on an existing Kubernetes."""
    storage_class: NotRequired[str]
    """Storage class of the network volume; left out: the cluster's own."""
    is_shared: NotRequired[bool]
    """Whether pods on several nodes read it at once."""


class ModelCache(pulumi.ComponentResource):
    """The model cache."""

    claim_name: pulumi.Output[str]
    """Name of the PersistentVolumeClaim; empty where there is none."""

    def __init__(self, name: str, args: ModelCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the cache, and its volume where it is an object of its own."""
        facts = without_none(
            kind=CacheKind(args["kind"]).value,
            path=args["path"],
            sizeGb=whole(args["size_gb"]),
            hubId=args["hub_id"],
            quantization=args["quantization"],
            downloadBytes=whole(args["download_bytes"]),
        )
        super().__init__(f"{PACKAGE}:index:ModelCache", name, facts, opts)
        self.volume = self._volume(name, args)
        claim = self.volume.get("persistentVolumeClaim", {}).get("claimName", "")
        self.claim_name = pulumi.Output.from_input(claim)
        self.register_outputs({"claimName": self.claim_name})

    def _volume(self, name: str, args: ModelCacheArgs) -> objects.Manifest:
        """The pod volume's source. Only a network volume is an object that has to be made."""
        kind = CacheKind(args["kind"])
        size = whole(args["size_gb"])
        if kind is CacheKind.LOCAL_NVME:
            return {"hostPath": {"path": args["path"], "type": "DirectoryOrCreate"}}
        cluster = args.get("cluster")
        if kind is CacheKind.NONE or cluster is None:
            return {"emptyDir": {"sizeLimit": f"{size}G"}}
        spec: objects.Manifest = {
            "accessModes": ["ReadWriteMany" if args.get("is_shared") else "ReadWriteOnce"],
            "resources": {"requests": {"storage": f"{size}G"}},
        }
        if "storage_class" in args:
            spec["storageClassName"] = args["storage_class"]
        objects.register(
            "PersistentVolumeClaim",
            f"{name}-claim",
            self,
            # Bound when the first pod comes, so that it lies where that pod runs.
            metadata=objects.metadata(
                name,
                "cache",
                namespace=cluster["namespace"],
                instance=cluster["instance"],
                annotations=objects.SKIP_AWAIT,
            ),
            spec=spec,
        )
        return {"persistentVolumeClaim": {"claimName": name}}


def args_for(plan: Plan) -> ModelCacheArgs:
    """The cache that ``plan`` decided on."""
    args = ModelCacheArgs(
        kind=plan.spec.cache.kind,
        path=plan.spec.cache.path,
        size_gb=plan.cache_gb,
        hub_id=plan.weights.hub_id,
        quantization=plan.weights.quantization,
        download_bytes=plan.weights.download_bytes,
        is_shared=plan.nodes > 1,
    )
    place = plan.spec.place.kubernetes
    if place is not None and place.storage_class is not None:
        args["storage_class"] = place.storage_class
    return args
