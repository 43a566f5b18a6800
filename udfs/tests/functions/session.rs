//! A bare session with the functions and ways to ask it.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::error::Result;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::path::{Path, PathBuf};

pub fn session() -> SessionContext {
    session_with(SessionConfig::new())
}

pub fn session_with(config: SessionConfig) -> SessionContext {
    let mut session = SessionContext::new_with_config(config.with_information_schema(true));
    mission_control_udfs::register_all(&mut session).expect("the functions register");
    session
}

pub async fn query(session: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    session.sql(sql).await?.collect().await
}

/// The result as a printed table.
pub async fn table(session: &SessionContext, sql: &str) -> Result<String> {
    Ok(pretty_format_batches(&query(session, sql).await?)?.to_string())
}

/// A file or folder that lies beside the repository or one of its parents' siblings, such as `shared/golden`.
pub fn shared(name: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("MISSION_CONTROL_SHARED") {
        return Some(Path::new(&folder).join(name));
    }
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared").join(name));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        println!("skipped: no folder shared/{name} beside the repository");
    }
    found
}
