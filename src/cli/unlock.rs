//! `quorate unlock`: takes away the record that a holder of the state's lock left on another machine.

use time::OffsetDateTime;

use super::approve;
use super::args::UnlockArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session;
use crate::session::{CommandRule, is_here};
use crate::state::{Holder, LockSeen};
use crate::view::{json_line, unlock_json, unlock_text};

pub fn run(args: &UnlockArgs, context: &Context) -> Result<Exit, Failure> {
    let records = session::open_records(context)?;
    let seen = records.state.look_at_lock()?;
    let screen = &context.screen;
    if screen.format == Format::Human {
        screen.out.write(&unlock_text(&seen, OffsetDateTime::now_utc(), screen.style()));
    }
    let mut unlocked = false;
    match &seen {
        LockSeen::Free => {}
        LockSeen::Held(_) => return Err(lives()),
        // A file system without locks that work.
        LockSeen::Left(holder) if is_here(holder) && holder.lives() => return Err(lives()),
        LockSeen::Left(holder) => {
            if !args.force && !is_here(holder) {
                ask(context, holder)?;
            }
            if !records.state.clear_lock(holder)? {
                return Err(Failure::ruled(
                    CommandRule::StateLock,
                    "somebody took the lock meanwhile: nothing was changed",
                ));
            }
            unlocked = true;
        }
    }
    match screen.format {
        Format::Json => screen.out.write(&json_line(&unlock_json(&seen, unlocked))),
        Format::Human if unlocked => screen.out.write("Unlocked.\n"),
        Format::Human => {}
    }
    Ok(Exit::Success)
}

fn ask(context: &Context, holder: &Holder) -> Result<(), Failure> {
    let todo = ["look there whether it still runs; if it does not: quorate unlock -force"];
    approve::can_ask_for("unlock needs somebody who knows that the holder is gone", &todo, &context.screen)?;
    let what = format!(
        "Whether process {} still runs on {} cannot be seen from here. If it does, two runs could change the cluster at once.",
        holder.pid, holder.controller
    );
    approve::ask_whether("Do you really want to unlock?", &what, "unlock", &context.screen)
}

fn lives() -> Failure {
    Failure::Ruled {
        rule: CommandRule::StateLock,
        message: "the holder of the lock lives: it is not taken away from it".to_owned(),
        todo: vec!["wait until it has ended, or end it there: its lock goes with it, also after kill -9".to_owned()],
    }
}
