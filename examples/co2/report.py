"""An ETL: weekly measurements of CO2 become yearly means, their trend, and a page to read."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from penstock import flow, task
from penstock.artifacts import create_markdown_artifact

HERE = Path(__file__).parent


@task(retries=2, retry_delay_seconds=1)
def extract(path: Path) -> list[dict[str, str]]:
    """The rows of the file."""
    with path.open() as file:
        return list(csv.DictReader(file))


@task
def clean(rows: list[dict[str, str]]) -> list[tuple[int, float]]:
    """Year and value of each week that was measured."""
    return [(int(row["date"][:4]), float(row["co2"])) for row in rows if row["co2"]]


@task
def yearly_means(weeks: list[tuple[int, float]], fewest_weeks: int) -> dict[int, float]:
    """The mean of each year with enough weeks."""
    years: dict[int, list[float]] = defaultdict(list)
    for year, value in weeks:
        years[year].append(value)
    return {year: round(fmean(values), 2) for year, values in years.items() if len(values) >= fewest_weeks}


@task
def growth(means: dict[int, float], first: int) -> float | None:
    """How much a year added on average in the decade that begins with `first`."""
    years = [year for year in means if first <= year <= first + 10]
    if len(years) < 2:
        return None
    return round((means[max(years)] - means[min(years)]) / (max(years) - min(years)), 2)


@flow
def trend(means: dict[int, float]) -> dict[int, float]:
    """The growth of each decade, worked out side by side."""
    decades = sorted({year // 10 * 10 for year in means})
    futures = {first: growth.submit(means, first) for first in decades}
    found = {first: future.result() for first, future in futures.items()}
    return {first: value for first, value in found.items() if value is not None}


@task
def publish(means: dict[int, float], decades: dict[int, float]) -> str:
    """Keeps the page as an artifact, and gives it."""
    lines = ["# CO2 at Mauna Loa", "", "| decade | ppm more each year |", "| --- | --- |"]
    lines += [f"| {first}s | {value:+.2f} |" for first, value in decades.items()]
    lines += ["", f"From {means[min(means)]} ppm in {min(means)} to {means[max(means)]} ppm in {max(means)}."]
    page = "\n".join(lines)
    create_markdown_artifact(key="co2-report", markdown=page, description="Yearly means and their trend")
    return page


@flow(log_prints=True)
def co2_report(path: Path = HERE / "co2.csv", fewest_weeks: int = 30) -> dict[int, float]:
    """Reads the measurements and reports how fast CO2 grows."""
    weeks = clean(extract(path))
    means = yearly_means(weeks, fewest_weeks)
    decades = trend(means)
    print(publish(means, decades))
    return decades


if __name__ == "__main__":
    co2_report()
