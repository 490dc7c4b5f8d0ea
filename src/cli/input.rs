//! Reading documents: never more than their limit, and whatever they hold.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bitcoin::Psbt;
use clap::Args;
use zeroize::Zeroizing;

use super::Failure;
use super::render::shown;
use crate::ceremony::{MAX_FILE, MAX_ROUND, PsbtFile};
use crate::compile::{Compiled, compile};
use crate::policy::{
    Checked, Document, Imports, LIMITS, NoImports, Parameter, Rule, Script, hidden, secrets,
};
use crate::simulate::Scenario;

/// Most bytes of a policy, which is also the limit of the language.
const POLICY_LIMIT: u64 = 1 << 20;

/// Most bytes of an incident.
const INCIDENT_LIMIT: u64 = 4 << 20;

/// Longest time a script may run, which only a very slow or busy machine takes: the limits of
/// scripts stop them in a fraction of it.
const SCRIPT_TIME: Duration = Duration::from_secs(10);

/// A policy on the command line, with values for its parameters.
#[derive(Clone, Debug, Args)]
pub(super) struct PolicyArgs {
    /// The policy file: TOML, or a script that ends in `.rhai`; - for the standard input
    policy: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

impl PolicyArgs {
    /// Where the policy is.
    pub(super) fn path(&self) -> &Path {
        &self.policy
    }
}

/// Values for the parameters of a policy script.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Settings {
    /// Give a parameter of a policy script another value than its default
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

impl Settings {
    /// With these values, each a name and a text.
    pub(super) fn of(set: &[(String, String)]) -> Self {
        Self { set: set.to_vec() }
    }
}

/// A policy that was read, be it TOML or a script.
pub(super) struct PolicyFile {
    /// The name of the file as it may be shown.
    pub file: String,
    pub document: Document,
    /// The policy as TOML: what was read, or what the script built, in its canonical form.
    pub text: String,
    /// The parameters of a script, none for TOML.
    pub parameters: Vec<Parameter>,
}

/// Most bytes of a file of attestations, which is also what is read of one.
const ATTESTATIONS_LIMIT: u64 = 1 << 24;

/// Most bytes of a file with what keys sign.
const STATEMENT_LIMIT: u64 = 1 << 12;

/// Most bytes of a file with a token.
const SECRET_LIMIT: u64 = 1 << 10;

/// Most bytes of a backup of a vault.
const BACKUP_LIMIT: u64 = 1 << 30;

/// Most bytes of a file with an account key.
const ACCOUNT_LIMIT: u64 = 1 << 12;

/// Most bytes of a file of events that are appended together.
const EVENTS_LIMIT: u64 = 1 << 26;

/// How many lines of events are verified at a time.
pub(super) const LINES_AT_ONCE: usize = 4_096;

/// Most bytes of a file of another program.
const FOREIGN_LIMIT: u64 = 1 << 20;

/// A text with the name of its file, ready to be shown.
pub(super) struct Text {
    pub file: String,
    pub text: String,
}

/// A policy without errors, and what it compiles to.
pub(super) struct CompiledFile {
    pub checked: Checked,
    pub compiled: Compiled,
}

/// The name of a file as it may be shown.
pub(super) fn file_name(path: &Path) -> String {
    shown(&path.to_string_lossy())
}

/// The text of a file that could be an incident.
pub(super) fn incident_text(path: &Path) -> Result<Text, Failure> {
    read(path, INCIDENT_LIMIT)
}

/// Reads the policy of a command, of either kind.
pub(super) fn policy(args: &PolicyArgs) -> Result<PolicyFile, Failure> {
    policy_file(&args.policy, &args.settings)
}

/// Reads a policy of either kind.
pub(super) fn policy_file(path: &Path, settings: &Settings) -> Result<PolicyFile, Failure> {
    if is_script(path) {
        let text = read(path, LIMITS.script_bytes as u64)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        return Ok(scripted(&text, Arc::new(Folder { folder }), settings));
    }
    let text = read(path, POLICY_LIMIT)?;
    if path == Path::new("-") && reads_like_a_script(&text.text) {
        return Ok(scripted(&text, Arc::new(NoImports), settings));
    }
    if let Some((name, _)) = settings.set.first() {
        return Err(Failure::NoParameters {
            file: text.file,
            name: shown(name),
        });
    }
    Ok(PolicyFile {
        document: Document::parse(&text.text),
        text: text.text,
        file: text.file,
        parameters: Vec::new(),
    })
}

/// Reads a rule.
pub(super) fn rule(path: &Path) -> Result<Rule, Failure> {
    Ok(Rule::new(&rule_text(path)?.text))
}

/// Reads a backup of a vault.
pub(super) fn backup(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |source| Failure::Read {
        file: file_name(path),
        source,
    };
    let bytes = bytes(path, BACKUP_LIMIT).map_err(failed)?;
    match bytes.len() as u64 > BACKUP_LIMIT {
        true => Err(Failure::TooLarge {
            file: file_name(path),
            limit: BACKUP_LIMIT,
        }),
        false => Ok(bytes),
    }
}

/// Reads a file that says where a chain is.
pub(super) fn backend(path: &Path) -> Result<Text, Failure> {
    read(path, ACCOUNT_LIMIT)
}

/// Reads a file with an account key.
pub(super) fn account(path: &Path) -> Result<Text, Failure> {
    read(path, ACCOUNT_LIMIT)
}

/// Whether a policy without a name is a script: its first line that is neither empty nor a comment
/// of TOML begins neither a table nor a field.
fn reads_like_a_script(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.\"'".contains(c);
        let is_field = line.split_once('=').is_some_and(|(name, value)| {
            let name = name.trim_end();
            !value.starts_with('=') && name.chars().all(is_name)
        });
        !is_field && !line.starts_with('[')
    })
}

/// Whether a file is a script by its name.
pub(super) fn is_script(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "rhai")
}

fn scripted(text: &Text, imports: Arc<dyn Imports>, settings: &Settings) -> PolicyFile {
    let mut script = Script::new(&text.text)
        .with_imports(imports)
        .give_up_when(out_of_time());
    for (name, value) in &settings.set {
        script = script.set(name, value);
    }
    let run = script.run();
    PolicyFile {
        file: text.file.clone(),
        text: run.document.canonical(),
        document: run.document,
        parameters: run.parameters,
    }
}

/// A clock for one script.
pub(super) fn out_of_time() -> Arc<dyn Fn() -> bool + Send + Sync> {
    let start = Instant::now();
    Arc::new(move || start.elapsed() > SCRIPT_TIME)
}

/// `NAME=VALUE` on the command line.
pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "write it like `seats=7`".to_owned())
}

/// The folder of a script, from which it can import.
struct Folder {
    folder: PathBuf,
}

impl PolicyFile {
    /// A policy that is built into the program.
    pub(super) fn built_in(file: &str, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            document: Document::parse(text),
            text: text.to_owned(),
            parameters: Vec::new(),
        }
    }
}

impl Imports for Folder {
    fn text(&self, path: &str) -> Result<String, String> {
        let folder = if self.folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &self.folder
        };
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => "it cannot be read".to_owned(),
        };
        let inside = folder.canonicalize().map_err(unreadable)?;
        let file = inside.join(path).canonicalize().map_err(unreadable)?;
        if !file.starts_with(&inside) {
            return Err("it is a link out of the folder".to_owned());
        }
        if !file.is_file() {
            return Err("it is no file".to_owned());
        }
        let bytes = bytes(&file, LIMITS.script_bytes as u64).map_err(unreadable)?;
        String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())
    }
}

/// The text of an incident, and the incident.
pub(super) fn incident(path: &Path) -> Result<(Text, Scenario), Failure> {
    let text = incident_text(path)?;
    let line = |at: usize| {
        let before = text.text.bytes().take(at);
        1 + before.filter(|byte| *byte == b'\n').count()
    };
    // Names and notes of an incident are shown as they stand.
    if let Some(secret) = secrets(&text.text).first() {
        let line = line(secret.start);
        let file = text.file;
        return Err(Failure::Secret { file, line });
    }
    if let Some((at, c)) = hidden(&text.text).next() {
        return Err(Failure::Hidden {
            line: line(at),
            number: u32::from(c),
            file: text.file,
        });
    }
    match Scenario::parse(&text.text) {
        Ok(scenario) => Ok((text, scenario)),
        Err(source) => Err(Failure::Incident {
            file: text.file,
            source,
        }),
    }
}

/// Checks a policy, which must have no errors, and compiles it.
pub(super) fn compiled(policy: &PolicyFile) -> Result<CompiledFile, Failure> {
    match judged(policy)? {
        (checked, Some(compiled)) => Ok(CompiledFile { checked, compiled }),
        (checked, None) => Err(Failure::Policy {
            file: policy.file.clone(),
            checked: Box::new(checked),
        }),
    }
}

/// Checks a policy, and compiles it if it has no errors.  What the compiler refuses it for is among
/// the errors then.
pub(super) fn judged(policy: &PolicyFile) -> Result<(Checked, Option<Compiled>), Failure> {
    let mut checked = policy.document.check();
    let Some(sound) = checked.policy.take() else {
        return Ok((checked, None));
    };
    let source = match compile(Arc::new(sound)) {
        Ok(compiled) => return Ok((checked, Some(compiled))),
        Err(source) => source,
    };
    let Some(refusal) = source.refusal() else {
        let file = policy.file.clone();
        return Err(Failure::Compile { file, source });
    };
    checked.refuse(&refusal);
    Ok((checked, None))
}

/// Checks a policy, which must have no errors.
pub(super) fn sound(policy: &PolicyFile) -> Result<Checked, Failure> {
    let checked = policy.document.check();
    if checked.policy.is_some() {
        return Ok(checked);
    }
    Err(Failure::Policy {
        file: policy.file.clone(),
        checked: Box::new(checked),
    })
}

/// The text of a file of attestations.
pub(super) fn attestations(path: &Path) -> Result<Text, Failure> {
    read(path, ATTESTATIONS_LIMIT)
}

/// The text of a statement, which stands alone in its file.
pub(super) fn statement(path: &Path) -> Result<Text, Failure> {
    read(path, STATEMENT_LIMIT)
}

/// A PSBT, in any form.
pub(super) fn psbt(path: &Path) -> Result<Psbt, Failure> {
    let file = PsbtFile::read(&psbt_bytes(path)?);
    let file = file.map_err(|source| Failure::Fault {
        file: file_name(path),
        source,
    })?;
    Ok(file.psbt)
}

/// The bytes of a file that could be a PSBT in any form, or of the standard input.
pub(super) fn psbt_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let limit = 2 * MAX_FILE as u64;
    bytes_or_input(path, limit)
}

/// The bytes of a file that could be an arming round, or a PSBT.
pub(super) fn round_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    bytes(path, MAX_ROUND as u64).map_err(|source| Failure::Read {
        file: file_name(path),
        source,
    })
}

/// The text of a file with events, or of the standard input.
pub(super) fn events(path: &Path) -> Result<Text, Failure> {
    read(path, EVENTS_LIMIT)
}

/// The text of a small file that another program may have made.
pub(super) fn foreign_file(path: &Path) -> Result<Text, Failure> {
    read(path, FOREIGN_LIMIT)
}

/// The text of a rule.
pub(super) fn rule_text(path: &Path) -> Result<Text, Failure> {
    read(path, LIMITS.script_bytes as u64)
}

/// The bytes of a file, which has at most so many.
pub(super) fn some_bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let bytes = bytes(path, limit)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::other("it is too large")),
        false => Ok(bytes),
    }
}

/// The bytes of a file, and no more of them than so many.
pub(super) fn at_most(path: &Path, count: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(count).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a policy in TOML.
pub(super) fn policy_text(path: &Path) -> Result<Text, Failure> {
    read(path, POLICY_LIMIT)
}

/// The text of a policy from the standard input.
pub(super) fn standard_input() -> Result<Text, Failure> {
    read(Path::new("-"), POLICY_LIMIT)
}

/// The text of a file that holds a secret of one line, or of the standard input.
pub(super) fn secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = read(path, SECRET_LIMIT);
    text.map(|text| Zeroizing::new(text.text))
}

/// The bytes of a file that only its owner may read.
///
/// They are erased when they are dropped.  It may be a pipe, such as that of a password manager.
pub(super) fn private(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unreadable = |source| Failure::Read {
        file: file_name(path),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    // What was opened is asked, and not its name, which could lead elsewhere by now.
    let mode = others_may(&file).map_err(unreadable)?;
    if let Some(mode) = mode {
        return Err(Failure::TooOpen {
            file: file_name(path),
            mode,
        });
    }
    // Of one size from the start, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    let read = file.take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(unreadable)?;
    if bytes.len() > limit {
        return Err(Failure::TooLarge {
            file: file_name(path),
            limit: limit as u64,
        });
    }
    Ok(bytes)
}

/// The mode of a file, if anybody but its owner may do something with it.
#[cfg(unix)]
fn others_may(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Other systems have no such modes.
#[cfg(not(unix))]
fn others_may(_: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

/// The text of a descriptor, of a file that another program made, or of the standard input.
pub(super) fn foreign(from: &str) -> Result<Text, Failure> {
    let path = Path::new(from);
    // Nobody names a file like a descriptor, and a descriptor is no file that could be missing.
    if from.contains('(') && !path.exists() {
        return Ok(Text {
            file: "the descriptor".to_owned(),
            text: from.to_owned(),
        });
    }
    read(path, FOREIGN_LIMIT)
}

/// The text of a file, or of the standard input where the path is `-`.
fn read(path: &Path, limit: u64) -> Result<Text, Failure> {
    let bytes = bytes_or_input(path, limit)?;
    let file = file_name(path);
    if bytes.len() as u64 > limit {
        return Err(Failure::TooLarge { file, limit });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Text { file, text }),
        Err(error) => Err(Failure::NotText {
            file,
            at: error.utf8_error().valid_up_to(),
        }),
    }
}

/// The bytes of a file, or of the standard input where the path is `-`.
///
/// There is one standard input, which can be one of the things that a command reads.
fn bytes_or_input(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let read = match path == Path::new("-") {
        true if TAKEN.swap(true, Ordering::Relaxed) => return Err(Failure::OneInput),
        true => bytes_of(io::stdin().lock(), limit),
        false => bytes(path, limit),
    };
    read.map_err(|source| Failure::Read {
        file: file_name(path),
        source,
    })
}

fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    bytes_of(File::open(path)?, limit)
}

/// At most one byte more than the limit, so that endless files end.
fn bytes_of(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
