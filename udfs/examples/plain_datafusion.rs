//! The functions in a DataFusion session of one's own, without any server.

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

#[tokio::main]
async fn main() -> Result<()> {
    let mut session = SessionContext::new();
    mission_control_udfs::register_all(&mut session)?;
    let windows = "(VALUES ('58.0', 40, 1000.0), ('58.0', 35, 900.0), ('58.0.1', 12, 400.0), ('59.0b3', 0, 25.0)) \
                   AS windows(version, crashes, hours)";
    let query = format!(
        "SELECT version, khour_rate(crashes, hours) AS rate, rate_lower(sum(crashes), sum(hours)) AS lower, \
         rate_upper(sum(crashes), sum(hours)) AS upper FROM {windows} GROUP BY version ORDER BY version_sort_key(version)"
    );
    session.sql(&query).await?.show().await
}
