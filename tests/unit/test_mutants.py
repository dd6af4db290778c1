"""The mutants themselves: a list that has gone stale proves nothing."""

from __future__ import annotations

import pytest

from simulator.command_mutants import fate_of
from simulator.mutants.catalog import MUTANTS, SINGLE


def test_there_are_enough_and_each_has_its_own_name():
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names)) >= 25


@pytest.mark.parametrize("mutant", SINGLE, ids=lambda mutant: mutant.name)
def test_each_changes_the_product_as_it_stands(mutant):
    text = mutant.source()
    compile(text, mutant.path, "exec")
    assert text != mutant.file.read_text(encoding="utf-8")


def test_capacity_that_is_not_given_back_is_noticed():
    fate = fate_of("end-releases", seeds=20)
    assert fate.seed is not None
