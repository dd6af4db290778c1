"""The mutants themselves: a list that has gone stale proves nothing."""

from __future__ import annotations

import pytest

from simulator.command_mutants import fate_of
from simulator.mutants.catalog import COVERED, MUTANTS, SINGLE, caught
from simulator.mutants.mutant import sources
from simulator.mutants.pairs import ALIKE, PAIRS

NAMES = {mutant.name: mutant for mutant in SINGLE}

#: A few whose seeds are tried in every run; all of them by `python -m simulator mutants`.
TRIED = (
    "end-releases",
    "frozen-request",
    "bell-clear",
    "stop-when-flag-and-task",
    "claim-due",
    "lost-execution-replaced",
)


def test_there_are_enough_and_each_has_its_own_name():
    assert len(NAMES) == len(SINGLE)
    assert len([mutant for mutant in MUTANTS if mutant.name in NAMES]) >= 25


@pytest.mark.parametrize("mutant", SINGLE, ids=lambda mutant: mutant.name)
def test_each_changes_the_product_as_it_stands(mutant):
    text = mutant.source()
    compile(text, mutant.path, "exec")
    assert text != mutant.file.read_text(encoding="utf-8")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_both_of_a_pair_can_be_taken_out_together(pair):
    for module, text in sources(NAMES[name] for name in pair.of).items():
        compile(text, module, "exec")


def test_what_is_not_tried_is_a_mutant_and_has_a_reason():
    assert NAMES.keys() >= COVERED
    assert all(ALIKE.values())


def test_seeds_are_kept_of_mutants_that_there_are():
    assert caught().keys() <= {mutant.name for mutant in MUTANTS}


@pytest.mark.parametrize("name", TRIED)
def test_the_seed_that_caught_it_catches_it_again(name):
    """Or one of the first: what a trial holds moves what its seed draws."""
    assert fate_of(name, 0, 60, caught()[name]).seed is not None
