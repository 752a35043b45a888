"""The longest start-up script that we render goes through Vast's narrow door."""

from modelyard.render.boot import boot_script
from providers.vastai.contract import ENV_MAX, environment, start_up
from tests.fakes.machines import machine_text


def test_a_machine_with_everything_fits() -> None:
    script = boot_script(machine_text())
    onstart, chunks = start_up(script)
    env = {"HF_TOKEN": "h" * 40, "VLLM_API_KEY": "k" * 64, "MODELYARD_MARKER": "m" * 64}
    whole = environment(env, ports=(8080,), chunks=chunks)
    assert len(onstart) < 1000
    assert sum(len(name) + len(value) + 5 for name, value in whole.items()) < ENV_MAX * 0.75
