//! The outermost object of each JSON output: what `view` puts around the types of the other rooms. This file is read by
//! the generator of the schemas and never compiled; that it is true, the validation of all outputs in the tests shows.
//! Each object also has `type` and `format`. At the end stand the files, each with the type in the source that is written.

/// What would be done, or will be: `plan`, `show`, `apply`, `rollback`, `restore`.
#[output = "plan"]
struct PlanOutput {
    cluster: ClusterName,
    /// Whether there is anything to do.
    changes: bool,
    /// How many members are created, started or changed.
    members_changed: usize,
    /// Of the whole plan; a run refers to it.
    sha256: Sha256,
    plan: Plan,
}

/// The cluster as it is right now: `status`.
#[output = "status"]
struct StatusOutput {
    well: bool,
    status: Status,
}

/// What is not as it is declared, or not well: `drift`.
#[output = "drift"]
struct DriftOutput {
    /// How many findings there are.
    count: usize,
    drift: Drift,
}

/// What a webhook gets when something changed: `drift -every`.
#[output = "drift-change"]
struct DriftChange {
    cluster: String,
    /// RFC 3339.
    at: String,
    /// One line for people.
    text: String,
    sight: SightWord,
    /// Why nobody could look.
    why: Option<String>,
    appeared: Vec<Finding>,
    gone: Vec<Finding>,
    /// How many findings there are now; null where the look failed.
    count: Option<usize>,
}

#[serde(rename_all = "kebab-case")]
enum SightWord {
    AsBefore,
    Lost,
    Back,
}

/// The first spec of a cluster: `import`.
#[output = "import"]
struct ImportOutput {
    file: String,
    cluster: String,
    version: Version,
    members: Vec<String>,
    /// What a plan says other than that there is nothing to do.
    problems: Vec<String>,
}

/// Ways back of which none was asked for: `rollback`, `plan -rollback`.
#[output = "rollback-choices"]
struct RollbackChoices {
    cluster: ClusterName,
    from: Version,
    to: Version,
    cluster_version: Minor,
    points: Option<PointsChoice>,
    /// Why there are no points to put back, a sentence each.
    points_missing: Vec<String>,
    restore: Option<RestoreChoice>,
    /// How etcd itself goes down, where it can.
    downgrade: Option<String>,
    /// What to declare, so that `apply` takes etcd's own way down.
    declare: Option<Version>,
}

struct PointsChoice {
    set: PointSet,
    /// How many entries of the raft log are lost, where that is known.
    lost_raft_entries: Option<u64>,
    /// RFC 3339.
    taken_last: String,
}

struct RestoreChoice {
    id: String,
    dir: String,
    /// RFC 3339.
    taken_at: String,
    revision: Option<Revision>,
}

/// There is nothing to go back to: `rollback`, `plan -rollback`.
#[output = "nothing-to-roll-back"]
struct NothingToRollBack {
    cluster: String,
    why: String,
}

/// There is no safe plan: each reason.
#[output = "refused"]
struct Refused {
    cluster: String,
    count: usize,
    refusals: Vec<Refusal>,
}

/// A saved plan no longer fits: what is not as it was when the plan was made.
#[output = "stale"]
struct Stale {
    /// The name that `explain` knows.
    rule: String,
    count: usize,
    differences: Vec<String>,
}

/// Something happened in a run, or is waited for.
#[output = "event"]
struct EventOutput {
    /// RFC 3339.
    at: String,
    event: Event,
}

/// How a run ended, and what it left.
#[output = "summary"]
struct SummaryOutput {
    summary: RunSummary,
}

/// The backups that are kept: `backup list`.
#[output = "backups"]
struct Backups {
    count: usize,
    backups: Vec<KeptBackup>,
    /// Folders that are no backup, and why.
    broken: Vec<String>,
}

/// Backups that were read again: `backup verify`.
#[output = "backup-verify"]
struct BackupVerify {
    count: usize,
    bad: usize,
    backups: Vec<Verified>,
}

/// Backups that were removed, or would be: `backup prune`.
#[output = "backup-prune"]
struct BackupPrune {
    prune: PruneReport,
}

/// A backup that was taken: `backup`.
#[output = "backup"]
struct BackupOutput {
    backup: BackupSummary,
}

/// The runs that are kept: `runs`.
#[output = "runs"]
struct Runs {
    count: usize,
    runs: Vec<RunRecord>,
}

/// One run: `runs show`.
#[output = "run"]
struct Run {
    run: RunRecord,
    /// Whether the last line of the journal is cut off: the controller died while it wrote it.
    torn: bool,
    journal: Vec<JournalLine>,
    summary: Option<RunSummary>,
}

/// Where the report of a run is: `report`.
#[output = "report"]
struct Report {
    run: String,
    path: String,
    bytes: u64,
}

/// What was left on hosts and on this machine: `clean`.
#[output = "clean"]
struct Clean {
    clean: CleanReport,
}

/// Who holds the lock of the state: `unlock`.
#[output = "unlock"]
struct Unlock {
    state: LockWord,
    holder: Option<Holder>,
    unlocked: bool,
}

#[serde(rename_all = "kebab-case")]
enum LockWord {
    Free,
    Held,
    /// By a holder on another machine that never gave it back.
    Left,
}

/// What is wrong with the spec, or that nothing is: `validate`, and wherever the spec is wrong.
#[output = "diagnostics"]
struct Diagnostics {
    valid: bool,
    error_count: usize,
    warning_count: usize,
    diagnostics: Vec<DiagnosticOutput>,
}

struct DiagnosticOutput {
    severity: DiagnosticSeverity,
    /// What it is about: a name that `explain` knows.
    rule: String,
    summary: String,
    help: Option<String>,
    labels: Vec<DiagnosticLabel>,
}

#[serde(rename_all = "kebab-case")]
enum DiagnosticSeverity {
    Error,
    Warning,
    Advice,
}

/// A place in the spec; line and column begin at 1.
struct DiagnosticLabel {
    text: Option<String>,
    #[serde(skip_serializing_if = "unknown")]
    file: Option<String>,
    #[serde(skip_serializing_if = "unknown")]
    line: usize,
    #[serde(skip_serializing_if = "unknown")]
    column: usize,
}

/// Any other error, and what to do about it.
#[output = "error"]
struct ErrorOutput {
    /// The rule behind it, where there is one: a name that `explain` knows.
    rule: Option<String>,
    message: String,
    todo: Vec<String>,
}

/// What a name stands for: `explain NAME`.
#[output = "explanation"]
struct ExplanationOutput {
    name: String,
    is: ExplainedOutput,
}

#[serde(rename_all = "kebab-case")]
enum ExplainedOutput {
    Rule(Rule),
    Fact(Explanation),
    Rung(KnowledgeRung),
}

/// All names: `explain`.
#[output = "names"]
struct Names {
    names: Vec<NameOutput>,
}

struct NameOutput {
    name: String,
    what: String,
}

/// The version of quorate: `version`.
#[output = "version"]
struct VersionOutput {
    version: String,
    /// Of saved plans.
    plan_format: u32,
}

/// A saved plan, one object in a file: `plan -out FILE` writes it, `show FILE`, `graph FILE` and `apply FILE` read it.
#[file = "quorate-plan"]
struct SavedPlan {
    #[serde(flatten)]
    file: Envelope,
}

/// What a backup holds and how that was checked: `manifest.json` in its folder.
#[file = "backup-manifest"]
struct BackupManifest {
    #[serde(flatten)]
    file: Manifest,
}
