"""A Kubernetes cluster of a test's own, from programs in KUBEBUILDER_ASSETS (see assets.py)."""
