"""RunPod's own resources."""
