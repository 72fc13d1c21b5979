//! The calls behind the commands: hands what was asked for to the session room, and its errors to the view.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::context::{Context, Format};
use super::failure::Failure;
use super::specs;
use crate::drift::Drift;
use crate::drift::status::Status;
use crate::execute::StopSignal;
use crate::plan::model::Plan;
use crate::plan::restore::Begin;
use crate::plan::rollback::Asked;
use crate::session::{CommandRule, Records, Session, SessionError};
use crate::spec::Diagnostic;
use crate::view::{Again, BackupSummary, LastWords, Output, Terminal, diagnostics_text, left_by_text};

pub use crate::session::{Events, Live, Planned, Ran, RollbackPlanned};

/// The session of the spec in the context's folder.
pub fn open(context: &Context) -> Result<Session, Failure> {
    let inputs = specs::inputs(context)?;
    let session = Session::open(&context.dir, &inputs, context.cluster.as_deref());
    let session = session.map_err(|error| failure(error, context))?;
    warn(context, &session.warnings);
    Ok(session)
}

/// What the spec in the context's folder keeps, for commands that only look at that.
pub fn open_records(context: &Context) -> Result<Records, Failure> {
    let inputs = specs::inputs(context)?;
    let records = Records::open(&context.dir, &inputs, context.cluster.as_deref());
    let records = records.map_err(|error| failure(error, context))?;
    warn(context, &records.warnings);
    Ok(records)
}

/// Nobody else may change anything from here on. Says so when whoever did last never gave it back.
pub fn lock_for_run(context: &Context, session: &mut Session, command: &str) -> Result<(), Failure> {
    session.lock_for_run(command).map_err(failure_of)?;
    tell_left_by(context, session);
    Ok(())
}

pub fn lock_for_task(context: &Context, session: &mut Session, command: &str) -> Result<(), Failure> {
    session.lock_for_task(command).map_err(failure_of)?;
    tell_left_by(context, session);
    Ok(())
}

fn tell_left_by(context: &Context, session: &Session) {
    if let Some(holder) = session.left_by()
        && context.screen.format == Format::Human
    {
        context.screen.err.write(&left_by_text(holder, context.screen.err_terminal.style));
    }
}

/// What is worth knowing of a spec that holds: beside the result, never in it.
fn warn(context: &Context, warnings: &[Diagnostic]) {
    if !warnings.is_empty() && context.screen.format == Format::Human {
        let reports = specs::reports(warnings.to_vec());
        let style = context.screen.err_terminal.style;
        context.screen.err.write(&diagnostics_text(super::failure::diagnostics(&reports), style));
    }
}

/// Looks at the cluster, finds the releases, and plans.
pub async fn make_plan(session: &Session, events: Events<'_>) -> Result<Planned, Failure> {
    session.plan(events).await.map_err(|error| named(error, session))
}

/// Opens and tries the backup, looks at the cluster, and plans.
pub async fn make_restore(
    session: &Session,
    backup: &str,
    begin: Begin,
    events: Events<'_>,
) -> Result<Planned, Failure> {
    session.plan_restore(backup, begin, events).await.map_err(|error| named(error, session))
}

/// Restores, as planned.
pub async fn execute_restore(
    session: &Session,
    (plan, again): (&Plan, &Again),
    live: &Live,
    events: Events<'_>,
) -> Result<Ran, Failure> {
    let signals = Signals::listen()?;
    let (stop, events) = signals.of_run(plan, again, events);
    session.execute_restore(plan, live, stop, &events).await.map_err(|error| named(error, session))
}

/// Looks at the cluster, and plans the way back.
pub async fn make_rollback(session: &Session, asked: &Asked) -> Result<RollbackPlanned, Failure> {
    session.plan_rollback(asked).await.map_err(|error| named(error, session))
}

/// Looks once: each member as it is.
pub async fn status(session: &Session) -> Result<Status, Failure> {
    session.status().await.map_err(|error| named(error, session))
}

/// Looks once: what is not as it is declared.
pub async fn drift(session: &Session) -> Result<Drift, Failure> {
    session.drift().await.map_err(|error| named(error, session))
}

/// The session of a saved plan. Certificates that the spec read from files are not in a plan: then the spec is read
/// again, and must declare the same.
pub fn open_for_saved(context: &Context, plan: &Plan) -> Result<Session, Failure> {
    if plan.declared.client.has_sealed() {
        let mut context = context.clone();
        context.cluster.get_or_insert_with(|| plan.cluster.to_string());
        return open(&context);
    }
    Session::of_saved(plan).map_err(|error| failure(error, context))
}

/// Looks at the cluster again. A plan that does not fit any more is refused, with the differences.
pub async fn open_saved(session: &Session, plan: &Plan, events: Events<'_>) -> Result<Live, Failure> {
    session.reopen(plan, events).await.map_err(|error| named(error, session))
}

/// Does what the plan says.
pub async fn execute(
    session: &Session,
    (plan, again): (&Plan, &Again),
    live: &Live,
    signals: &Signals,
    events: Events<'_>,
) -> Result<Ran, Failure> {
    let (stop, events) = signals.of_run(plan, again, events);
    session.execute(plan, live, stop, &events).await.map_err(|error| named(error, session))
}

/// The signals that a command gets, through all of its runs. The first brings the step in hand to a safe end; the second
/// ends the program at once, and says in which state each member was left.
pub struct Signals {
    stop: StopSignal,
    /// Of the run that is under way.
    words: Arc<Mutex<Option<LastWords>>>,
}

impl Signals {
    pub fn listen() -> Result<Self, Failure> {
        let words = Arc::default();
        Ok(Self { stop: stop_on_signals(&words)?, words })
    }

    /// What has a value once an end was asked for.
    pub fn stop(&self) -> StopSignal {
        self.stop.clone()
    }

    /// The signal that asked for an end.
    pub fn asked(&self) -> Option<String> {
        self.stop.borrow().clone()
    }

    /// For a run: what stops it, and its events on their way, with what has to be known should the second signal come.
    fn of_run<'a>(
        &'a self,
        plan: &Plan,
        again: &Again,
        events: Events<'a>,
    ) -> (StopSignal, impl Fn(crate::execute::event::Event) + Send + Sync + 'a) {
        *self.words() = Some(LastWords::new(plan, again.clone()));
        let remembered = move |event| {
            if let Some(words) = self.words().as_mut() {
                words.add(&event);
            }
            events(event);
        };
        (self.stop.clone(), remembered)
    }

    /// The run is over: a signal that comes now has nothing to tell of it.
    pub fn run_is_over(&self) {
        *self.words() = None;
    }

    fn words(&self) -> std::sync::MutexGuard<'_, Option<LastWords>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes one backup now, and verifies it.
pub async fn take_backup(session: &Session, events: Events<'_>) -> Result<BackupSummary, Failure> {
    session.backup(Signals::listen()?.stop, events).await.map_err(|error| named(error, session))
}

fn stop_on_signals(words: &Arc<Mutex<Option<LastWords>>>) -> Result<StopSignal, Failure> {
    let (sender, receiver) = watch::channel(None);
    let kinds =
        [(SignalKind::interrupt(), "SIGINT"), (SignalKind::terminate(), "SIGTERM"), (SignalKind::hangup(), "SIGHUP")];
    for (kind, name) in kinds {
        let mut signals = signal(kind)
            .map_err(|error| Failure::ruled(CommandRule::MachineFit, format!("cannot wait for {name}: {error}")))?;
        let (sender, words) = (sender.clone(), words.clone());
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let second = sender.borrow().is_some();
                if second && name != "SIGHUP" {
                    // Held to the end: a run that goes on until then says nothing below these words.
                    let words = words.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(words) = words.as_ref() {
                        let terminal = Terminal::of_stderr(None);
                        let text = words.text(name, terminal.style);
                        Output::stderr().write(&format!("{}\n{text}", terminal.without_live_lines()));
                    }
                    std::process::exit(128 + kind.as_raw_value());
                }
                sender.send_if_modified(|asked| asked.is_none().then(|| *asked = Some(name.to_owned())).is_some());
            }
        });
    }
    Ok(receiver)
}

fn named(error: SessionError, session: &Session) -> Failure {
    match error {
        SessionError::Refused(refusals) => Failure::Refused { cluster: session.cluster.name.to_string(), refusals },
        error => failure_of(error),
    }
}

fn failure(error: SessionError, context: &Context) -> Failure {
    match error {
        SessionError::Refused(refusals) => {
            Failure::Refused { cluster: context.cluster.clone().unwrap_or_default(), refusals }
        }
        error => failure_of(error),
    }
}

pub fn failure_of(error: SessionError) -> Failure {
    match error {
        SessionError::Spec(diagnostics) => specs::failure(diagnostics.0),
        SessionError::Stale(differences) => Failure::Stale(differences),
        SessionError::Refused(refusals) => Failure::Refused { cluster: String::new(), refusals },
        error => {
            let told = error.told();
            // What names its own rule was taken out above.
            let rule = error.rule().unwrap_or(CommandRule::StepDone);
            Failure::Ruled { rule, message: told.seen, todo: told.todo }
        }
    }
}
