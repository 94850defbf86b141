"""Old addresses of row classes, until every import names their modules."""

from scripts.facts.cpu_levels import CpuException as CpuException
from scripts.facts.shared_libraries import Library as Library
