//! The golden values through SQL, each file with the worst relative error over its rows.

use crate::session::{query, session, shared};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema};
use datafusion::prelude::{CsvReadOptions, SessionContext};

/// Registers a golden file as a table called `golden`; None where the folder is absent.
async fn golden(file: &str) -> Option<SessionContext> {
    let folder = shared("golden")?;
    let path = folder.join(file);
    let session = session();
    // Every column but the texts is a double, whatever the first rows look like.
    let text_columns = ["method"];
    let mut reader = csv::Reader::from_path(&path).expect("the golden file opens");
    let fields: Vec<_> = reader
        .headers()
        .expect("the golden file has a header")
        .iter()
        .map(|name| {
            let is_text = text_columns.contains(&name);
            let data_type = if is_text { DataType::Utf8 } else { DataType::Float64 };
            Field::new(name, data_type, true)
        })
        .collect();
    let schema = Schema::new(fields);
    let options = CsvReadOptions::new().schema(&schema);
    session
        .register_csv("golden", path.to_str().expect("a path of text"), options)
        .await
        .expect("the golden file reads");
    Some(session)
}

/// Relative error; the error itself where the expected value is 0; infinite where only one of both is a number.
fn relative_error(actual: Option<f64>, expected: Option<f64>) -> f64 {
    match (actual, expected) {
        (None, None) => 0.0,
        (Some(actual), Some(expected)) if actual == expected => 0.0,
        (Some(actual), Some(expected)) if actual.is_finite() && expected.is_finite() => {
            if expected == 0.0 {
                actual.abs()
            } else {
                ((actual - expected) / expected).abs()
            }
        }
        _ => f64::INFINITY,
    }
}

/// Runs `SELECT actual, expected, …` pairs over a golden file and prints the worst error.
async fn check(file: &str, sql: &str, tolerance: f64) {
    if let Some(session) = golden(file).await {
        compare(&session, file, sql, tolerance).await;
    }
}

async fn compare(session: &SessionContext, file: &str, sql: &str, tolerance: f64) {
    let (mut worst, mut compared) = (0.0f64, 0);
    for batch in query(session, sql)
        .await
        .unwrap_or_else(|error| panic!("{file}: {error}"))
    {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| column.as_primitive::<Float64Type>())
            .collect();
        for row in 0..batch.num_rows() {
            for pair in columns.chunks(2) {
                let value = |index: usize| pair[index].is_valid(row).then(|| pair[index].value(row));
                let error = relative_error(value(0), value(1));
                assert!(
                    error <= tolerance,
                    "{file} row {row}: {:?} instead of {:?}",
                    value(0),
                    value(1)
                );
                worst = worst.max(error);
                compared += 1;
            }
        }
    }
    assert!(compared > 0, "{file}: no row was compared");
    println!("{file}: {compared} values, worst relative error {worst:.1e}");
}

#[tokio::test]
async fn rate_ci() {
    for method in [
        "exact",
        "midp",
        "score",
        "byar",
        "jeffreys",
        "anscombe",
        "freeman_tukey",
        "wald",
    ] {
        let sql = format!(
            "SELECT rate_lower(count, hours, confidence, '{method}'), lower, rate_upper(count, hours, confidence, '{method}'), \
             upper, rate_ci(count, hours, confidence, '{method}')['rate'], rate_per_khour FROM golden WHERE method = '{method}'"
        );
        check("rate_ci.csv", &sql, 1e-10).await;
    }
}

#[tokio::test]
async fn rate_upper_zero() {
    check(
        "rate_upper_zero.csv",
        "SELECT rate_upper_bound(0, hours, confidence), upper_per_khour FROM golden",
        1e-10,
    )
    .await;
}

#[tokio::test]
async fn gamma_poisson_posterior() {
    let sql = "SELECT r['mean'], posterior_mean, r['lower'], lower, r['upper'], upper FROM \
               (SELECT *, rate_posterior(count, hours, prior_shape, prior_rate_khours, confidence) AS r FROM golden)";
    check("gamma_poisson_posterior.csv", sql, 1e-10).await;
}

#[tokio::test]
async fn quasi_intervals() {
    let sql = "SELECT e['lower'], qexact_lower, e['upper'], qexact_upper, s['lower'], qscore_lower, s['upper'], qscore_upper \
               FROM (SELECT *, rate_ci_quasi(count, hours, phi_used, 0.95, 'exact') AS e, \
                     rate_ci_quasi(count, hours, phi_used, 0.95, 'score') AS s FROM golden)";
    check("dispersion.csv", sql, 1e-10).await;
}

#[tokio::test]
async fn rate_cs() {
    let sql = "SELECT r['lower'], lower, r['upper'], upper FROM \
               (SELECT *, rate_cs(count, khours * 1000, 1 - alpha, prior_shape, prior_rate) AS r FROM golden)";
    check("rate_cs.csv", sql, 1e-10).await;
}

#[tokio::test]
async fn rate_ratio_ci() {
    for method in ["exact", "midp", "score", "wald_log"] {
        let arguments = format!("count1, hours1, count0, hours0, confidence, '{method}'");
        let sql = format!(
            "SELECT rate_ratio(count1, hours1, count0, hours0), ratio, rate_ratio_lower({arguments}), lower, \
             rate_ratio_upper({arguments}), upper FROM golden WHERE method = '{method}'"
        );
        check("rate_ratio_ci.csv", &sql, 1e-10).await;
    }
}

#[tokio::test]
async fn rate_ratio_test() {
    let sql = "SELECT rate_ratio_test(count1, hours1, count0, hours0, null_ratio, 'greater'), p_exact_greater, \
               rate_ratio_test(count1, hours1, count0, hours0, null_ratio, 'less'), p_exact_less, \
               rate_ratio_test(count1, hours1, count0, hours0, null_ratio), p_exact_two_sided_doubled, \
               rate_ratio_test(count1, hours1, count0, hours0, null_ratio, 'greater', 'midp'), p_midp_greater, \
               rate_ratio_test(count1, hours1, count0, hours0, null_ratio, 'two-sided', 'midp'), p_midp_two_sided, \
               rate_ratio_test(count1, hours1, count0, hours0, null_ratio, 'two-sided', 'score'), p_score_two_sided \
               FROM golden";
    check("rate_ratio_test.csv", sql, 1e-10).await;
}

#[tokio::test]
async fn rate_etest() {
    let sql =
        "SELECT rate_ratio_test(count1, hours1, count0, hours0, 1, 'two-sided', 'etest'), p_two_sided FROM golden";
    check("rate_etest.csv", sql, 1e-9).await;
}

#[tokio::test]
async fn rate_diff_mover() {
    let sql = "SELECT r['difference'], diff_per_khour, r['lower'], lower, r['upper'], upper FROM \
               (SELECT *, rate_diff_ci(count1, hours1, count0, hours0) AS r FROM golden)";
    check("rate_diff_mover.csv", sql, 1e-10).await;
}

#[tokio::test]
async fn min_events() {
    check(
        "min_events.csv",
        "SELECT CAST(min_events(rel_half_width) AS DOUBLE), events_exact FROM golden",
        0.0,
    )
    .await;
}

#[tokio::test]
async fn eb_shrinkage() {
    check(
        "eb_shrinkage.csv",
        "SELECT eb_rate(count, hours) OVER (), eb_rate FROM golden",
        1e-10,
    )
    .await;
}

#[tokio::test]
async fn p_adjust() {
    let sql = "SELECT bh_adjust(p) OVER w, bh, bh_adjust(p, 'by') OVER w, \"by\", bh_adjust(p, 'holm') OVER w, holm \
               FROM golden WINDOW w AS (PARTITION BY family)";
    check("p_adjust.csv", sql, 1e-10).await;
}

/// Joins the rows of a golden file to its results, both by `case_id`.
async fn check_aggregate(data_file: &str, file: &str, sql: &str, tolerance: f64) {
    let (Some(session), Some(folder)) = (golden(file).await, shared("golden")) else {
        return;
    };
    let path = folder.join(data_file);
    let options = CsvReadOptions::new();
    session
        .register_csv("data", path.to_str().expect("a path of text"), options)
        .await
        .expect("the data reads");
    compare(&session, file, sql, tolerance).await;
}

#[tokio::test]
async fn dispersion() {
    let sql = "SELECT phi, phi_pearson, size, nb_size_mom FROM (SELECT case_id, dispersion(count, hours) AS phi, \
               nb_size_mom(count, hours) AS size FROM data GROUP BY case_id) AS own JOIN golden USING (case_id)";
    check_aggregate("dispersion_data.csv", "dispersion.csv", sql, 1e-10).await;
}

#[tokio::test]
async fn standardized_rate() {
    let sql = "SELECT ff['rate'], std_rate_per_khour, ff['lower'], fay_feuer_lower, ff['upper'], fay_feuer_upper, \
               t['upper'], tiwari_upper FROM (SELECT case_id, standardized_rate(count, hours, ref_hours) AS ff, \
               standardized_rate(count, hours, ref_hours, 0.95, 'tiwari') AS t FROM data GROUP BY case_id) AS own \
               JOIN golden USING (case_id)";
    check_aggregate("standardized_data.csv", "standardized_rate.csv", sql, 1e-10).await;
}

/// Every formula of the verdict, from the hours of five releases to the counts at five ages.
#[tokio::test]
async fn verdict() {
    let file = "verdict_expected.csv";
    let (Some(folder), session) = (shared("golden"), session()) else {
        return;
    };
    let texts = [
        ("cell", DataType::Utf8),
        ("dropped_release", DataType::Utf8),
        ("verdict", DataType::Utf8),
    ];
    for (table, file) in [("golden", file), ("data", "verdict_input.csv")] {
        let path = folder.join(file);
        let mut reader = csv::Reader::from_path(&path).expect("the golden file opens");
        let fields: Vec<_> = reader
            .headers()
            .expect("the golden file has a header")
            .iter()
            .map(|name| {
                let text = texts.iter().find(|(text, _)| *text == name);
                Field::new(name, text.map_or(DataType::Float64, |(_, kind)| kind.clone()), true)
            })
            .collect();
        let schema = Schema::new(fields);
        let options = CsvReadOptions::new().schema(&schema);
        session
            .register_csv(table, path.to_str().expect("a path of text"), options)
            .await
            .expect("the golden file reads");
    }
    let sql = "WITH old AS (SELECT *, 1000 * usage_khours AS hours FROM data WHERE release > 0), \
         fits AS (SELECT cell, dispersion_aligned_fit(CAST(CAST(release AS BIGINT) AS TEXT), age_block_hours(age_hour, 12), count, hours) AS fit \
             FROM old GROUP BY cell), \
         sums AS (SELECT o.cell, o.age_hour, SUM(o.count) AS k0, SUM(o.hours) AS h0 FROM old AS o JOIN fits AS f ON f.cell = o.cell \
             WHERE CAST(CAST(o.release AS BIGINT) AS TEXT) IS DISTINCT FROM f.fit['dropped'] GROUP BY o.cell, o.age_hour), \
         looks AS (SELECT d.cell, d.age_hour + 1 AS age_hours, f.fit, \
             rate_ratio_log_e(d.count, 1000 * d.usage_khours, s.k0, s.h0, 1.1 * exp(1.645 * f.fit['tau']), f.fit['phi']) OVER w AS log_e, \
             rate_ratio_log_e(d.count, 1000 * d.usage_khours, s.k0, s.h0, 1 / 1.1 / exp(1.645 * f.fit['tau']), f.fit['phi'], 'less') OVER w AS less \
             FROM data AS d JOIN sums AS s ON s.cell = d.cell AND s.age_hour = d.age_hour JOIN fits AS f ON f.cell = d.cell WHERE d.release = 0 \
             WINDOW w AS (PARTITION BY d.cell ORDER BY d.age_hour ROWS UNBOUNDED PRECEDING)) \
         SELECT fit['phi'], phi, fit['df'], df_phi, fit['tau'], tau, CAST(fit['k'] AS DOUBLE), k_prev, \
             CAST(fit['dropped'] AS DOUBLE), CAST(dropped_release AS DOUBLE), l.log_e, g.log_e, less, log_e_improved, \
             predictive_lower(expected, pred_var, k_prev), lower, predictive_upper(expected, pred_var, k_prev), upper \
         FROM looks AS l JOIN golden AS g ON g.cell = l.cell AND g.age_hours = l.age_hours";
    compare(&session, file, sql, 1e-9).await;
}
