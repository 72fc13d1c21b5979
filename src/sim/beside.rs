//! Beside: what lies beside a member's data directory while the data of the whole cluster is replaced, and the renames that
//! the scripts do there (`runtime/scripts/lay-ready.sh`, `replace-data.sh`, `unmark-replacement.sh`).

use crate::plan::model::Replacement;
use crate::sim::member::Point;
use crate::sim::raft::Data;
use crate::sim::render::DATA_DIR;
use crate::sim::world::{MemberNo, Release, World};

/// Names end in the id of the run that began it.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// `DATA.quorate-replacing`.
    pub note: Option<Replacement>,
    /// `DATA.quorate-in-ID`.
    pub ready: Vec<(String, Data)>,
    /// `DATA.quorate-replaced-ID`.
    pub aside: Vec<(String, Data)>,
    /// The replacement that what is in place comes from.
    pub in_place: Option<String>,
}

/// The id of a run by its number, and back.
pub fn run_id(number: u32) -> String {
    format!("run-{number}")
}

pub fn run_number(id: &str) -> u32 {
    id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Where a rollback point is.
pub fn point_path(releases: &[Release], point: &Point) -> String {
    format!("{DATA_DIR}.quorate-{}-v{}", run_id(point.run), releases[point.version].version)
}

impl World {
    /// The rollback point of a member at this path.
    pub fn point_at(&self, no: MemberNo, path: &str) -> Option<&Point> {
        self.members[no].points.iter().find(|point| point_path(&self.releases, point) == path)
    }

    /// A copy of a rollback point. One that lies there is kept; where it is in place already and was not run on since, none
    /// is needed.
    pub fn lay_ready(&mut self, no: MemberNo, id: &str, point: &str) -> Result<(), String> {
        let Some(mut data) = self.point_at(no, point).map(|point| point.data.clone()) else {
            return Err(format!("the rollback point {point} is not there"));
        };
        data.origin = run_number(id);
        self.lay(no, id, data)
    }

    /// What was restored of a backup. Run again, it is restored again, unless it lies there.
    pub fn lay_restored(&mut self, no: MemberNo, id: &str, data: Data) -> Result<(), String> {
        let full = self.disk_is_full(no);
        let ready = &mut self.members[no].beside.ready;
        if ready.iter().any(|(other, _)| other == id) {
            return Ok(());
        }
        if full {
            return Err("no space left on device".to_owned());
        }
        ready.push((id.to_owned(), data));
        Ok(())
    }

    /// Data that takes the place of a member's.
    fn lay(&mut self, no: MemberNo, id: &str, data: Data) -> Result<(), String> {
        let full = self.disk_is_full(no);
        let member = &mut self.members[no];
        let of_this_run = |(other, _): &(String, Data)| other == id;
        if member.beside.note.is_none() {
            member.beside.ready.retain(of_this_run);
        }
        let is_ready = member.beside.ready.iter().any(of_this_run);
        let is_in_place = member.beside.aside.iter().any(of_this_run) && member.has_data && !member.has_run;
        if is_ready || is_in_place {
            return Ok(());
        }
        if full {
            return Err("no space left on device".to_owned());
        }
        member.beside.ready.push((id.to_owned(), data));
        Ok(())
    }

    /// The first of the two renames. False where nothing is left to do.
    pub fn move_aside(&mut self, no: MemberNo, id: &str) -> Result<bool, String> {
        let member = &mut self.members[no];
        if member.beside.note.is_none() {
            return Err("nothing is replaced without a note".to_owned());
        }
        if member.process.is_some() {
            return Err("a process has the data open".to_owned());
        }
        let of_this_run = |(other, _): &(String, Data)| other == id;
        let was_moved = member.beside.aside.iter().any(of_this_run);
        if !member.beside.ready.iter().any(of_this_run) {
            return if member.has_data && was_moved { Ok(false) } else { Err("nothing lies ready".to_owned()) };
        }
        if member.has_data {
            member.has_data = false;
            let data = std::mem::replace(&mut member.data, Data::fresh());
            if !was_moved {
                self.promises.replaced[no] = Some((run_number(id), data.log.len(), data.last().digest));
            }
            self.members[no].beside.aside.push((id.to_owned(), data));
        } else if !was_moved {
            // Nothing was there: an empty folder says so.
            member.beside.aside.push((id.to_owned(), Data::fresh()));
        }
        self.members[no].beside.in_place = None;
        Ok(true)
    }

    /// The second one.
    pub fn move_in(&mut self, no: MemberNo, id: &str) -> Result<(), String> {
        let member = &mut self.members[no];
        if member.has_data {
            // Its host has started it in between, on nothing.
            return Err("something is in its place".to_owned());
        }
        let Some(place) = member.beside.ready.iter().position(|(other, _)| other == id) else {
            return Err("nothing lies ready".to_owned());
        };
        let (_, data) = member.beside.ready.swap_remove(place);
        member.data = data;
        member.has_data = true;
        member.has_run = false;
        member.beside.in_place = Some(id.to_owned());
        Ok(())
    }

    /// What was never used, and the note.
    pub fn unmark(&mut self, no: MemberNo) {
        self.members[no].beside.ready.clear();
        self.members[no].beside.note = None;
        self.note_phase_told();
    }
}
