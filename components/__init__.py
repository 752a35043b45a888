"""Pulumi components: one model behind one endpoint, and the parts that it is made of."""

from components.existing_nodes import ExistingNodes as ExistingNodes
from components.gateway import Gateway as Gateway
from components.gpu_metrics import GpuMetrics as GpuMetrics
from components.gpu_node import GpuNode as GpuNode
from components.inference_server import InferenceServer as InferenceServer
from components.model_cache import ModelCache as ModelCache
from components.monitoring import Monitoring as Monitoring
from components.serving import Serving as Serving

__all__ = [
    "ExistingNodes",
    "Gateway",
    "GpuMetrics",
    "GpuNode",
    "InferenceServer",
    "ModelCache",
    "Monitoring",
    "Serving",
]
