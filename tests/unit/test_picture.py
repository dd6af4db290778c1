"""The picture of a played workload: well-formed, told in words, and true to its sums."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.__main__ import main
from simulator.series import BINS, averages
from simulator.workloads.trace import Phase, Span

SVG = "{http://www.w3.org/2000/svg}"


def drawn(tmp_path, capsys, settings, *more):
    """The picture of a workload that was drawn, parsed; the last line that was told beside it."""
    file = tmp_path / "picture.svg"
    assert main(["simulate", "--generate", settings, "--picture", str(file), *more]) == 0
    assert f"drawn: {file}" in capsys.readouterr().err
    return ET.parse(file).getroot()


def words(picture):
    return [text.text for text in picture.iter(f"{SVG}text")]


def bars(picture, colour):
    """Bars that say what they stand for; those of the legend do not."""
    found = picture.iter(f"{SVG}rect")
    return [
        bar for bar in found if bar.get("class") == colour and bar.find(f"{SVG}title") is not None
    ]


class TestThePicture:
    def test_says_when_it_ends_and_what_it_costs(self, tmp_path, capsys):
        picture = drawn(tmp_path, capsys, "jobs=5 runtime=60s")
        assert picture.find(f"{SVG}title").text.startswith("5 jobs end after ")
        assert words(picture)[0] == picture.find(f"{SVG}title").text
        assert "fargate: 64 vCPUs" in words(picture)[1]

    def test_of_few_jobs_has_a_row_for_each(self, tmp_path, capsys):
        picture = drawn(tmp_path, capsys, "jobs=12 runtime=60s")
        assert len([w for w in words(picture) if w.startswith("generated-")]) == 12
        assert len(bars(picture, "running")) == 12
        assert len(bars(picture, "starting")) == 12

    def test_of_more_jobs_has_a_row_for_each_that_runs_at_once(self, tmp_path, capsys):
        picture = drawn(tmp_path, capsys, "jobs=90 runtime=60s", "--vcpus", "10")
        assert len({bar.get("y") for bar in bars(picture, "running")}) == 10
        assert len(bars(picture, "running")) == 90

    def test_shows_runs_that_failed(self, tmp_path, capsys):
        picture = drawn(tmp_path, capsys, "jobs=20 runtime=60s failures=100% attempts=2")
        assert len(bars(picture, "failed")) == 40
        assert bars(picture, "running") == []

    def test_names_are_text_whatever_they_are(self, tmp_path):
        workload, file = tmp_path / "jobs.jsonl", tmp_path / "picture.svg"
        workload.write_text('{"job": "<b>&\\"x", "runtime_s": 60}\n')
        assert main(["simulate", str(workload), "--picture", str(file)]) == 0
        assert '<b>&"x' in words(ET.parse(file).getroot())

    def test_that_cannot_be_written_is_said(self, tmp_path, capsys):
        file = tmp_path / "no" / "picture.svg"
        assert main(["simulate", "--generate", "jobs=1 runtime=1s", "--picture", str(file)]) == 1
        assert "No such file or directory" in capsys.readouterr().err

    def test_is_of_one_workload(self, capsys):
        asked = ["simulate", "--generate", "jobs=1 runtime=1s", "--each", "--picture", "x.svg"]
        assert main(asked) == 1
        assert "--each" in capsys.readouterr().err


class TestSums:
    @given(
        st.integers(1, 10**9).flatmap(
            lambda end: st.tuples(
                st.just(end),
                st.lists(st.tuples(st.integers(0, end), st.integers(0, end)), max_size=20),
            )
        )
    )
    def test_nothing_is_lost_between_the_moments(self, drawn):
        end, pairs = drawn
        spans = [(Span(Phase.RUNNING, min(pair), max(pair)), 2.0) for pair in pairs]
        whole = sum(span.length * weight for span, weight in spans)
        assert sum(averages(spans, end)) * end / BINS == pytest.approx(whole, rel=1e-6, abs=1e-6)

    def test_a_moment_holds_the_mean_of_what_covers_it(self):
        half = [(Span(Phase.RUNNING, 0, BINS // 2), 4.0)]
        assert averages(half, BINS)[: BINS // 2] == [4.0] * (BINS // 2)
        assert averages(half, BINS)[BINS // 2 :] == [0.0] * (BINS - BINS // 2)
        assert averages([(Span(Phase.RUNNING, 0, 5), 4.0)], 10 * BINS)[0] == 2.0
