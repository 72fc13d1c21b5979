//! What a person can do by hand where a member could not be brought back and no kept binary is the way: for the end of a run.

use std::cmp::Ordering;

use crate::plan::model::{MemberAction, Replacement};
use crate::units::Version;

/// Of one that was brought up on the binary that was there: what it ran before is not known.
pub fn without_old(action: &MemberAction, from: Option<&Version>) -> Vec<String> {
    let mut todo = vec![
        format!("`quorate apply` once its host can be reached: it brings {} up", action.member),
        format!("where that fails: look at {}: is its process there, what does its log say", action.member),
    ];
    if let Some(from) = from.map(Version::minor) {
        let when = match from.cmp(&action.to.minor()) {
            Ordering::Less => Some(format!(", and while the cluster version is still {from}")),
            // Its storage has not come down.
            Ordering::Greater => Some(String::new()),
            Ordering::Equal => None,
        };
        todo.extend(when.map(|when| {
            format!(
                "where its log says that {} cannot read what is there{when}: put a binary of {from} at {}, start the \
                 member, see it healthy",
                action.to, action.binary.path
            )
        }));
    }
    todo.push("then `quorate plan` shows what is left".to_owned());
    todo
}

/// Where the member can only go back without its data. It may be anywhere on that way.
pub fn by_readding(action: &MemberAction, readd: &Replacement) -> Vec<String> {
    let Some((name, place, before)) = readd.readded() else { return Vec::new() };
    let binary = place.binary.as_ref().map_or(&action.binary, |binary| binary);
    vec![
        format!("look at {name}: is its process there, what does its log say"),
        format!(
            "`quorate apply` or `quorate rollback` looks at what is there, and goes on from there: it starts {name} as it is, or \
             finishes what was begun; where that fails, by hand:"
        ),
        format!(
            "where no other member runs {} any more: mend what keeps {name} from coming up on {} (its log; another build of that \
             release at {}); it has no way back of its own",
            readd.to.minor(),
            readd.from,
            binary.path
        ),
        format!(
            "while another member runs {}, and all others are well: remove {name} from the list of members (its id was {}), wait \
             until it is gone from the list of each, add it with {}",
            readd.to.minor(),
            before.id,
            before.peer_urls.join(",")
        ),
        format!(
            "put the binary of {} at {} ({} has it), move {} aside, and start it once with --initial-cluster-state=existing and \
             an --initial-cluster of all members; never start it empty while its old id is listed",
            readd.to, binary.path, binary.staged, place.data_dir
        ),
        "then `quorate plan` shows what is left".to_owned(),
    ]
}
