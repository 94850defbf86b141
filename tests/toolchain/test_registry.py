"""The registry is read where there is one."""

from __future__ import annotations

import os

import pytest

from scripts.host import registry_values


def test_a_key_that_is_not_there_has_no_values() -> None:
    assert registry_values(r"SOFTWARE\Nobody\Nothing") == {}


@pytest.mark.skipif(os.name != "nt", reason="only Windows has a registry")
def test_text_values_are_read_by_name() -> None:
    assert registry_values(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion")["CurrentVersion"]
