"""`pulumi up` that is asked to stop, or killed with everything that it started, at points that a seed draws."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.engine.conftest import PULUMI, Engine
from tests.engine.rental import MACHINE, RentalStack, counted, machine, ready, said, small_stack
from tests.simulators.account import Vendors, vendors_on_loopback
from tests.simulators.scenarios import SKUS

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300), pytest.mark.xdist_group("rental")]
H200 = SKUS["runpod"][0]
CALLS_OF_A_CREATE = 3
"""A list, the create itself and a look at what it made."""
_LATEST_SECONDS = 60.0


@pytest.fixture(scope="module")
def vendors() -> Generator[Vendors]:
    """Slower than elsewhere, so that there is time to strike between two calls."""
    with vendors_on_loopback(speed=20) as found:
        yield found


def start(stack: RentalStack) -> subprocess.Popen[str]:
    """`pulumi up` in a process group of its own."""
    return subprocess.Popen(
        [str(PULUMI), "up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name],
        cwd=stack.folder,
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for_calls(stack: RentalStack, process: subprocess.Popen[str], count: int) -> None:
    """Until the vendor has been called so many times, or the run is over."""
    before = len(stack.runpod.calls)
    give_up = time.monotonic() + _LATEST_SECONDS
    while len(stack.runpod.calls) - before < count and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.001)


def family(pid: int) -> list[int]:
    """A process and everything below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def kill(pid: int) -> None:
    """The power goes out."""
    for member in family(pid):
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            continue


def reap(stack: RentalStack) -> str:
    """`modelyard reap --all`, which knows no state."""
    done = subprocess.run(
        [str(stack.engine.project / ".venv" / "bin" / "modelyard"), "reap", "--all", "--yes", "--vendor", "runpod"],
        cwd=stack.engine.project,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    stack.printed.append(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_nothing_lost(stack: RentalStack) -> None:
    assert stack.vendors.alive() == []
    assert stack.overlaps() == []
    assert all(count == 1 for count in stack.runpod.creates.values())
    assert stack.secrets_in_the_clear() == []


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_and_run_again_there_is_one_machine(rental_engine: Engine, vendors: Vendors, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # replayed by its seed
    stack = small_stack(rental_engine, vendors, f"killed-{seed}")
    stack.write(machine(H200))
    process = start(stack)
    wait_for_calls(stack, process, dice.randint(1, CALLS_OF_A_CREATE))
    time.sleep(dice.random() * 0.05)
    kill(process.pid)
    stack.printed.append(process.communicate()[0])
    stack.run("cancel", "--yes")
    stack.up("--refresh")
    (alive,) = stack.vendors.alive()
    assert stack.outputs(MACHINE)["machineId"] == alive
    assert counted(stack.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")) == {"unchanged": 2}
    assert "pending operation" not in stack.up()
    stack.destroy()
    check_nothing_lost(stack)


@pytest.mark.parametrize("seed", [4, 5])
def test_killed_and_given_up_reap_finds_it(rental_engine: Engine, vendors: Vendors, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # replayed by its seed
    stack = small_stack(rental_engine, vendors, f"given-up-{seed}")
    stack.write(machine(H200))
    process = start(stack)
    wait_for_calls(stack, process, dice.randint(2, CALLS_OF_A_CREATE))
    kill(process.pid)
    stack.printed.append(process.communicate()[0])
    stack.run("cancel", "--yes")
    stack.destroy()
    (lost,) = vendors.alive()
    assert lost.partition("/")[2] in reap(stack)
    assert lost.partition("/")[2] not in reap(stack)
    check_nothing_lost(stack)


@pytest.mark.parametrize("seed", [6, 7])
def test_asked_to_stop_it_finishes_what_it_sent(rental_engine: Engine, vendors: Vendors, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # replayed by its seed
    vendors.simulators["runpod"].faults.arm("never_ready")
    stack = small_stack(rental_engine, vendors, f"asked-{seed}")
    stack.write(machine(H200), ready(timeoutSeconds=7200))
    process = start(stack)
    wait_for_calls(stack, process, dice.randint(1, CALLS_OF_A_CREATE + 2))
    os.killpg(process.pid, signal.SIGINT)
    printed = process.communicate(timeout=_LATEST_SECONDS)[0]
    stack.printed.append(printed)
    vendors.simulators["runpod"].faults.clear()
    assert process.returncode != 0
    assert "Traceback" not in said(printed, MACHINE)
    known = {f"{resource['id']}" for resource in stack.resources(MACHINE)}
    assert set(vendors.alive()) == known, "what was created is in the state"
    stack.destroy()
    check_nothing_lost(stack)
