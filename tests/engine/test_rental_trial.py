"""The project's own trial lives through everything that may happen to a rented machine, under the real engine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Engine
from tests.engine.rental import HUB_TOKEN, MACHINE, RentalStack, counted
from tests.simulators.account import Vendors

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600), pytest.mark.xdist_group("rental")]
NAME = "trial-405b"
RESOURCES = 11


@dataclass(kw_only=True)
class Story:
    """What was seen at each step: the CLI's text, the Machine's outputs, and how many machines there ever were."""

    stack: RentalStack
    printed: dict[str, str]
    outputs: dict[str, dict[str, Any]]
    machines: dict[str, int]
    key: str

    def note(self, step: str, printed: str) -> None:
        """A step is over."""
        self.printed[step], self.machines[step] = printed, len(self.stack.machines())
        found = self.stack.resources(MACHINE)
        self.outputs[step] = found[0]["outputs"] if found else {}

    @property
    def machine_id(self) -> str:
        """The vendor's id of the machine now."""
        return self.stack.machines()[-1].id


@pytest.fixture(scope="module")
def story(rental_engine: Engine, vendors: Vendors) -> Story:
    """One life, from the preview to the second destroy."""
    stack = RentalStack(engine=rental_engine, vendors=vendors, folder=rental_engine.project, name=NAME)
    settings = rental_engine.project / "stacks" / f"Pulumi.{NAME}.yaml"
    stack.run("stack", "init")
    stack.run("config", "set", "--secret", "huggingface:token", HUB_TOKEN)
    told = Story(stack=stack, printed={}, outputs={}, machines={}, key="")
    told.note("preview", stack.run("preview", has_keys=False))
    runpod = stack.runpod
    runpod.stock("NVIDIA B300 SXM6 AC", "any", 0)
    told.note("up", stack.up("--logtostderr", "-v=7"))
    told.key = stack.engine.run("stack", "output", "key", "--show-secrets", "--stack", NAME).stdout.strip()
    told.note("again", stack.up())
    _longer(settings)
    told.note("extended", stack.up())
    runpod.pods.things[told.machine_id].name = "somebody-renamed-it"
    told.note("renamed", stack.refresh())
    told.note("named again", stack.up())
    runpod.preempt(told.machine_id)
    told.note("stopped", stack.refresh())
    told.note("replaced", stack.up())
    runpod.remove_behind_back(told.machine_id)
    told.note("removed", stack.refresh())
    told.note("back", stack.up("--refresh"))
    told.note("destroyed", stack.destroy())
    told.note("destroyed again", stack.destroy())
    return told


def _longer(settings: Path) -> None:
    text = settings.read_text(encoding="utf-8")
    assert "{for: 1h}" in text
    settings.write_text(
        text.replace("{for: 1h}", "{for: 2h}").replace("max-spend-usd: 30", "max-spend-usd: 60"), encoding="utf-8"
    )


def test_a_preview_needs_no_key_and_sends_nothing(story: Story) -> None:
    assert f"{RESOURCES} to create" in story.printed["preview"]
    assert story.machines["preview"] == 0


def test_up_rents_the_first_candidate_in_stock(story: Story) -> None:
    seen = story.outputs["up"]
    assert counted(story.printed["up"]) == {"created": RESOURCES}
    assert seen["chosen"] == "runpod 4× H200 secure"
    assert seen["chargedUsdPerHour"] == seen["quotedUsdPerHour"] == "18.36"
    assert seen["machineId"].startswith("runpod/")
    assert seen["address"].endswith("-8080.proxy.runpod.net")
    assert seen["deadlineAt"].endswith("Z")
    (attempt,) = seen["attempts"]
    assert attempt.startswith("runpod 2× B300 secure: ")


def test_what_was_tried_is_in_the_log(story: Story) -> None:
    assert "not to be had: runpod 2× B300 secure: " in story.printed["up"]
    assert "rented runpod 4× H200 secure as " in story.printed["up"]
    assert "the model answered after " in story.printed["up"]


def test_up_again_changes_nothing(story: Story) -> None:
    assert counted(story.printed["again"]) == {"unchanged": RESOURCES}
    assert story.machines["again"] == 1


def test_a_longer_life_moves_the_deadline_of_the_same_machine(story: Story) -> None:
    before, after = story.outputs["again"], story.outputs["extended"]
    assert "replaced" not in counted(story.printed["extended"])
    assert after["machineId"] == before["machineId"]
    assert after["marker"] != before["marker"]
    assert after["deadlineAt"] > before["deadlineAt"]
    assert story.machines["extended"] == 1


def test_another_name_is_seen_and_put_right(story: Story) -> None:
    assert story.outputs["renamed"]["vendorName"] == "somebody-renamed-it"
    assert counted(story.printed["renamed"])["updated"] == 1
    right = story.outputs["named again"]
    assert right["vendorName"] == right["marker"]
    assert right["deadlineAt"] == story.outputs["extended"]["deadlineAt"]
    assert story.machines["named again"] == 1


def test_a_stopped_machine_is_seen_and_replaced(story: Story) -> None:
    assert story.outputs["stopped"]["status"] == "stopped"
    assert counted(story.printed["stopped"])["updated"] == 1
    assert counted(story.printed["replaced"])["replaced"] == 2
    assert story.machines["replaced"] == 2


def test_a_removed_machine_is_seen_and_rented_anew(story: Story) -> None:
    assert counted(story.printed["removed"])["deleted"] == 1
    assert story.outputs["removed"] == {}
    assert counted(story.printed["back"])["created"] == 1
    assert story.machines["back"] == 3


def test_no_two_machines_at_once_and_none_at_the_end(story: Story) -> None:
    assert story.stack.overlaps() == []
    assert story.stack.vendors.alive() == []
    assert counted(story.printed["destroyed"]) == {"deleted": RESOURCES}
    assert counted(story.printed["destroyed again"]) == {}


def test_no_secret_in_the_clear(story: Story) -> None:
    assert len(story.key) >= 43
    assert story.stack.secrets_in_the_clear(story.key) == []
    everywhere = story.stack.secrets_in_the_clear("modelyard")
    assert {place.split()[0] for place in everywhere} >= {"printed"}, "the search itself finds what is there"
