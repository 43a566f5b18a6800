//! The demo in the cache folder: made once, found again by its marker.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DemoError, DemoProgress, DemoSpec, DemoTotals, GENERATOR_VERSION, generate};

/// Written when everything else is: what a folder of demo data holds. Hidden, so that no reader takes it for data.
const MARKER: &str = ".complete.json";

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    generator_version: u32,
    days: u32,
    rows_per_day: u64,
    seed: u64,
    rows: u64,
}

/// `MISSION_CONTROL_CACHE`, or the folder `mission-control` in the user's cache folder, or in the temporary one.
pub fn default_cache_folder() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = folder("MISSION_CONTROL_CACHE") {
        return own;
    }
    let users = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    users.unwrap_or_else(env::temp_dir).join("mission-control")
}

/// The folder with this demo, which is generated only if the cache does not have it yet. Of several processes that
/// ask at once one generates, the others wait for it.
pub fn ensure_cached(
    cache_folder: &Path,
    spec: &DemoSpec,
    progress: &mut dyn FnMut(DemoProgress),
) -> Result<PathBuf, DemoError> {
    spec.check()?;
    let DemoSpec {
        days,
        rows_per_day,
        seed,
    } = spec;
    let name = format!("demo-{GENERATOR_VERSION}-{days}-{rows_per_day}-{seed}");
    let folder = cache_folder.join(&name);
    if complete_demo(spec, &folder).is_some() {
        return Ok(folder);
    }
    fs::create_dir_all(cache_folder)?;
    let lock = File::create(cache_folder.join(format!(".{name}.lock")))?;
    lock.lock()?;
    if complete_demo(spec, &folder).is_some() {
        return Ok(folder);
    }
    let unfinished = cache_folder.join(format!(".{name}.partial"));
    remove_if_present(&unfinished)?;
    generate(spec, &unfinished, progress)?;
    remove_if_present(&folder)?;
    fs::rename(&unfinished, &folder)?;
    Ok(folder)
}

/// The totals of the folder if it holds this demo, complete and made by this version of the generator.
pub(super) fn complete_demo(spec: &DemoSpec, folder: &Path) -> Option<DemoTotals> {
    let marker: Marker = serde_json::from_slice(&fs::read(folder.join(MARKER)).ok()?).ok()?;
    let totals = DemoTotals {
        days: marker.days,
        rows: marker.rows,
    };
    (marker == marker_of(spec, totals)).then_some(totals)
}

pub(super) fn mark_complete(spec: &DemoSpec, totals: DemoTotals, folder: &Path) -> Result<(), DemoError> {
    let temporary = folder.join(format!("{MARKER}.partial"));
    let marker = serde_json::to_vec(&marker_of(spec, totals)).map_err(std::io::Error::from)?;
    fs::write(&temporary, marker)?;
    fs::rename(&temporary, folder.join(MARKER))?;
    Ok(())
}

fn marker_of(spec: &DemoSpec, totals: DemoTotals) -> Marker {
    let DemoSpec {
        days,
        rows_per_day,
        seed,
    } = *spec;
    Marker {
        generator_version: GENERATOR_VERSION,
        days,
        rows_per_day,
        seed,
        rows: totals.rows,
    }
}

fn remove_if_present(folder: &Path) -> Result<(), DemoError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
