//! `quorate backup`: takes one now and verifies it; or lists, verifies and prunes those that are kept.

use super::args::{BackupPruneArgs, BackupVerifyArgs};
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, failure_of};
use crate::backup::{Kept, verify_stored};
use crate::session::{BrokenBackup, CommandRule};
use crate::view::{
    BackupSummary, KeptBackup, PruneReport, Verified, backup_json, backup_list_json, backup_list_text, backups_text,
    json_line, prune_json, prune_text, verified_json, verified_text,
};

/// Stands for every backup in `verify`.
pub(super) const ALL: &str = "all";

pub fn run(context: &Context) -> Result<Exit, Failure> {
    let screen = &context.screen;
    let reporter = screen.reporter(None);
    let mut session = session::open(context)?;
    session::lock_for_run(context, &mut session, "backup")?;
    let result = super::runtime()?.block_on(session::take_backup(&session, &|event| reporter.event(&event)));
    reporter.close();
    let backup = result?;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&backup_json(&backup)),
        Format::Human => backups_text(std::slice::from_ref(&backup), screen.style()),
    });
    Ok(Exit::Success)
}

pub fn list(context: &Context) -> Result<Exit, Failure> {
    let mut listed = Vec::new();
    let mut broken = Vec::new();
    for of_cluster in session::open_records(context)?.backups().map_err(failure_of)? {
        listed.extend(of_cluster.complete.iter().map(|kept| KeptBackup {
            backup: summary(kept),
            needed: of_cluster.needed.get(&kept.manifest.id).cloned(),
        }));
        broken.extend(of_cluster.broken);
    }
    broken.sort();
    broken.dedup();
    let screen = &context.screen;
    let broken: Vec<String> = broken.into_iter().map(|one| one.why).collect();
    screen.out.write(&match screen.format {
        Format::Json => json_line(&backup_list_json(&listed, &broken)),
        Format::Human => backup_list_text(&listed, &broken, screen.style()),
    });
    Ok(Exit::Success)
}

pub fn verify(args: &BackupVerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let mut chosen = Vec::new();
    let mut broken = Vec::new();
    for of_cluster in session::open_records(context)?.backups().map_err(failure_of)? {
        let is_asked = |id: &str| args.id == ALL || id == args.id;
        chosen.extend(of_cluster.complete.into_iter().filter(|kept| is_asked(&kept.manifest.id)));
        broken.extend(of_cluster.broken.into_iter().filter(|one| is_asked(&one.id)));
    }
    broken.sort();
    broken.dedup();
    if chosen.is_empty() && broken.is_empty() && args.id != ALL {
        return Err(Failure::Ruled {
            rule: CommandRule::IdKnown,
            message: format!("there is no backup {:?}", args.id),
            todo: vec!["see which there are: quorate backup list".to_owned()],
        });
    }
    let mut verified = super::runtime()?.block_on(async {
        let mut verified = Vec::new();
        for kept in &chosen {
            let problem = verify_stored(kept).await.err().map(|error| error.to_string());
            verified.push(Verified { id: kept.manifest.id.clone(), size: kept.manifest.size(), problem });
        }
        verified
    });
    // What cannot even be told of is as bad.
    let as_bad = |one: BrokenBackup| Verified { id: one.id, size: crate::units::Bytes(0), problem: Some(one.why) };
    verified.extend(broken.into_iter().map(as_bad));
    let screen = &context.screen;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&verified_json(&verified)),
        Format::Human => verified_text(&verified, screen.style()),
    });
    Ok(if verified.iter().all(|one| one.problem.is_none()) { Exit::Success } else { Exit::Error })
}

pub fn prune(args: &BackupPruneArgs, context: &Context) -> Result<Exit, Failure> {
    let mut session = session::open(context)?;
    if !args.dry_run {
        session::lock_for_task(context, &mut session, "backup prune")?;
    }
    let pruning = session.pruning().map_err(failure_of)?;
    if !args.dry_run {
        session.prune().map_err(failure_of)?;
    }
    let kept = pruning.keep.iter().map(|(kept, why)| KeptBackup { backup: summary(kept), needed: Some(why.clone()) });
    let report = PruneReport {
        dry_run: args.dry_run,
        removed: pruning.remove.iter().map(summary).collect(),
        kept: kept.collect(),
    };
    let screen = &context.screen;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&prune_json(&report)),
        Format::Human => prune_text(&report, screen.style()),
    });
    Ok(Exit::Success)
}

pub(super) fn summary(kept: &Kept) -> BackupSummary {
    let manifest = &kept.manifest;
    BackupSummary {
        id: manifest.id.clone(),
        cluster: manifest.cluster.clone(),
        taken_at: manifest.taken_at.clone(),
        member: manifest.member.clone(),
        version: manifest.server_version.clone(),
        revision: manifest.v3.as_ref().map(|v3| v3.revision),
        size: manifest.size(),
        checks: manifest.checks.iter().map(ToString::to_string).collect(),
        dir: kept.path.display().to_string(),
    }
}
