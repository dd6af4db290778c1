"""The demo's program: its figures are those of the file, and its picture is well-formed."""

import csv
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "weather"))
import summarise

#: Found, not imported: the package brings pandas along.
DATA = Path(find_spec("vega_datasets").origin).parent / "_data" / "seattle-weather.csv"
HEADING = "date,precipitation,temp_max,temp_min,wind,weather\n"


@pytest.fixture(scope="module")
def days():
    return summarise.read(DATA.read_text())


@pytest.fixture(scope="module")
def summary(days):
    return summarise.summarise(days)


def test_every_day_of_four_years_is_counted(summary):
    assert (summary["days"], summary["first"], summary["last"]) == (
        1461,
        "2012-01-01",
        "2015-12-31",
    )
    assert [y["days"] for y in summary["years"].values()] == [366, 365, 365, 365]
    assert len(summary["months"]) == 48
    assert sum(m["days"] for m in summary["months"].values()) == 1461


def test_totals_agree_with_a_plain_sum_of_the_file(summary):
    rows = list(csv.DictReader(DATA.open()))
    total = sum(float(row["precipitation"]) for row in rows)
    assert summary["all"]["precipitation"] == pytest.approx(total, abs=0.05)
    by_month = sum(m["precipitation"] for m in summary["months"].values())
    assert by_month == pytest.approx(total, abs=0.05 * 48)
    assert summary["all"]["weather"]["sun"] == sum(row["weather"] == "sun" for row in rows)


def test_records_and_spells_are_found(summary):
    assert summary["records"]["hottest"] == {"date": "2014-08-11", "value": 35.6}
    assert summary["records"]["coldest"] == {"date": "2013-12-07", "value": -7.1}
    assert summary["records"]["wettest"] == {"date": "2015-03-15", "value": 55.9}
    dry = summary["stretches"]["dry"]
    assert (dry["days"], dry["from"], dry["to"]) == (81, "2012-07-23", "2012-10-11")


def test_a_gap_in_the_calendar_ends_a_spell():
    text = HEADING + "".join(f"2020-01-{d:02d},0,5,1,2,sun\n" for d in (1, 2, 3, 10, 11, 12, 13))
    dry = summarise.summarise(summarise.read(text))["stretches"]["dry"]
    assert (dry["days"], dry["from"]) == (4, "2020-01-10")


def test_the_picture_is_an_image_with_title_axes_and_legend(days):
    root = ElementTree.fromstring(summarise.picture(days, "seattle-weather"))
    said = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Seattle weather", "Temperature", "Precipitation", "Kinds of weather", "2014"} <= said


def test_one_day_and_names_of_any_kind_can_be_drawn():
    days = summarise.read(HEADING + "2020-12-31,0,5,5,2,<hail>\n")
    ElementTree.fromstring(summarise.picture(days, 'a<b>&"c'))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,rain\n2020-01-01,3\n", "the file has no column precipitation"),
        (HEADING, "no days"),
        (HEADING + "2020-01-01,0,5,1,2,sun\nyesterday,0,5,1,2,sun\n", "line 3 is not a day"),
        (HEADING + "2020-01-01,0\n", "line 2 is not a day"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_a_sentence(text, said):
    with pytest.raises(summarise.BadFile, match=said):
        summarise.read(text)


def test_the_whole_program_fits_a_job_definition():
    assert len(Path(summarise.__file__).read_bytes()) < 20_000
