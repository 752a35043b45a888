"""A stack of rented things under the real CLI: runs it, reads its state, and keeps all that could hold a secret."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from tests.engine.conftest import Engine
from tests.simulators.account import Vendors
from tests.simulators.core import Entry
from tests.simulators.runpod import RunpodSimulator
from tests.simulators.scenarios import KEYS

BEARER: Final = "engine-test-bearer-key-0123456789"
HUB_TOKEN: Final = "hf_engineTestToken0123456789"
MACHINE: Final = "modelyard-rental:index:Machine"
READY: Final = "modelyard-rental:index:Ready"

_PROJECT: Final = """\
name: small
runtime:
  name: python
  options:
    toolchain: uv
plugins:
  providers:
    - name: modelyard-rental
      path: ../providers/plugin
"""
_PROGRAM: Final = """\
import json
from pathlib import Path

import pulumi

made = {}


def value(given, is_secret):
    if isinstance(given, dict) and "$id" in given:
        return made[given["$id"]].id
    return pulumi.Output.secret(given) if is_secret else given


for row in json.loads((Path(__file__).parent / f"{pulumi.get_stack()}.json").read_text()):
    props = {name: value(given, name in row["secret"]) for name, given in row["props"].items()}
    options = pulumi.ResourceOptions(version="0.1.0", import_=row["import"])
    made[row["name"]] = pulumi.CustomResource(row["type"], row["name"], props, options)
    pulumi.export(row["name"], made[row["name"]].id)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One resource of the small program. A prop ``{"$id": NAME}`` is the id of an earlier one."""

    type: str
    name: str
    props: Mapping[str, Any]
    secret: Sequence[str] = ()
    import_id: str | None = None

    def plain(self) -> dict[str, Any]:
        """As the program reads it."""
        return {
            "type": self.type,
            "name": self.name,
            "props": dict(self.props),
            "secret": list(self.secret),
            "import": self.import_id,
        }


@dataclass(kw_only=True)
class RentalStack:
    """A stack and the simulators on which it rents.

    Attributes:
        folder: of its program.
        name: the stack's.
        printed: everything that the CLI has printed.
    """

    engine: Engine
    vendors: Vendors
    folder: Path
    name: str
    printed: list[str] = field(default_factory=list[str])

    @property
    def runpod(self) -> RunpodSimulator:
        """RunPod's simulator."""
        simulator = self.vendors.simulators["runpod"]
        if not isinstance(simulator, RunpodSimulator):
            raise TypeError("not RunPod")
        return simulator

    @property
    def _state(self) -> Path:
        """Where the backend keeps its files: reading them takes no second, as asking the CLI does."""
        return Path(self.engine.env["PULUMI_BACKEND_URL"].removeprefix("file://"))

    @property
    def environment(self) -> dict[str, str]:
        """What the CLI runs in."""
        return {**self.engine.env, **self.vendors.environment}

    def run(self, *args: str, check: bool = True, has_keys: bool = True) -> str:
        """Run `pulumi ARGS` and return what it printed."""
        engine = Engine(project=self.folder, env=self.environment if has_keys else self.engine.env)
        done = engine.run(*args, "--stack", self.name, check=check)
        text = done.stdout + done.stderr
        self.printed.append(text)
        return text

    def up(self, *flags: str, check: bool = True) -> str:
        """`pulumi up`, without the preview before it."""
        return self.run("up", "--yes", "--skip-preview", *flags, check=check)

    def refresh(self) -> str:
        """`pulumi refresh`."""
        return self.run("refresh", "--yes", "--skip-preview")

    def destroy(self) -> str:
        """`pulumi destroy`."""
        return self.run("destroy", "--yes", "--skip-preview")

    def write(self, *rows: Row) -> None:
        """What the small program is to register from now on."""
        (self.folder / f"{self.name}.json").write_text(json.dumps([row.plain() for row in rows]), encoding="utf-8")

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """What the state holds of a type; secrets as they are encrypted."""
        (path,) = self._state.glob(f".pulumi/stacks/*/{self.name}.json")
        latest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["checkpoint"]["latest"] or {}
        return [resource for resource in latest.get("resources", []) if resource["type"] == kind]

    def outputs(self, kind: str) -> dict[str, Any]:
        """Outputs of the one resource of a type."""
        (found,) = self.resources(kind)
        outputs: dict[str, Any] = found["outputs"]
        return outputs

    def machines(self) -> list[Entry]:
        """Every machine of ours that was ever billed, the oldest first."""
        entries = [e for s in self.vendors.simulators.values() for e in s.ledger.entries.values()]
        return sorted((e for e in entries if e.kind == "machine"), key=lambda e: e.created)

    def overlaps(self) -> list[str]:
        """Machines that were there before the one before them was gone."""
        return [
            f"{before.id} and {after.id}"
            for before, after in pairwise(self.machines())
            if before.ended is None or after.created < before.ended
        ]

    def secrets_in_the_clear(self, *more: str) -> list[str]:
        """Where a secret can be read: printed texts, state and settings files, request lines of the vendors."""
        secrets = {BEARER, HUB_TOKEN, *more, *(part for key in KEYS.values() for part in key.split(":"))}
        places = {
            **{f"printed text {number}": text for number, text in enumerate(self.printed)},
            **{str(path): text for path, text in _texts(self._state.rglob("*"), self.folder.rglob("Pulumi.*.yaml"))},
            **{
                f"requests to {name}": "\n".join(simulator.targets)
                for name, simulator in self.vendors.simulators.items()
            },
        }
        return [f"{place}: {secret[:4]}…" for place, text in places.items() for secret in secrets if secret in text]


def small_stack(engine: Engine, vendors: Vendors, name: str) -> RentalStack:
    """A new stack of the small program."""
    folder = engine.project / "small"
    if not folder.exists():
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(_PROJECT, encoding="utf-8")
        (folder / "__main__.py").write_text(_PROGRAM, encoding="utf-8")
    stack = RentalStack(engine=engine, vendors=vendors, folder=folder, name=name)
    stack.run("stack", "init")
    return stack


def machine(*candidates: Mapping[str, Any], import_id: str | None = None, **changes: Any) -> Row:
    """A Machine with both kinds of start-up text."""
    script, cloud = "#!/bin/bash\necho start", "#cloud-config\nruncmd: []\n"
    on_vm = candidates[0]["vendor"] in {"lambda", "verda"}
    props: dict[str, Any] = {
        "candidates": [dict(candidate) for candidate in candidates],
        "image": "docker.io/vllm/vllm-openai:v0.33.0",
        "boot": cloud if on_vm else script,
        "otherBoots": {"container": script} if on_vm else {"vm": cloud},
        "env": {"VLLM_API_KEY": BEARER, "HF_TOKEN": HUB_TOKEN},
        "ports": [8080],
        "diskGb": 100,
        "lifetimeSeconds": 3600,
        "owner": "organization/small",
        "labels": {"team": "research"},
        **changes,
    }
    return Row(type=MACHINE, name="node", props=props, secret=("env",), import_id=import_id)


def ready(**changes: Any) -> Row:
    """Waits for the Machine."""
    props: dict[str, Any] = {
        "machineId": {"$id": "node"},
        "port": 8080,
        "healthPath": "/health",
        "timeoutSeconds": 2400,
        "phases": [{"name": "machine", "seconds": 2400, "why": "a test"}],
        "deleteOnFailure": True,
        "accessKey": BEARER,
        **changes,
    }
    return Row(type=READY, name="ready", props=props, secret=("accessKey",))


def counted(text: str) -> dict[str, int]:
    """The CLI's count of what it did, such as ``{"created": 2}``."""
    counts: list[str] = re.findall(r"Resources:\n((?: +.*\n)+)", text)
    lines = counts[-1].splitlines() if counts else []
    found = [re.fullmatch(r"\s*(?:\W+\s*)?(\d+) ([a-z]+)", line) for line in lines]
    return {match[2]: int(match[1]) for match in found if match}


def said(text: str, kind: str) -> str:
    """What the CLI's summary holds on the resources of a type."""
    summary = text.rpartition("Diagnostics:\n")[2]
    blocks: list[str] = re.findall(rf"^  {re.escape(kind)} .*\n((?:    .*\n|\n)*)", summary, re.MULTILINE)
    return "".join(blocks)


def _texts(*groups: Iterable[Path]) -> Iterable[tuple[Path, str]]:
    for group in groups:
        for path in group:
            if path.is_file():
                yield path, path.read_text(encoding="utf-8", errors="replace")
