"""Are the newest majors worse than the ones before? Read with pandas, drawn with their bounds.

    mission-control serve --demo
    pip install pandas matplotlib sqlalchemy "psycopg[binary]"
    python compare_releases.py                      # writes compare_releases.png

MISSION_CONTROL_URL names another server than the one on this machine.
"""

import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas
import sqlalchemy

URL = os.environ.get("MISSION_CONTROL_URL", "postgresql+psycopg://analyst@127.0.0.1:7432/mission_control")
PLATFORMS = ["windows", "mac", "linux"]

QUERY = sqlalchemy.text("""
    SELECT platform, version, adjusted_events, adjusted_rate, adjusted_rate_lower, adjusted_rate_upper, low_sample
    FROM release_summary
    WHERE application = 'Firefox' AND channel = :channel AND measure = :measure AND grouping = 'major'
      AND adjusted_rate IS NOT NULL
    ORDER BY version_sort_key(version)
""")


def read(channel: str, measure: str) -> pandas.DataFrame:
    """The adjusted rates: every release over the same ages, so that the newest is not blamed for being new."""
    engine = sqlalchemy.create_engine(URL)
    with engine.connect() as connection:
        rates = pandas.read_sql(QUERY, connection, params={"channel": channel, "measure": measure})
    engine.dispose()
    return rates


def draw(rates: pandas.DataFrame, title: str) -> plt.Figure:
    figure, panels = plt.subplots(1, len(PLATFORMS), figsize=(11, 4), sharey=True, layout="constrained")
    for panel, platform in zip(panels, PLATFORMS, strict=True):
        releases = rates[rates["platform"] == platform]
        rate = releases["adjusted_rate"]
        bounds = [rate - releases["adjusted_rate_lower"], releases["adjusted_rate_upper"] - rate]
        panel.errorbar(releases["version"], rate, yerr=bounds, fmt="o", capsize=4, color="tab:blue")
        few = releases[releases["low_sample"]]
        panel.plot(few["version"], few["adjusted_rate"], "o", color="white", markersize=3)
        panel.set(title=platform, xlabel="major")
        panel.margins(x=0.2)
        panel.grid(axis="y", alpha=0.3)
    panels[0].set(ylabel="events per 1000 usage hours", ylim=(0, None))
    figure.suptitle(f"{title}, at equal age, with 95 % bounds")
    return figure


if __name__ == "__main__":
    found = read("release", "main_crashes")
    print(found.to_string(index=False))
    draw(found, "Firefox release: main crashes").savefig("compare_releases.png", dpi=110)
