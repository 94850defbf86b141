"""Which published wheels the builds of a run may take ops out of: those that the site offers, read once for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scripts.ci.actions import site_address
from scripts.commands.answer import log_line
from scripts.errors import WheelsError
from scripts.index.published_site import read_site_if_there
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.published_ops import wheels_to_ask


def with_offered_wheels(plans: Sequence[BuildPlan]) -> list[BuildPlan]:
    """The plans, each with the published wheels that may have its ops; a site that cannot be read is told.

    As they are where there is no site, and with --no-cache.
    """
    address = site_address()
    if not address or not any(plan.options.cache for plan in plans):
        return list(plans)
    try:
        site = read_site_if_there(address)
    except WheelsError as error:
        log_line(f"no op is taken out of a published wheel: {error}")
        return list(plans)
    if site is None:
        return list(plans)
    return [replace(plan, published=wheels_to_ask(site.offered, plan.target, plan.cpu.name)) for plan in plans]
