"""What components register on an existing Kubernetes: manifests as plain data, and the place that registers them."""
