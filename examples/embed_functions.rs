//! The functions in a DataFusion context of one's own: nothing else of this repository is needed.
//!
//! `cargo run --example embed_functions`

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

#[tokio::main]
async fn main() -> Result<()> {
    let mut context = SessionContext::new();
    mission_control_udfs::register_all(&mut context)?;
    let query = "SELECT rate_per_khour(40, 2500.0) AS per_khour, rate_lower(40, 2500.0) AS lower_95,
                        rate_upper(40, 2500.0) AS upper_95";
    context.sql(query).await?.show().await
}
