//! Functions of releases: what a version, a build id and an operating system name say, and how old a release is.

mod build_id;
mod version;

mod age_block_hours;
mod build_time;
mod is_prerelease;
mod mission_control_version;
mod platform_of;
mod release_age_hours;
mod version_group;
mod version_major;
mod version_minor;
mod version_sort_key;
mod version_stage;

pub use build_id::build_micros;
pub use platform_of::platform_of;
pub use version::{Stage, Version};

use crate::row_function::scalar_functions;
use crate::text_function::text_function;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    let mut functions = vec![
        text_function(version_major::VersionMajor),
        text_function(version_minor::VersionMinor),
        text_function(version_stage::VersionStage),
        text_function(version_sort_key::VersionSortKey),
        text_function(version_group::VersionGroup),
        text_function(is_prerelease::IsPrerelease),
        text_function(build_time::BuildTime),
        text_function(platform_of::PlatformOf),
        Arc::new(ScalarUDF::from(release_age_hours::ReleaseAgeHours::new())),
        Arc::new(ScalarUDF::from(mission_control_version::MissionControlVersion::new())),
    ];
    functions.extend(scalar_functions(age_block_hours::AgeBlockHours));
    functions
}
