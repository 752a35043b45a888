"""One Machine of a small program under the real engine: replaced, kept, imported, and given up when it cannot work."""

from typing import Any

import pytest

from tests.engine.conftest import Engine
from tests.engine.rental import MACHINE, READY, RentalStack, counted, machine, ready, said, small_stack
from tests.simulators.account import Vendors
from tests.simulators.scenarios import SKUS

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300), pytest.mark.xdist_group("rental")]
H200, H100 = SKUS["runpod"]
LAMBDA = SKUS["lambda"][0]


@pytest.fixture
def stack(rental_engine: Engine, vendors: Vendors, request: pytest.FixtureRequest) -> RentalStack:
    """A new stack on simulators that have forgotten the last one's machines."""
    for simulator in vendors.simulators.values():
        simulator.ledger.entries.clear()
        simulator.faults.clear()
    return small_stack(rental_engine, vendors, request.node.name.removeprefix("test_")[:40].rstrip("_"))


def end(stack: RentalStack) -> None:
    """Whatever happened before: nothing is left, nothing overlapped, and nobody saw a secret."""
    stack.destroy()
    assert stack.vendors.alive() == []
    assert stack.overlaps() == []
    assert stack.secrets_in_the_clear() == []


def test_another_image_or_gpu_deletes_first_and_then_rents(stack: RentalStack) -> None:
    stack.write(machine(H200))
    stack.up()
    stack.write(machine(H200, LAMBDA))
    assert "replaced" not in counted(stack.up()), "more candidates do not replace a machine that still satisfies one"
    stack.write(machine(LAMBDA, H200))
    assert "replaced" not in counted(stack.up()), "another order changes which start-up text stands where, no more"
    stack.write(machine(H200, LAMBDA, image="docker.io/vllm/vllm-openai:v0.33.1"))
    assert counted(stack.up())["replaced"] == 1
    stack.write(machine(LAMBDA, H100, image="docker.io/vllm/vllm-openai:v0.33.1"))
    assert counted(stack.up())["replaced"] == 1
    assert stack.outputs(MACHINE)["vendor"] == "lambda"
    assert len(stack.machines()) == 3
    end(stack)


def test_import_and_refresh_lead_to_no_replacement(stack: RentalStack) -> None:
    stack.write(machine(H200))
    stack.up()
    ident: str = stack.resources(MACHINE)[0]["id"]
    stack.run("state", "delete", "--yes", "--target-dependents", stack.resources(MACHINE)[0]["urn"])
    printed = stack.run("import", MACHINE, "node", ident, "--yes", "--protect=false")
    assert counted(printed)["imported"] == 1
    assert "failed to validate" not in printed
    stack.refresh()
    printed = stack.up()
    assert "replaced" not in counted(printed), printed
    assert counted(stack.up()) == {"unchanged": 2}
    assert len(stack.machines()) == 1
    stack.run("state", "delete", "--yes", "--target-dependents", stack.resources(MACHINE)[0]["urn"])
    stack.write(machine(H200, import_id=ident))
    assert counted(stack.up())["imported"] == 1
    assert counted(stack.up()) == {"unchanged": 2}
    assert stack.resources(MACHINE)[0]["id"] == ident
    end(stack)


def test_a_machine_without_gpus_is_given_back_at_once(stack: RentalStack) -> None:
    stack.runpod.faults.arm("zero_gpu")
    stack.write(machine(H200))
    printed = said(stack.up(check=False), MACHINE)
    assert "came with 0 GPUs; it was deleted again" in printed
    _check_text(printed)
    assert stack.vendors.alive() == []
    assert counted(stack.up())["created"] >= 1
    end(stack)


def test_out_of_memory_in_the_log_is_named(stack: RentalStack) -> None:
    stack.runpod.faults.arm("slow_boot", seconds=100000.0)
    line = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
    stack.runpod.pods.log_lines = _Always([line])
    stack.write(machine(H200), ready())
    printed = stack.up(check=False)
    stack.runpod.pods.log_lines = {}
    _check_failure(stack, printed)
    assert "the model does not fit as configured" in printed
    assert line in printed
    end(stack)


def test_never_ready_ends_with_the_budget(stack: RentalStack) -> None:
    stack.runpod.faults.arm("never_ready")
    stack.write(machine(H200), ready(timeoutSeconds=600))
    printed = stack.up(check=False)
    _check_failure(stack, printed)
    assert "the start-up budget is used up" in printed
    assert said(printed, READY).count("waiting for the machine") <= 3, "progress is a passing word"
    end(stack)


def test_nothing_in_stock_says_what_was_tried(stack: RentalStack) -> None:
    stack.runpod.stock(H200["sku"], "any", 0)
    stack.runpod.stock(H100["sku"], "any", 0)
    stack.write(machine(H200, H100))
    printed = stack.up(check=False)
    assert "none of the 2 candidates can be had now" in said(printed, MACHINE)
    _check_text(said(printed, MACHINE))
    stack.runpod.stock(H200["sku"], "any", 9)
    stack.runpod.stock(H100["sku"], "any", 9)
    end(stack)


def _check_failure(stack: RentalStack, printed: str) -> None:
    told = said(printed, READY)
    assert "error: ready: " in told
    assert "proved gone" in told
    _check_text(told)
    assert stack.vendors.alive() == []


def _check_text(told: str) -> None:
    """For people. (The language host may show a stack of its own: the engine interrupts the program at an error.)"""
    assert "error: " in told
    assert "Traceback" not in told
    assert ".py" not in told


class _Always(dict[str, list[str]]):
    """Every machine's log holds these lines."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def get(self, key: str, default: Any = None) -> Any:
        del key, default
        return self._lines
