from __future__ import annotations

from pathlib import Path
from typing import cast

from galpipe.detection.base import BaseDetector
from galpipe.imaging import FieldSource
from galpipe.pipeline.field_processing import FieldModels, FieldSettings
from galpipe.pipeline.field_work import SPLITTING, FieldWork
from galpipe.pipeline.manifest import FieldTask
from galpipe.pipeline.parts import read_parts


def test_few_results_are_in_memory_at_a_time(tmp_path: Path) -> None:
    models = FieldModels(cast(BaseDetector, object()), None)
    work = FieldWork(models, FieldSettings(), tmp_path, "mine")
    tasks = (
        FieldTask(n, FieldSource(f"f{n}", (Path("f.png"),)), failed={SPLITTING: "damaged"})
        for n in range(130)
    )
    reports = list(work.run(tasks))
    assert sum(report.tasks for report in reports) == 130
    assert max(report.tasks for report in reports) <= 64
    index = read_parts(tmp_path, "mine")
    assert len(index) == 130
    assert len(index.names) == len(reports)
