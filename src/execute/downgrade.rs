//! What etcd is told about going down one minor: that it is to (`downgrade validate`, `enable`), or not any more (`cancel`).
//!
//! Each may be done again after a crash: what the members say in their status counts, before and after. A call is made
//! through one member after the other until one takes it; whichever it is, it goes through raft.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::etcd::{Client, EtcdError};
use crate::execute::ExecuteError;
use crate::execute::effects::{Performer, done, skipped};
use crate::execute::journal::{Detail, EffectResult};
use crate::knowledge::Feature;
use crate::plan::model::{Action, DowngradeOrder, Step};
use crate::units::{MemberName, Minor, Version};

/// Between two looks at what the members say.
const PAUSE: Duration = Duration::from_millis(100);

/// For so long one call is given to show in the members' status before it is made through another member.
const SHOWS_WITHIN: Duration = Duration::from_secs(3);

/// What one member says.
struct Told {
    server: Version,
    cluster: Option<Version>,
    down_to: Option<Minor>,
}

pub async fn enable(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let Action::EnableDowngrade(order) = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    let answers = look(performer).await?;
    match told(&answers) {
        Some(to) if to == order.to => return Ok(skipped(&format!("etcd was told to go down to {to} already"))),
        // The one before, that all have followed: the leader ends it within seconds, and so may we.
        Some(before) if is_over(&answers, before, performer.world.members.len()) => {
            if let Err(failed) = cancel_at_last(performer, before, order).await? {
                return Ok(failed);
            }
        }
        Some(other) => return Ok(told_elsewhere(other, order)),
        None => {}
    }
    let begun = Instant::now();
    let mut last: Option<EtcdError> = None;
    for client in callers(performer, &answers) {
        let called = async {
            client.downgrade_validate(order.to).await?;
            client.downgrade_enable(order.to).await
        };
        // An answer may get lost, and the call have come through.
        last = called.await.err();
        if shows(performer, Some(order.to)).await? {
            return Ok(done(Detail::DowngradeEnabled { to: order.to }));
        }
        if begun.elapsed() > order.within.duration() {
            break;
        }
    }
    Ok(match last {
        Some(error) => {
            let EffectResult::Failed { reason, log, todo } = EffectResult::failed(&error.to_string(), Vec::new())
            else {
                return Err(error.into());
            };
            EffectResult::Failed { reason: format!("etcd does not go down to {}: {reason}", order.to), log, todo }
        }
        None => EffectResult::Failed {
            reason: format!("etcd answered that it goes down to {}, and no member says so in its status", order.to),
            log: Vec::new(),
            todo: Vec::new(),
        },
    })
}

pub async fn cancel(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let Action::CancelDowngrade(order) = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    match told(&look(performer).await?) {
        None => return Ok(skipped("etcd is not told to go down any more")),
        Some(to) if to == order.to => {}
        Some(other) => return Ok(told_elsewhere(other, order)),
    }
    Ok(match cancel_at_last(performer, order.to, order).await? {
        Ok(()) => done(Detail::DowngradeCancelled { to: order.to }),
        Err(failed) => failed,
    })
}

/// etcd answers success to a cancel that has failed: only the status of the members tells.
async fn cancel_at_last(
    performer: &Performer<'_>,
    to: Minor,
    order: &DowngradeOrder,
) -> Result<Result<(), EffectResult>, ExecuteError> {
    let begun = Instant::now();
    let mut last = None;
    while begun.elapsed() < order.within.duration() {
        let answers = look(performer).await?;
        for client in callers(performer, &answers) {
            last = client.downgrade_cancel().await.err();
            if shows(performer, None).await? {
                return Ok(Ok(()));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    let said = last.map_or_else(|| "etcd answers success".to_owned(), |error| error.to_string());
    let reason = format!(
        "the downgrade to {to} was to be cancelled, and after {} members still say that it is enabled ({said})",
        order.within
    );
    let todo = vec![
        "see in the leader's log why (\"failed to cancel downgrade\"); no member was stopped by this, and all serve"
            .to_owned(),
    ];
    Ok(Err(EffectResult::Failed { reason, log: Vec::new(), todo }))
}

fn told_elsewhere(other: Minor, order: &DowngradeOrder) -> EffectResult {
    EffectResult::Refused {
        reason: format!(
            "etcd was told to go down to {other} meanwhile, by somebody else; this plan is about {}",
            order.to
        ),
        todo: vec!["see who did it, and why; `quorate plan` says what is possible from there".to_owned()],
    }
}

/// What all members that answer say. Never nothing: then there is nobody to ask.
async fn look(performer: &Performer<'_>) -> Result<BTreeMap<MemberName, Told>, ExecuteError> {
    let each = performer.world.clients().into_iter().map(async |(name, client)| {
        let both = async { Ok::<_, EtcdError>((client.version().await?, client.status().await?)) };
        let answer = both.await.map(|(version, status)| Told {
            server: version.server,
            cluster: version.cluster,
            down_to: status.downgrade_to,
        });
        (name, answer)
    });
    let (mut answers, mut why) = (BTreeMap::new(), None);
    for (name, answer) in join_all(each).await {
        match answer {
            Ok(told) => {
                answers.insert(name, told);
            }
            Err(error) => why = Some(error),
        }
    }
    match why {
        Some(error) if answers.is_empty() => Err(error.into()),
        _ => Ok(answers),
    }
}

fn told(answers: &BTreeMap<MemberName, Told>) -> Option<Minor> {
    answers.values().find_map(|told| told.down_to)
}

/// Whether all members, and the cluster, are where they were told to go.
fn is_over(answers: &BTreeMap<MemberName, Told>, to: Minor, members: usize) -> bool {
    let is_there = |told: &Told| told.server.minor() == to && told.cluster.as_ref().map(Version::minor) == Some(to);
    answers.len() == members && answers.values().all(is_there)
}

/// Members that know the call, and whose clusters do.
fn callers(performer: &Performer<'_>, answers: &BTreeMap<MemberName, Told>) -> Vec<Client> {
    let knows = |told: &Told| performer.world.knowledge.features(&told.server).has(Feature::DowngradeApi);
    let mut clients = performer.world.clients();
    answers.iter().filter(|(_, told)| knows(told)).filter_map(|(name, _)| clients.remove(name)).collect()
}

/// Waits until the members that answer say this, and nothing else.
async fn shows(performer: &Performer<'_>, wanted: Option<Minor>) -> Result<bool, ExecuteError> {
    let begun = Instant::now();
    loop {
        let answers = look(performer).await?;
        let tell = |told: &&Told| performer.world.knowledge.features(&told.server).has(Feature::DowngradeApi);
        let mut telling = answers.values().filter(tell).peekable();
        if telling.peek().is_some() && telling.all(|told| told.down_to == wanted) {
            return Ok(true);
        }
        if begun.elapsed() > SHOWS_WITHIN {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
