"""Builds the programs of a Kubernetes control plane from their public Go modules, once, into a cache folder.

There is no package of these programs for Debian or PyPI, and a test that talks to a stand-in for the API server proves
nothing about the API server. Run it with ``python -m tests.cluster.build``.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
PACKAGES: Final[Mapping[str, str]] = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
}
"""Program → Go package."""
EXPLAIN: Final = (
    "`python -m tests.cluster.build` builds them once (with Go of any version, in about 8 minutes on 2 cores)"
)


class CannotBuildError(Exception):
    """The programs are not there and cannot be built; the message says why."""


def folder() -> Path:
    """Where this version of the programs lies: outside of the checkout, named after what it is built from."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made_from = b"".join((HERE / name).read_bytes() for name in ("go.mod", "go.sum"))
    return cache / "modelyard" / f"control-plane-{hashlib.sha256(made_from).hexdigest()[:12]}"


def is_built() -> bool:
    """Whether every program lies in the cache folder."""
    return all((folder() / name).is_file() for name in PACKAGES)


def build(*, processors: int | None = None) -> Path:
    """Build what is missing, and return the folder.

    Args:
        processors: how many compilers run at once; None: one a processor.

    Raises:
        CannotBuildError: there is no Go, or it failed.
    """
    done = folder()
    if is_built():
        return done
    go = _go()
    done.parent.mkdir(parents=True, exist_ok=True)
    # Built beside it and renamed whole, so that a build that was stopped half-way never counts as done.
    with tempfile.TemporaryDirectory(dir=done.parent, prefix="building-") as work:
        for name, package in PACKAGES.items():
            began = time.monotonic()
            _run_go(go, processors, Path(work) / "bin" / name, package)
            sys.stderr.write(f"{name:<24} {time.monotonic() - began:4.0f} s\n")
        shutil.rmtree(done, ignore_errors=True)
        (Path(work) / "bin").rename(done)
    return done


def asked(pattern: str) -> str:
    """What go.mod says: the first group of ``pattern``, which matches a line's beginning."""
    found = re.search(rf"^\s*{pattern}", (HERE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise CannotBuildError(f"tests/cluster/go.mod has no line like {pattern}")
    return found[1]


def _go() -> str:
    """A Go that is as new as go.mod asks. An older one can fetch it: Go itself is published as a module, too."""
    found = shutil.which("go")
    if found is None:
        raise CannotBuildError("there is no Go on PATH (Debian: `apt-get install golang-go`, of any version)")
    needed = asked(r"go (\d+\.\d+\.\d+)")
    has = re.search(r"go(\d+)\.(\d+)", _output(found, "version"))
    if has is not None and (int(has[1]), int(has[2])) >= tuple(int(part) for part in needed.split(".")[:2]):
        return found
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    module = f"golang.org/toolchain@v0.0.1-go{needed}.linux-{machine}"
    root = Path(json.loads(_output(found, "mod", "download", "-json", module))["Dir"])
    # A module has no executable files until somebody says so.
    for program in (*(root / "bin").iterdir(), *(root / "pkg" / "tool").glob("*/*")):
        program.chmod(0o755)
    return str(root / "bin" / "go")


def _output(go: str, *args: str) -> str:
    # Outside of the module: a Go that is too old for go.mod would refuse to say even its version there.
    done = subprocess.run([go, *args], cwd="/", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuildError(f"go {' '.join(args)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _run_go(go: str, processors: int | None, output: Path, package: str) -> None:
    version = asked(r"k8s\.io/kubernetes (v\S+)")
    major, minor, _ = version.removeprefix("v").split(".", 2)
    # The programs take their version from the linker; without it the API server calls itself v0.0.0 and stops.
    stamp = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    stamps = " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in stamp.items())
    command = [go, "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {stamps}"]
    if processors is not None:
        command += ["-p", str(processors)]
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run([*command, "-o", str(output), package], cwd=HERE, env=env, check=False)
    if done.returncode != 0:
        raise CannotBuildError(f"go build {package} exited with {done.returncode}")


def main() -> int:
    """Build, and print the folder."""
    if platform.system() != "Linux":
        sys.stderr.write("not tried anywhere but on Linux\n")
    try:
        sys.stdout.write(f"{build(processors=os.cpu_count())}\n")
    except CannotBuildError as error:
        sys.stderr.write(f"the control plane cannot be built: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
