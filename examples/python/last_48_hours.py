"""One measure over the last 48 hours of the data, at half an hour, with bounds: Polars over Arrow Flight SQL.

    mission-control serve --demo
    pip install polars pyarrow matplotlib adbc-driver-flightsql
    python last_48_hours.py                         # writes last_48_hours.png

MISSION_CONTROL_FLIGHT names another server than the one on this machine.
"""

import os

import matplotlib

matplotlib.use("Agg")
import adbc_driver_flightsql.dbapi
import matplotlib.dates as dates
import matplotlib.pyplot as plt
import polars

URI = os.environ.get("MISSION_CONTROL_FLIGHT", "grpc://127.0.0.1:7433")

# Rates are not averaged: events and hours are added up, and divided at the end.
QUERY = """
    SELECT date_bin(INTERVAL '30 minutes', t.window_start) AS half_hour, t.platform,
           sum(t.events) AS events, sum(t.usage_hours) AS usage_hours,
           rate_per_khour(sum(t.events), sum(t.usage_hours)) AS rate,
           rate_lower(sum(t.events), sum(t.usage_hours)) AS lower,
           rate_upper(sum(t.events), sum(t.usage_hours)) AS upper
    FROM measure_timeseries t
    JOIN horizons h ON h.application = t.application AND h.channel = t.channel
    WHERE t.application = 'Firefox' AND t.channel = $1 AND t.measure = $2
      AND t.window_start >= h.horizon - INTERVAL '48 hours'
    GROUP BY 1, 2
    ORDER BY 1, 2
"""


def read(channel: str, measure: str) -> polars.DataFrame:
    with adbc_driver_flightsql.dbapi.connect(URI) as connection:
        return polars.read_database(QUERY, connection, execute_options={"parameters": (channel, measure)})


def draw(samples: polars.DataFrame, title: str) -> plt.Figure:
    platforms = samples["platform"].unique().sort().to_list()
    figure, panels = plt.subplots(
        len(platforms), 1, figsize=(11, 2.3 * len(platforms)), sharex=True, squeeze=False, layout="constrained"
    )
    for panel, platform in zip(panels[:, 0], platforms, strict=True):
        one = samples.filter(polars.col("platform") == platform)
        panel.fill_between(one["half_hour"], one["lower"], one["upper"], color="tab:blue", alpha=0.25, linewidth=0)
        panel.plot(one["half_hour"], one["rate"], color="tab:blue", linewidth=1)
        panel.set(ylabel=platform, ylim=(0, one["upper"].quantile(0.98) * 1.1))
        panel.grid(alpha=0.3)
    panels[-1, 0].xaxis.set_major_formatter(dates.ConciseDateFormatter(dates.AutoDateLocator()))
    figure.suptitle(f"{title}: events per 1000 usage hours, with 95 % bounds")
    return figure


if __name__ == "__main__":
    found = read("release", "main_crashes")
    print(found.head())
    draw(found, "Firefox release, main crashes").savefig("last_48_hours.png", dpi=110)
