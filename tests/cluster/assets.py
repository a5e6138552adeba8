"""Where the programs of a cluster are: KUBEBUILDER_ASSETS, the folder that the tests of controllers use (envtest)."""

import os
import shutil
from pathlib import Path

import pytest

API_SERVER = ("etcd", "kube-apiserver", "kubectl")
NODE = ("kube-scheduler", "kube-controller-manager", "kubelet", "containerd", "ctr", "runc")
CNI_FOLDERS = ("/opt/cni/bin", "/usr/lib/cni")


def program(name: str) -> str:
    """From the folder, else from PATH."""
    folder = os.environ.get("KUBEBUILDER_ASSETS", "")
    found = shutil.which(name, path=folder) or shutil.which(name)
    assert found, name
    return found


def need(*names: str) -> None:
    """Skip, with the reason, where one is missing."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if not folder:
        pytest.skip("KUBEBUILDER_ASSETS names no folder with etcd, kube-apiserver and kubectl (docs/development.md)")
    missing = [name for name in names if not (shutil.which(name, path=folder) or shutil.which(name))]
    if missing:
        pytest.skip(f"neither KUBEBUILDER_ASSETS ({folder}) nor PATH has {', '.join(missing)}")


def cni_plugins() -> Path:
    """The folder with `bridge` and `host-local`; skips where there is none."""
    folders = [os.environ.get("KUBEBUILDER_ASSETS", ""), *CNI_FOLDERS]
    found = next((Path(folder) for folder in folders if folder and Path(folder, "bridge").exists()), None)
    if found is None:
        pytest.skip(f"no CNI plugins (bridge, host-local) in {', '.join(CNI_FOLDERS)} or KUBEBUILDER_ASSETS")
    return found
