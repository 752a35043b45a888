"""RunPod, over REST v2."""
