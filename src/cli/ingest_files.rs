//! `ingest` without `--pings`: files and standard input into the managed table, each as one batch that is counted once.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::ipc::reader::{FileReader, StreamReader};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ring::digest::{Context, SHA256};
use serde_json::Value;

use super::ingest::IngestArguments;
use super::{grouped, start_logging, text, unless_reader_left};
use crate::config::{self, Config};
use crate::error::{Error, ErrorKind, Result};
use crate::managed::{
    Acknowledged, BadRow, Fault, FieldRows, Ingest, IngestKey, ManagedTable, OnError, Origin, Purpose, UtcTimes,
};
use crate::server::QueryRuntime;
use crate::sources::ColumnKind;

const ROWS_AT_ONCE: usize = 8192;
const ARROW_FILE_MAGIC: &[u8] = b"ARROW1";
const PARQUET_MAGIC: &[u8] = b"PAR1";
const LONGEST_LINE_BYTES: u64 = 16 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Parquet,
    Csv,
    Ndjson,
    Arrow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BadRows {
    Refuse,
    Quarantine,
}

impl Format {
    fn of_file(name: &str) -> Option<Self> {
        let ending = Path::new(name).extension()?.to_str()?.to_lowercase();
        Some(match ending.as_str() {
            "parquet" => Self::Parquet,
            "csv" => Self::Csv,
            "ndjson" | "jsonl" | "json" => Self::Ndjson,
            "arrow" | "arrows" | "ipc" | "feather" => Self::Arrow,
            _ => return None,
        })
    }
}

pub fn run(arguments: &IngestArguments) -> Result<ExitCode> {
    let environment = std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
    let config = config::load(arguments.config.as_deref(), environment)?;
    start_logging(config.server.log_format, "error");
    if arguments.key.is_some() && arguments.inputs.len() > 1 {
        return Err(
            Error::configuration("--key names one batch, and there are several files")
                .with_hint("give one file at a time, or leave --key away: each file's content is its key"),
        );
    }
    let runtime = QueryRuntime::new()?;
    runtime.handle().block_on(ingest_all(arguments, &config))?;
    Ok(ExitCode::SUCCESS)
}

async fn ingest_all(arguments: &IngestArguments, config: &Config) -> Result<()> {
    let settings = config.managed_settings().ok_or_else(|| {
        Error::configuration("there is no managed table to ingest into")
            .with_hint("give --config FILE with a location in [managed]")
    })?;
    let managed = ManagedTable::open(settings, Purpose::Append, Arc::default()).await?;
    for input in &arguments.inputs {
        let name = input.display().to_string();
        let done = ingest_one(&managed, arguments, &name).await.map_err(|mut error| {
            error.message = format!("{name}: {}", error.message);
            error
        })?;
        unless_reader_left(io::stdout().write_all(told(&name, &done).as_bytes()))?;
    }
    Ok(())
}

fn told(name: &str, done: &Acknowledged) -> String {
    if done.repeated {
        return format!("{name}: is in the table already, nothing was added\n");
    }
    match done.quarantined {
        0 => format!("{name}: {} rows\n", grouped(done.rows)),
        bad => format!(
            "{name}: {} rows, and {} in quarantine (SELECT * FROM mission_control.quarantine)\n",
            grouped(done.rows),
            grouped(bad)
        ),
    }
}

async fn ingest_one(managed: &Arc<ManagedTable>, arguments: &IngestArguments, name: &str) -> Result<Acknowledged> {
    let format = match (arguments.format.or_else(|| Format::of_file(name)), name) {
        (Some(format), _) => format,
        (None, "-") => Format::Csv,
        (None, _) => {
            return Err(Error::configuration("the name does not say what the file is")
                .with_hint("give --format parquet, csv, ndjson or arrow"));
        }
    };
    let input = Input::open(name)?;
    let key = match &arguments.key {
        Some(key) => IngestKey::named(key.clone())?,
        None => IngestKey::named(format!("sha256:{}", input.hash()?))?,
    };
    if managed.has(&key) {
        return Ok(Acknowledged::repeated(managed.version()));
    }
    let mut ingest = managed.ingest(Origin::File(name.to_string()), key)?;
    match arguments.on_error {
        Some(BadRows::Refuse) => ingest.set_on_error(OnError::Refuse),
        Some(BadRows::Quarantine) => ingest.set_on_error(OnError::Quarantine),
        None => {}
    }
    let progress = Progress::new(input.bytes);
    let read = match format {
        Format::Parquet => read_parquet(&input, &mut ingest, &progress).await,
        Format::Arrow => read_arrow(&input, &mut ingest, &progress).await,
        Format::Csv => read_csv(&input, &mut ingest, &progress).await,
        Format::Ndjson => read_ndjson(&input, &mut ingest, &progress).await,
    };
    let done = match read {
        Ok(()) => ingest.finish().await,
        Err(error) => Err(error),
    };
    progress.finish();
    done
}

/// A file; standard input becomes one first, so that its content can be named before it is taken.
struct Input {
    file: File,
    bytes: u64,
}

impl Input {
    fn open(name: &str) -> Result<Self> {
        let unreadable = |error: io::Error| {
            Error::configuration(format!("cannot be read: {}", error.kind()))
                .with_hint("check the path, and that this user may read it")
        };
        let file = if name == "-" {
            let mut spooled = unnamed_file()?;
            io::copy(&mut io::stdin().lock(), &mut spooled).map_err(unreadable)?;
            spooled
        } else {
            File::open(name).map_err(unreadable)?
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(Error::configuration("is a folder").with_hint("name the files in it"));
        }
        Ok(Self {
            bytes: metadata.len(),
            file,
        })
    }

    /// The file from its beginning.
    fn reader(&self) -> Result<File> {
        use std::io::Seek;
        let mut file = self.file.try_clone().map_err(|error| broken(&error))?;
        file.rewind().map_err(|error| broken(&error))?;
        Ok(file)
    }

    fn hash(&self) -> Result<String> {
        let mut reader = self.reader()?;
        let mut context = Context::new(&SHA256);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match reader.read(&mut buffer).map_err(|error| broken(&error))? {
                0 => break,
                read => context.update(&buffer[..read]),
            }
        }
        Ok(context
            .finish()
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }
}

/// A file in the system's temporary folder that is gone when the process is.
fn unnamed_file() -> Result<File> {
    let path = std::env::temp_dir().join(format!("mission-control-{}", crate::delta::random_name()));
    let made = File::options().read(true).write(true).create_new(true).open(&path);
    let file = made.map_err(|error| broken(&error))?;
    std::fs::remove_file(&path).map_err(|error| broken(&error))?;
    Ok(file)
}

fn broken(error: &io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("reading stopped: {}", error.kind()))
}

fn unreadable(format: &str, error: &dyn std::fmt::Display) -> Error {
    let reason = error.to_string();
    Error::configuration(format!("is not readable as {format}"))
        .with_detail(reason.lines().next().unwrap_or_default())
        .with_hint("--format says what it is, where its name does not")
}

async fn read_parquet(input: &Input, ingest: &mut Ingest, progress: &Progress) -> Result<()> {
    let mut magic = [0; PARQUET_MAGIC.len()];
    let starts_well = input.reader()?.read_exact(&mut magic).is_ok() && magic == PARQUET_MAGIC;
    if !starts_well {
        return Err(unreadable("parquet", &"its first bytes are others"));
    }
    let opened = ParquetRecordBatchReaderBuilder::try_new(input.reader()?).and_then(|builder| {
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok((rows, builder.with_batch_size(ROWS_AT_ONCE * 8).build()?))
    });
    let (rows, batches) = opened.map_err(|error| unreadable("parquet", &error))?;
    let mut read = 0;
    for batch in batches {
        let batch = batch.map_err(|error| unreadable("parquet", &error))?;
        ingest.push(&batch).await?;
        read += batch.num_rows() as u64;
        progress.share(read, rows);
    }
    Ok(())
}

async fn read_arrow(input: &Input, ingest: &mut Ingest, progress: &Progress) -> Result<()> {
    let mut magic = [0; ARROW_FILE_MAGIC.len()];
    let is_file = input.reader()?.read_exact(&mut magic).is_ok() && magic == ARROW_FILE_MAGIC;
    let source = progress.watch(input.reader()?);
    let opened: Result<Box<dyn RecordBatchReader + Send>, _> = if is_file {
        FileReader::try_new(BufReader::new(input.reader()?), None).map(|reader| Box::new(reader) as _)
    } else {
        StreamReader::try_new(BufReader::new(source), None).map(|reader| Box::new(reader) as _)
    };
    for batch in opened.map_err(|error| unreadable("arrow", &error))? {
        let batch: RecordBatch = batch.map_err(|error| unreadable("arrow", &error))?;
        ingest.push(&batch).await?;
    }
    Ok(())
}

/// Rows of text fields on their way, whatever the text was.
struct Fields<'a> {
    columns: Vec<(String, ColumnKind)>,
    rows: FieldRows,
    ingest: &'a mut Ingest,
}

impl<'a> Fields<'a> {
    fn new(names: &[String], ingest: &'a mut Ingest) -> Result<Self> {
        let managed = Arc::clone(ingest.table());
        managed.check_columns(names.iter().map(String::as_str))?;
        let columns: Vec<(String, ColumnKind)> = names
            .iter()
            .filter_map(|name| Some((name.clone(), managed.column_kind(name)?)))
            .collect();
        Ok(Self {
            rows: FieldRows::new(&columns),
            columns,
            ingest,
        })
    }

    async fn push<'b>(&mut self, line: u64, fields: impl Iterator<Item = Option<&'b [u8]>>, shown: &str) -> Result<()> {
        if let Err(fault) = self.rows.push(line, fields, &UtcTimes) {
            self.refuse(line, fault, shown)?;
        }
        if self.rows.len() >= ROWS_AT_ONCE {
            self.hand_over().await?;
        }
        Ok(())
    }

    fn refuse(&mut self, line: u64, fault: Fault, shown: &str) -> Result<()> {
        self.ingest.refuse(BadRow {
            line,
            fault,
            row: shown.to_string(),
        })
    }

    async fn hand_over(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let (batch, lines) = self.rows.take()?;
        self.ingest.push_lines(&batch, &lines).await
    }
}

/// CSV with a header; an empty field is NULL.
async fn read_csv(input: &Input, ingest: &mut Ingest, progress: &Progress) -> Result<()> {
    let source = progress.watch(input.reader()?);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(BufReader::new(source));
    let header = reader.byte_headers().map_err(|error| unreadable("csv", &error))?;
    let names: Vec<String> = header
        .iter()
        .map(|name| {
            String::from_utf8_lossy(name)
                .trim_start_matches('\u{feff}')
                .trim()
                .to_string()
        })
        .collect();
    let mut fields = Fields::new(&names, ingest)?;
    let mut record = csv::ByteRecord::new();
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| unreadable("csv", &error))?
    {
        let line = record.position().map_or(0, csv::Position::line);
        let shown = || record.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",");
        if record.len() != fields.columns.len() {
            let fault = wrong_number_of_fields(record.len(), &fields.columns);
            fields.refuse(line, fault, &shown())?;
            continue;
        }
        let values = record.iter().map(|field| (!field.is_empty()).then_some(field));
        let text = shown();
        fields.push(line, values, &text).await?;
    }
    fields.hand_over().await
}

fn wrong_number_of_fields(given: usize, columns: &[(String, ColumnKind)]) -> Fault {
    let missing = columns.get(given).map(|(name, _)| name.clone());
    Fault {
        reason: match &missing {
            Some(name) => format!("missing data for column \"{name}\""),
            None => "extra data after last expected column".to_string(),
        },
        column: missing,
        kind: ErrorKind::BadCopyFileFormat,
    }
}

/// One JSON object a line; every key that an object has is a column.
async fn read_ndjson(input: &Input, ingest: &mut Ingest, progress: &Progress) -> Result<()> {
    let names = all_keys(input)?;
    let mut fields = Fields::new(&names, ingest)?;
    let mut reader = BufReader::new(progress.watch(input.reader()?));
    let mut text = String::new();
    let mut line = 0;
    loop {
        text.clear();
        let read = (&mut reader).take(LONGEST_LINE_BYTES).read_line(&mut text);
        if read.map_err(|error| broken(&error))? == 0 {
            return fields.hand_over().await;
        }
        line += 1;
        let shown = text.trim();
        if shown.is_empty() {
            continue;
        }
        match serde_json::from_str::<Value>(shown) {
            Ok(Value::Object(object)) => {
                let values: Vec<Option<String>> = names.iter().map(|name| json_text(object.get(name))).collect();
                let values = values.iter().map(|value| value.as_deref().map(str::as_bytes));
                fields.push(line, values, shown).await?;
            }
            _ => {
                let fault = Fault {
                    column: None,
                    kind: ErrorKind::InvalidTextRepresentation,
                    reason: "it is not a JSON object".to_string(),
                };
                fields.refuse(line, fault, shown)?;
            }
        }
    }
}

/// Every key of the objects, each once, in the order in which they come.
fn all_keys(input: &Input) -> Result<Vec<String>> {
    let mut names: Vec<String> = vec![];
    let mut reader = BufReader::new(input.reader()?);
    let mut text = String::new();
    loop {
        text.clear();
        let read = (&mut reader).take(LONGEST_LINE_BYTES).read_line(&mut text);
        if read.map_err(|error| broken(&error))? == 0 {
            return Ok(names);
        }
        if let Ok(Value::Object(object)) = serde_json::from_str(text.trim()) {
            for key in object.keys() {
                if !names.contains(key) {
                    names.push(key.clone());
                }
            }
        }
    }
}

fn json_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A bar on a terminal; elsewhere a line now and then would only fill logs.
struct Progress {
    bar: ProgressBar,
    bytes: u64,
}

impl Progress {
    fn new(bytes: u64) -> Self {
        let bar = if io::stderr().is_terminal() {
            ProgressBar::new(bytes)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("ingesting {bar:40} {bytes}/{total_bytes}, {eta} left") {
            bar.set_style(style);
        }
        Self { bar, bytes }
    }

    fn watch(&self, file: File) -> impl Read + Send + 'static {
        self.bar.wrap_read(file)
    }

    /// So many rows of so many.
    fn share(&self, done: u64, of: u64) {
        let share = done as f64 / of.max(1) as f64;
        self.bar.set_position((self.bytes as f64 * share) as u64);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
