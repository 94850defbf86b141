"""From a target to a proven wheel in the wheelhouse: build, prove in a fresh environment, file it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from scripts.command import check, run
from scripts.errors import BuildEnvironmentError, InterruptedBuildError
from scripts.fetch.installer import Installer, environment_python
from scripts.files import write_whole
from scripts.plan.target import Target
from scripts.verify.check import Report
from scripts.verify.levels import Level, verify_wheel
from scripts.verify.promises import Promises
from scripts.wheel.manifest import manifest_path, write_manifest
from scripts.wheel.wheelhouse import FAILED
from scripts.wheel_build.build_environment import fill_build_environment, install_torch, torch_routes
from scripts.wheel_build.filed_manifest import manifest_of
from scripts.wheel_build.pipeline import Builder, BuildRecord
from scripts.wheel_build.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Producer:
    """Makes proven wheels with one builder."""

    builder: Builder
    installer: Installer

    def produce(self, target: Target, python: Path, interpreter: str) -> Path:
        """The filed wheel of `target`.

        `python` is the (empty) build environment's, `interpreter` what a fresh one for the proof is made from. Raises
        VerifyError when the wheel fails its proof (it is kept under wheels/failed/), and what a build raises.
        """
        logging.getLogger("urllib3").setLevel(logging.WARNING)  # nox shows what every library says
        log = self.builder.places.logs / f"{target.id}.log"
        with Progress(title=target.id, log_file=log) as progress:
            try:
                return self._produce(target, python, interpreter, progress)
            except KeyboardInterrupt:
                raise InterruptedBuildError(f"{target.id}: interrupted; the same command resumes") from None

    def _produce(self, target: Target, python: Path, interpreter: str, progress: Progress) -> Path:
        with progress.step("environment"):
            torch = self._fill(target, python, progress)
        record = self.builder.build(target, python, torch, progress)
        with progress.step("proof"):
            report = self._prove(record, interpreter, progress)
        return self._file(record, report, progress)

    def _fill(self, target: Target, python: Path, progress: Progress) -> str:
        index = self.builder.matrix.torch_index
        return fill_build_environment(self.installer, python, target, self.builder.facts, index, progress.log)

    def _prove(self, record: BuildRecord, interpreter: str, progress: Progress) -> Report:
        """The proof's report, from a fresh environment that holds only torch and what the wheel asks for."""
        target, level = record.target, cast(Level, self.builder.options.verify)
        promises = Promises(arches=record.arches, cpu_level=record.cpu_level)
        if level == "audit":
            return verify_wheel(record.wheel, level, promises=promises)
        folder = self.builder.places.work(target.id) / "proof"
        create = self.installer.create(folder, interpreter)
        check(create, run(create, log=progress.log))
        python = environment_python(folder)
        routes = torch_routes(target, self.builder.facts.torch[target.torch_minor], self.builder.matrix.torch_index)
        if not install_torch(self.installer, python, routes, log=progress.log):
            raise BuildEnvironmentError(
                f"{target.id}: torch could be installed for the build but not for the proof; see the log"
            )
        command = self.installer.install(python, [str(record.wheel)])
        check(command, run(command, log=progress.log))
        ops = tuple(op.op for op in record.ops)
        return verify_wheel(record.wheel, level, python=python, expected_ops=ops, log=progress.log, promises=promises)

    def _file(self, record: BuildRecord, report: Report, progress: Progress) -> Path:
        target = record.target
        place = "" if report.passed else f"{FAILED}/"
        folder = self.builder.places.wheelhouse / f"{place}{target.folder}{record.options.folder}"
        wheel = folder / target.wheel_name
        manifest = manifest_of(record, report)
        write_whole(wheel, record.wheel, durable=True)
        write_manifest(manifest_path(wheel), manifest)
        for check_result in report.checks:
            progress.say(f"  {check_result.as_line()}")
        progress.say(f"{'filed' if report.passed else 'FAILED, kept as'} {wheel}")
        report.require()
        self.builder.discard_work(target)
        return wheel
