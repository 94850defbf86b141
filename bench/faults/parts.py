"""Every part, in the order in which they run."""

from __future__ import annotations

from bench.faults import answers, archives, builds, documents, installs, lines, publishing, records, sites
from bench.faults.part import Part

PARTS: tuple[Part, ...] = (
    builds.REAL_BUILDS,
    builds.KILLS,
    builds.PAIRS,
    builds.FLIPS,
    publishing.KILLS,
    publishing.PAIRS,
    sites.KILLS,
    installs.KILLS,
    archives.WHEELS,
    documents.MATRIX,
    documents.DATA,
    records.RECORDS,
    lines.LINES,
    answers.ANSWERS,
)
