"""Which calls a scripted fault applies to, and how often."""

import random

import msgspec
import pytest

from wework_message.simulator.faults import Fault, Faults
from wework_message.simulator.options import SimulatorOptions


def count_faulty(faults: Faults, calls: int, path: str = "/msg/send_text") -> int:
    return sum(faults.pick(path, "g", "S:1") is not None for _ in range(calls))


def test_fault_is_spent_after_its_times() -> None:
    faults = Faults(random.Random(1))
    faults.add(Fault("refuse", times=3))
    assert (count_faulty(faults, 10), faults.fired, faults.listing()) == (3, 3, [])


def test_fault_without_times_applies_until_cleared() -> None:
    faults = Faults(random.Random(1))
    faults.add(Fault("refuse"))
    assert count_faulty(faults, 10) == 10
    faults.clear()
    assert count_faulty(faults, 10) == 0


def test_probability_follows_the_seed() -> None:
    runs = []
    for _ in range(2):
        faults = Faults(random.Random(7))
        faults.add(Fault("refuse", probability=0.3))
        runs.append([faults.pick("/msg/send_text", "g", "S:1") is not None for _ in range(200)])
    assert runs[0] == runs[1]
    assert 30 < sum(runs[0]) < 90


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (Fault("slow"), {"/msg/send_text", "/msg/send_image"}),
        (Fault("slow", path="/msg/send_text"), {"/msg/send_text"}),
        (Fault("slow", path="/msg/*"), {"/msg/send_text", "/msg/send_image", "/msg/revoke_msg"}),
        (Fault("slow", guid="other"), set()),
        (Fault("slow", conversation_id="S:2"), set()),
        (Fault("slow", guid="g", conversation_id="S:1"), {"/msg/send_text", "/msg/send_image"}),
    ],
)
def test_fault_applies_to_the_calls_it_names(fault: Fault, struck: set[str]) -> None:
    paths = ["/msg/send_text", "/msg/send_image", "/msg/revoke_msg", "/client/get_client_status"]
    assert {path for path in paths if fault.matches(path, "g", "S:1")} == struck


@pytest.mark.parametrize(
    "body",
    [
        b'{"kind":"unheard of"}',
        b'{"kind":"slow","times":0}',
        b'{"kind":"slow","probability":1.5}',
        b'{"kind":"slow","delay_ms":-1}',
        b'{"kind":"slow","executed":false}',
        b'{"kind":"slow","unknown":1}',
    ],
)
def test_meaningless_fault_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Fault)


@pytest.mark.parametrize(
    "change",
    [{"echo_delay_ms": 30_001}, {"echo_form": "11012"}, {"callback_workers": 0}, {"latency_ms": -1}],
)
def test_options_out_of_range_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SimulatorOptions(**change)  # type: ignore[arg-type]  # the wrong values are the point
