"""Old addresses of row classes, until every import names their modules."""

from scripts.facts.build_requirements import AddedRequirement as AddedRequirement
from scripts.facts.build_requirements import BuildRequirements as BuildRequirements
from scripts.facts.build_variables import Variable as Variable
from scripts.facts.flag_edits import FlagEdit as FlagEdit
from scripts.facts.unit_costs import UnitCost as UnitCost
