"""What a wheel costs: what its last build took, else what its ops cost in the facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.facts.load import load_facts
from scripts.plan.expand import expand
from scripts.plan.forecast import Forecast, measured_minutes, measured_own
from scripts.plan.target import Target
from tests.plan.factories import make_facts, make_matrix, make_target

TARGET = make_target()


def manifest(**changes: object) -> str:
    document = {
        "target": {"id": TARGET.id},
        "seconds": {"compile": 300.0, "total": 360.0},
        "cache_hits": 0,
        "ops": {"cpu_adam": {"seconds": 240.0, "cached": True}, "cpu_lion": {"seconds": 60.0, "cached": False}},
        **changes,
    }
    return json.dumps(document)


ARCHES = {"cu130": "7.5;8.0;8.6;8.9;9.0;10.0;12.0+PTX"}


def make_forecast(ops: str | tuple[str, ...] = "all", workers: int = 2) -> Forecast:
    settings = replace(make_matrix().forecast, workers=workers)
    return Forecast(facts=load_facts(), settings=settings, measured={}, ops=ops)


def beside(forecast: Forecast, target: Target, *each: str) -> float:
    """Seconds of what a job does for the target beside compiling, all of it unless it is said what."""
    return sum(forecast.step(target, what) for what in each or ("job", "python", "target", "parts"))


def ratio_of_host_units() -> float:
    return load_facts().unit_ratios[0].ratio


def test_the_ops_of_the_facts_are_shared_among_the_workers() -> None:
    support = load_facts().ops["cpu_adam"].support_for("cpu", "0.19.8")
    assert support is not None
    forecast = make_forecast(("cpu_adam",))
    expected = (ratio_of_host_units() * support.seconds["linux"] / 2 + beside(forecast, TARGET)) / 60
    assert forecast.minutes(TARGET) == pytest.approx(expected, abs=0.06)


def test_more_ops_cost_more_and_more_workers_less() -> None:
    one, two = make_forecast(("cpu_adam",)), make_forecast(("cpu_adam", "cpu_lion"))
    assert one.minutes(TARGET) < two.minutes(TARGET) < make_forecast().minutes(TARGET)
    assert make_forecast(workers=8).minutes(TARGET) < make_forecast().minutes(TARGET)


def test_an_op_that_the_system_cannot_have_costs_nothing() -> None:
    forecast, windows = make_forecast(("async_io",)), replace(TARGET, platform="win_amd64")
    assert forecast.minutes(windows) == pytest.approx(beside(forecast, windows) / 60, abs=0.06)


def job_minutes(forecast: Forecast, *targets: Target) -> float:
    job = forecast.job()
    for target in targets:
        job.add(target)
    return job.minutes


def test_a_job_of_one_target_costs_what_the_target_does() -> None:
    forecast = make_forecast(("cpu_adam",))
    assert job_minutes(forecast, TARGET) == pytest.approx(forecast.minutes(TARGET), abs=0.06)


def test_a_job_has_its_start_once_and_the_torch_of_each_python_once() -> None:
    """All parts run for one of the Pythons of a release, too (`--verify hosted`)."""
    forecast = make_forecast(("async_io",))
    windows = replace(TARGET, platform="win_amd64")  # has no async_io: nothing is compiled
    older, other = replace(windows, deepspeed="0.19.7"), replace(windows, python="3.12")
    first = beside(forecast, windows)
    second, third = beside(forecast, windows, "target", "parts"), beside(forecast, windows, "python", "target")
    assert job_minutes(forecast, windows) * 60 == pytest.approx(first)
    assert job_minutes(forecast, windows, older) * 60 == pytest.approx(first + second)
    assert job_minutes(forecast, windows, older, other) * 60 == pytest.approx(first + second + third)


def test_what_is_downloaded_counts_as_long_as_it_takes() -> None:
    forecast, cuda = make_forecast(), replace(TARGET, cuda="cu130")
    row = next(row for row in forecast.facts.step_costs if (row.system, row.accelerator, row.each) == KIND)
    speed = forecast.facts.limits["download_bytes_per_second"]
    assert forecast.step(cuda, "job") == pytest.approx(row.seconds + row.bytes / speed)


KIND = ("linux", "cuda", "job")


def test_an_op_that_a_published_wheel_has_as_it_is_is_not_compiled() -> None:
    """Wheels of 0.19.7 are published; of what the newest release has for CUDA it changed four ops."""
    target = replace(TARGET, cuda="cu130")
    before = replace(target, deepspeed="0.19.7").wheel_name
    changed = {"cpu_adagrad", "cpu_adam", "cpu_lion", "quantizer"}
    nothing, published = make_forecast(), replace(make_forecast(), published={before})
    assert {op for op, *_ in published.work(target)} == changed & {op for op, *_ in nothing.work(target)}
    other = replace(target, python="3.12")
    assert published.work(other) == nothing.work(other), "a wheel of another Python has other ops"
    assert published.minutes(target) == nothing.minutes(target), "by itself it is built of nothing"
    assert job_minutes(published, target) < job_minutes(nothing, target)


def test_a_kernel_that_tells_no_architectures_apart_costs_less_on_linux() -> None:
    linux, windows = (replace(TARGET, cuda="cu130", platform=platform) for platform in ("linux_x86_64", "win_amd64"))
    one, joined = make_forecast(("fused_adam", "quantizer")), replace(make_forecast(("quantizer",)), arches=ARCHES)
    apart, together = one.work(linux), joined.work(linux)
    saved = {key[1]: together[key] / apart[key] for key in together if together[key] != apart[key]}
    assert saved, "kernels of quantizer are compiled for several architectures at once"
    assert list(saved.values()) == [pytest.approx(1 - 3 * 0.43 / 7)] * len(saved)
    assert joined.work(windows) == {
        key: seconds for key, seconds in one.work(windows).items() if key in joined.work(windows)
    }


def seconds(work: Mapping[tuple[str, ...], float]) -> float:
    return sum(work.values())


def test_what_reaches_python_is_compiled_for_each_and_the_rest_once() -> None:
    forecast = make_forecast(("fused_adam",))
    one, other = (forecast.work(replace(TARGET, cuda="cu130", python=python)) for python in ("3.11", "3.12"))
    shared = one.keys() & other.keys()
    assert {source for _, source, _, _ in shared} == {"csrc/adam/multi_tensor_adam.cu"}
    assert {source for _, source, _, _ in one.keys() - shared} == {"csrc/adam/fused_adam_frontend.cpp"}
    host = make_matrix().forecast.unit_seconds
    assert one[next(key for key in one if key not in shared)] == host * ratio_of_host_units()
    assert seconds(one) == pytest.approx(180 - host * (1 - ratio_of_host_units())), "180 is what the row of the op says"


def test_a_unit_without_a_binding_is_one_for_all_pythons_where_gcc_compiles_it() -> None:
    """It gets torch's header without Python's there; cl gets torch's own."""
    forecast = make_forecast(("cpu_adam",))
    for platform, shared in (("linux_x86_64", {"csrc/adam/cpu_adam_impl.cpp"}), ("win_amd64", set())):
        one, other = (forecast.work(replace(TARGET, platform=platform, python=python)) for python in ("3.11", "3.12"))
        assert {source for _, source, _, _ in one.keys() & other.keys()} == shared


def test_what_a_release_did_not_change_is_compiled_once() -> None:
    forecast = make_forecast()
    newest, before, old = (
        forecast.work(replace(TARGET, cuda="cu130", deepspeed=version)) for version in ("0.19.8", "0.19.7", "0.14.5")
    )
    assert newest.keys() != before.keys()
    again = seconds({key: newest[key] for key in newest.keys() - before.keys()})
    assert again < 0.5 * seconds(newest)
    assert seconds({key: old[key] for key in old.keys() & newest.keys()}) < 0.5 * seconds(old)


def test_an_op_that_is_not_listed_is_compiled_for_each_release_and_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.plan.forecast.units_of", lambda *kind: ())
    forecast = make_forecast(("cpu_adam",))
    works = [forecast.work(replace(TARGET, **change)) for change in ({}, {"python": "3.12"}, {"deepspeed": "0.19.7"})]
    assert len({key for work in works for key in work}) == len(works)


def test_a_target_that_was_built_counts_with_what_it_took(tmp_path: Path) -> None:
    steps = {"environment": 9.0, "source": 1.0, "record": 8.0, "package": 2.0, "verification": 30.0}
    write_manifest(tmp_path, manifest(seconds={**steps, "compile": 300.0, "total": 350.0}))
    own = measured_own(tmp_path)
    assert own == {TARGET.id: 50.0}
    forecast = make_forecast(("async_io",))
    known = replace(forecast, own={replace(TARGET, platform="win_amd64").id: 50.0})
    windows = replace(TARGET, platform="win_amd64")
    assert job_minutes(known, windows) * 60 == pytest.approx(
        job_minutes(forecast, windows) * 60 + 50 - beside(forecast, windows, "target", "parts")
    )


def test_a_manifest_without_these_steps_says_nothing_of_them(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest())
    assert measured_own(tmp_path) == {}


def write_manifest(wheels: Path, text: str, folder: str = "0.19.8/cpu-torch2.13") -> None:
    (wheels / folder).mkdir(parents=True)
    (wheels / folder / "a.whl.json").write_text(text, encoding="utf-8")


def test_measured_minutes_come_before_the_estimate(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest())
    measured = measured_minutes(tmp_path)
    assert measured == {TARGET.id: 6.0}
    [planned] = expand(make_matrix(), make_facts(), measured).targets
    assert planned.minutes == 6.0


def test_what_came_from_the_op_cache_is_counted_as_compiled(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest(cache_hits=1, seconds={"total": 60.0}, workers=4))
    assert measured_minutes(tmp_path) == {TARGET.id: 2.0}


def test_a_build_from_the_op_cache_of_unknown_workers_is_passed_over(tmp_path: Path) -> None:
    without = json.loads(manifest(cache_hits=1))
    without.pop("workers", None)
    write_manifest(tmp_path, json.dumps(without))
    assert measured_minutes(tmp_path) == {}


@pytest.mark.parametrize("seconds", ["Infinity", "-1", "NaN", "1e999", "1" + "0" * 400])
def test_seconds_that_no_build_takes_are_passed_over(tmp_path: Path, seconds: str) -> None:
    write_manifest(tmp_path, f'{{"target": {{"id": "{TARGET.id}"}}, "seconds": {{"total": {seconds}}}}}')
    assert measured_minutes(tmp_path) == {}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"target": "x", "seconds": 1}', '{"target": {"id": "x"}}', "[" * 100_000], ids=len
)
def test_a_file_that_is_no_manifest_is_passed_over(tmp_path: Path, text: str) -> None:
    write_manifest(tmp_path, text)
    assert measured_minutes(tmp_path) == {}


@pytest.mark.parametrize("folder", ["failed/0.19.8/cpu-torch2.13", "0.19.8/cpu-torch2.13/only-cpu_adam"])
def test_a_wheel_that_failed_or_holds_fewer_ops_is_no_measure_of_the_target(tmp_path: Path, folder: str) -> None:
    write_manifest(tmp_path, manifest(), folder)
    assert measured_minutes(tmp_path) == {}


def test_no_wheelhouse_is_no_record(tmp_path: Path) -> None:
    assert measured_minutes(tmp_path / "wheels") == {}
