"""A real control plane with fake GPU nodes, once a session. Skips where its programs are not built."""

import itertools
import shutil
from collections.abc import Generator, Iterator
from typing import Final

import pytest

from tests.cluster import build, gpu_nodes
from tests.cluster.client import Client, wait
from tests.cluster.control_plane import ControlPlane, started

OWNERS_OF_PODS: Final = ("apps/v1/Deployment", "apps/v1/StatefulSet", "apps/v1/DaemonSet", "batch/v1/Job", "v1/Pod")
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Generator[ControlPlane]:
    """A running control plane without any node."""
    if not build.is_built():
        pytest.skip(f"the programs of the control plane are not built; {build.EXPLAIN}")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on PATH, and the control plane needs a key for service accounts")
    with started(build.folder(), tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
def client(control_plane: ControlPlane) -> Generator[Client]:
    """Speaks to the cluster as its administrator."""
    made = Client(control_plane)
    yield made
    made.close()


@pytest.fixture(scope="session")
def cluster(client: Client) -> Client:
    """The client of the cluster, with one ready node of every kind."""
    for node in gpu_nodes.NODES:
        gpu_nodes.add(client, node)
    return client


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    """A namespace of the test's own, that is gone after it."""
    name = f"test-{next(_NUMBERS)}"
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    wait(lambda: client.get("v1/ServiceAccount", "default", namespace=name), until=f"the service account of {name}")
    yield name
    # Its pods hold GPUs of nodes that the next test counts on, and the namespace's own end waits five seconds first.
    for kind in OWNERS_OF_PODS:
        client.delete_all(kind, namespace=name)
    wait(lambda: not client.objects("v1/Pod", namespace=name), until=f"the end of the pods of {name}")
    client.delete("v1/Namespace", name)
