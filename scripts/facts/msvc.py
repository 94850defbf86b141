"""Old addresses of row classes, until every import names their modules."""

from scripts.facts.msvc_toolsets import Toolset as Toolset
from scripts.facts.msvc_toolsets import ToolsetChoice as ToolsetChoice
from scripts.facts.msvc_toolsets import VisualStudioEdition as VisualStudioEdition
from scripts.facts.msvc_toolsets import VisualStudioRelease as VisualStudioRelease
