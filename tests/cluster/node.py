"""A node of a test's own: scheduler, controllers, containerd and kubelet, beside an API server (control_plane.py).

Needs root. Pods reach this machine at the address of their bridge, and nothing else.
"""

import json
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.cluster.assets import NODE, cni_plugins, need, program
from tests.cluster.control_plane import NODE_NAME, ControlPlane
from tests.cluster.machine import bridge, cgroups, kept_settings, unmounted
from tests.cluster.processes import Program, free_port, running

PAUSE = "localhost/tasklane-tests/pause:1"
CONTAINERD = """\
version = 3
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
address = "{socket}"
[ttrpc]
address = "{socket}.ttrpc"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "{folder}/registries"
[plugins."io.containerd.cri.v1.runtime"]
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{plugins}"]
conf_dir = "{folder}/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{runc}"
"""


@dataclass
class Node:
    """`address` is this machine's, as pods see it."""

    plane: ControlPlane
    folder: Path
    socket: Path
    address: str

    def load(self, *images: str, engine: str) -> None:
        """Bring images of the container engine onto the node."""
        archive, several = self.folder / "images.tar", ["--multi-image-archive"] if engine == "podman" else []
        subprocess.run([engine, "save", *several, "-o", str(archive), *images], check=True, capture_output=True)
        self.ctr("images", "import", str(archive))
        archive.unlink()

    def end_containers(self) -> None:
        """What the kubelet has not taken apart yet: the parents of pods whose containers have ended."""
        for container in self.ctr("tasks", "ls", "--quiet").split():
            subprocess.run([*self._ctr, "tasks", "delete", "--force", container], capture_output=True, check=False)

    def ctr(self, *arguments: str) -> str:
        done = subprocess.run([*self._ctr, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def _ctr(self) -> list[str]:
        return [program("ctr"), "--address", str(self.socket), "--namespace", "k8s.io"]


@contextmanager
def node(plane: ControlPlane, base: str, *images: str, engine: str = "podman") -> Iterator[Node]:
    """A ready node that has `images`. `base` has `sleep`: from it the image is made that holds a pod's network."""
    need(*NODE)
    if os.geteuid():
        pytest.skip("a node needs root")
    plugins, folder = cni_plugins(), plane.folder
    with ExitStack() as stack:
        stack.enter_context(unmounted(folder))
        stack.enter_context(kept_settings())
        link, subnet = f"tl{random.randrange(16**6):06x}", f"10.{random.randrange(200, 250)}.{random.randrange(250)}"  # noqa: S311
        stack.enter_context(bridge(link, f"{subnet}.1"))
        stack.enter_context(cgroups(link))
        write_network(folder / "cni", link, subnet)
        for part in ("kube-scheduler", "kube-controller-manager"):
            stack.enter_context(running([program(part), *options_of(part, plane)], folder / f"{part}.log"))
        socket = folder / "containerd.sock"
        containers = stack.enter_context(running(*containerd(folder, socket, plugins), env=environment()))
        containers.until(socket.exists)
        made = Node(plane, folder, socket, f"{subnet}.1")
        stack.callback(made.end_containers)
        build_pause(folder, base, engine)
        made.load(PAUSE, *images, engine=engine)
        kubelet = stack.enter_context(running(*kubelet_of(plane, socket, link), env=environment()))
        kubelet.until(lambda: is_ready(plane))
        yield made
        without_pods(plane, kubelet)


def options_of(part: str, plane: ControlPlane) -> list[str]:
    options = {
        "kubeconfig": plane.kubeconfig(part),
        "leader-elect": "false",
        "bind-address": "127.0.0.1",
        "secure-port": free_port(),
    }
    if part == "kube-controller-manager":
        options |= {
            "use-service-account-credentials": "true",
            "service-account-private-key-file": plane.signing_key,
            "root-ca-file": plane.serving.certificate,
        }
    return [f"--{name}={value}" for name, value in options.items()]


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{os.environ['KUBEBUILDER_ASSETS']}:{os.environ['PATH']}"}


def containerd(folder: Path, socket: Path, plugins: Path) -> tuple[list[str], Path]:
    path = folder / "containerd.toml"
    given = {"folder": folder, "socket": socket, "pause": PAUSE, "plugins": plugins, "runc": program("runc")}
    path.write_text(CONTAINERD.format(**given))
    return [program("containerd"), "--config", str(path)], folder / "containerd.log"


def kubelet_of(plane: ControlPlane, socket: Path, cgroup: str) -> tuple[list[str], Path]:
    folder = plane.folder
    settings = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": free_port(),
        "healthzPort": 0,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%", "memory.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "podLogsDir": str(folder / "logs"),
        "featureGates": {"KubeletInUserNamespace": True},  # does not insist on the machine's own settings
    }
    (folder / "kubelet.yaml").write_text(yaml.safe_dump(settings))
    options = {
        "config": folder / "kubelet.yaml",
        "kubeconfig": plane.kubeconfig("kubelet"),
        "root-dir": folder / "kubelet",
        "cert-dir": folder / "kubelet-pki",
        "hostname-override": NODE_NAME,
    }
    return [program("kubelet"), *(f"--{name}={value}" for name, value in options.items())], folder / "kubelet.log"


def write_network(folder: Path, link: str, subnet: str) -> None:
    ranges = [[{"subnet": f"{subnet}.0/24", "rangeStart": f"{subnet}.10", "gateway": f"{subnet}.1"}]]
    addresses = {"type": "host-local", "ranges": ranges, "dataDir": str(folder / "addresses")}
    pods = {"type": "bridge", "bridge": link, "ipam": addresses}
    folder.mkdir()
    (folder / "pods.conflist").write_text(json.dumps({"cniVersion": "1.0.0", "name": link, "plugins": [pods]}))


def build_pause(folder: Path, base: str, engine: str) -> None:
    where = folder / "pause"
    where.mkdir()
    (where / "Dockerfile").write_text(f'FROM {base}\nENTRYPOINT ["sleep", "infinity"]\n')
    subprocess.run([engine, "build", "-q", "-t", PAUSE, str(where)], check=True, capture_output=True)


def is_ready(plane: ControlPlane) -> bool:
    nodes = plane.ask("GET", "/api/v1/nodes")["items"]
    found = {one["type"]: one["status"] for each in nodes for one in each["status"].get("conditions", [])}
    return found.get("Ready") == "True" and not any(each["spec"].get("taints") for each in nodes)


def without_pods(plane: ControlPlane, kubelet: Program) -> None:
    """The kubelet alone takes pods apart: mounts, network, processes."""
    for pod in plane.ask("GET", "/api/v1/pods")["items"]:
        where = pod["metadata"]
        plane.admin.request(
            "DELETE", f"/api/v1/namespaces/{where['namespace']}/pods/{where['name']}", json={"gracePeriodSeconds": 1}
        )
    kubelet.until(lambda: not plane.ask("GET", "/api/v1/pods")["items"])
