"""RunPod's client, machines, offers and resources, against its simulator."""
