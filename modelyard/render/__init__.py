"""Plans as text: engine arguments, start-up scripts, and the configuration of what stands beside the engine."""

from modelyard.render.argv import OWNED_FLAGS as OWNED_FLAGS
from modelyard.render.argv import vllm_argv as vllm_argv
from modelyard.render.images import Image as Image
from modelyard.render.images import find_image as find_image
from modelyard.render.images import load_images as load_images

__all__ = ["OWNED_FLAGS", "Image", "find_image", "load_images", "vllm_argv"]
