"""Lifecycles of the vendors' own resources (volumes, filesystems, pods …) with the same faults and kills.

They have no deadline and are not reaped, so the person goes on at the end until the thing is up and destroyed again.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from providers.base.marker import read_marker
from tests.simulators.campaign import SECRET, Lifecycle, Outcome
from tests.simulators.core import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One kind of thing.

    Attributes:
        token: its resource type.
        kinds: what the ledger calls it.
        inputs: what it is made of.
        changes: what a person changes at once, each a possible step.
    """

    token: str
    kinds: tuple[str, ...]
    inputs: Mapping[str, Any]
    changes: Sequence[Mapping[str, Any]] = ()

    @property
    def vendor(self) -> str:
        """Whose it is."""
        return self.token.partition(":")[0]


SUBJECTS: Final = (
    Subject(
        token="runpod:NetworkVolume",
        kinds=("volume",),
        inputs={"sizeGb": 100, "dataCenter": "US-KS-2"},
        changes=({"sizeGb": 150}, {"sizeGb": 200}, {"dataCenter": "EU-RO-1"}),
    ),
    Subject(
        token="runpod:Pod",
        kinds=("machine", "pod"),
        inputs={
            "image": "docker.io/vllm/vllm-openai:v0.33.0",
            "gpu": {"id": "NVIDIA H200", "count": 1},
            "cloud": "SECURE",
            "diskGb": 50,
            "env": {"TOKEN": SECRET},
            "ports": ["8000/http"],
            "allowReset": True,
        },
        # A locked pod refuses to start anew, as it should: whoever wants that unlocks it.
        changes=({"locked": True}, {"locked": False}, {"diskGb": 60, "locked": False}),
    ),
    Subject(token="lambda:Filesystem", kinds=("volume", "filesystem"), inputs={"region": "us-west-1"}),
    Subject(
        token="vastai:Instance",
        kinds=("machine", "instance"),
        inputs={
            "gpu": "H200",
            "gpuCount": 1,
            "image": "docker.io/vllm/vllm-openai:v0.33.0",
            "diskGb": 50,
            "env": {"TOKEN": SECRET},
            "maxUsdPerHour": "9.00",
        },
        changes=({"state": "stopped"}, {"state": "running"}),
    ),
)


class ObjectLifecycle(Lifecycle):
    """One person and one of a vendor's own resources."""

    actions = ("up", "refresh", "change", "remove", "wait")

    def __init__(self, seed: int, index: int, folder: Path) -> None:
        self.subject = SUBJECTS[index % len(SUBJECTS)]
        self.token, self.kinds = self.subject.token, self.subject.kinds
        super().__init__(seed, index, folder)

    def _first_inputs(self) -> dict[str, Any]:
        return dict(self.subject.inputs)

    def _change(self, action: str) -> None:
        del action
        if self.subject.changes:
            self._inputs |= self._random.choice(self.subject.changes)

    def _behind_the_back(self, action: str) -> None:
        del action
        if self._state is None or "machine" not in self.kinds:
            return
        entry = self._entry(self._state[0])
        if entry is not None and entry.ended is None:
            self._simulators[self.subject.vendor].remove_behind_back(self._state[0])

    def _entry(self, object_id: str) -> Entry | None:
        return self._simulators[self.subject.vendor].ledger.entries.get(object_id)

    def _is_ours(self, entry: Entry) -> bool:
        return read_marker(entry.name) is not None

    def _finish(self) -> None:
        """Nothing is in the way any more: up takes over what was left behind, destroy ends it."""
        for simulator in self._simulators.values():
            for name, times in simulator.faults.happened.items():
                self.outcome.happened[name] = self.outcome.happened.get(name, 0) + times
                self.outcome.faults += times
            simulator.faults.clear()
        self._kill = None
        self._clock.advance(600)
        for action in ("refresh", "up", "destroy"):
            if not self._process(action):
                self._violation(f"the last {action} failed: {self.outcome.log[-1]}")


def live_object(seed: int, index: int) -> Outcome:
    """One lifecycle from its seed."""
    with tempfile.TemporaryDirectory(prefix="modelyard-campaign-") as folder:
        return ObjectLifecycle(seed, index, Path(folder)).run()


def live_machine(seed: int, index: int) -> Outcome:
    """One Machine's lifecycle from its seed."""
    with tempfile.TemporaryDirectory(prefix="modelyard-campaign-") as folder:
        return Lifecycle(seed, index, Path(folder)).run()


def live(seed: int, index: int) -> Outcome:
    """One lifecycle from its seed: four of five are Machines', the fifth is one of a vendor's own resources'."""
    return live_object(seed, index // 5) if index % 5 == 4 else live_machine(seed, index)
