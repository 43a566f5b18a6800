//! What counts: experiments once, impossible values not at all, nothing twice.

use super::rows::{Row, answer, at, calendar, number, session};

fn experiments() -> Vec<Row> {
    let window = at("2018-06-01 10:00");
    let population = Row::new(window, "release", "60.0")
        .hours(4.0)
        .main(3)
        .events("content_crashes", 2);
    let mut control = population.clone();
    control.experiment = Some(("one", "control"));
    let mut treatment = population.clone();
    treatment.experiment = Some(("two", "treatment"));
    vec![population, control, treatment]
}

#[tokio::test]
async fn rows_unpacked_per_experiment_count_once() {
    let session = session(&experiments(), &calendar(vec![])).await;
    let population = "SELECT SUM(main_crashes), SUM(usage_hours), SUM(ping_count), COUNT(*) FROM usage_windows";
    assert_eq!(answer(&session, population).await, ["3 4 1 1"]);
    let branches = "SELECT experiment_id, experiment_branch, events, usage_hours, rate FROM experiment_timeseries \
                    WHERE measure = 'content_crashes' ORDER BY 1";
    assert_eq!(
        answer(&session, branches).await,
        ["one control 2 4 500", "two treatment 2 4 500"]
    );
    let dimensions =
        "SELECT SUM(events) FROM dimension_summary WHERE dimension = 'country' AND measure = 'main_crashes'";
    assert_eq!(answer(&session, dimensions).await, ["3"]);
}

#[tokio::test]
async fn impossible_values_are_absent_and_the_row_stays() {
    let window = at("2018-06-01 10:00");
    let row = |hours: f64, main: i64| Row::new(window, "release", "60.0").hours(hours).main(main);
    let mut no_hours = row(0.0, 1);
    no_hours.usage_hours = None;
    let rows = [
        row(2.0, 5),
        row(-3.0, 7),
        row(f64::NAN, 11),
        row(f64::INFINITY, 13),
        row(1.0, -17),
        no_hours,
    ];
    let session = session(&rows, &calendar(vec![])).await;
    let sql = "SELECT usage_hours, main_crashes, content_crashes, ping_count FROM usage_windows";
    assert_eq!(answer(&session, sql).await, ["3 37 0 6"]);
    let found = "SELECT check_name, measure, rows_affected FROM data_quality WHERE severity = 'error' ORDER BY 1";
    let expected = [
        "invalid_hours - 2",
        "negative_count main_crashes 1",
        "negative_hours - 1",
    ];
    assert_eq!(answer(&session, found).await, expected);
}

#[tokio::test]
async fn crashes_whose_hours_come_later_are_kept() {
    let rows = [
        Row::new(at("2018-06-01 10:00"), "release", "60.0").main(2),
        Row::new(at("2018-06-01 10:05"), "release", "60.0").hours(1000.0),
    ];
    let session = session(&rows, &calendar(vec![])).await;
    let sql = "SELECT events, usage_hours, rate, rate_lower, rate_upper, low_sample FROM measure_timeseries \
               WHERE measure = 'main_crashes' ORDER BY window_start";
    // 0 events in 1000 hours: the upper bound of the mean is 3.688879.
    assert_eq!(
        answer(&session, sql).await,
        ["2 0 - 0 inf true", "0 1000 0 0 3.688879 true"]
    );
    let rate = "SELECT 1000 * SUM(events) / SUM(usage_hours) FROM measure_timeseries WHERE measure = 'main_crashes'";
    assert_eq!(number(&session, rate).await, 2.0);
}

#[tokio::test]
async fn few_events_are_no_low_sample_below_the_negligible_rate() {
    let rows = [Row::new(at("2018-06-01 10:00"), "release", "60.0")
        .hours(100_000.0)
        .main(17)];
    let sql = "SELECT low_sample FROM measure_timeseries WHERE measure = 'main_crashes'";
    assert_eq!(answer(&session(&rows, &calendar(vec![])).await, sql).await, ["true"]);
    let mut vocabulary = calendar(vec![]);
    vocabulary
        .measures
        .entry("main_crashes".to_string())
        .or_default()
        .negligible_rate = Some(0.5);
    assert_eq!(answer(&session(&rows, &vocabulary).await, sql).await, ["false"]);
    let enough = [Row::new(at("2018-06-01 10:00"), "release", "60.0")
        .hours(1000.0)
        .main(18)];
    assert_eq!(answer(&session(&enough, &calendar(vec![])).await, sql).await, ["false"]);
}

#[tokio::test]
async fn hours_stand_once_per_measure_in_the_long_form() {
    let session = session(&experiments(), &calendar(vec![])).await;
    let sql = "SELECT COUNT(*), SUM(usage_hours), SUM(events) FROM measure_windows";
    assert_eq!(answer(&session, sql).await, ["7 28 5"]);
}

#[tokio::test]
async fn shares_of_an_hour_add_up_to_one() {
    let row = |version, hours| Row::new(at("2018-06-01 10:00"), "release", version).hours(hours);
    let rows = [
        row("59.0", 3.0),
        row("60.0", 1.0),
        Row::new(at("2018-06-01 11:00"), "release", "60.0"),
    ];
    let session = session(&rows, &calendar(vec![])).await;
    let sql = "SELECT version, usage_hours, usage_share FROM adoption ORDER BY hour_start, version";
    assert_eq!(answer(&session, sql).await, ["59.0 3 0.75", "60.0 1 0.25", "60.0 0 -"]);
}
