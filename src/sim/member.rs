//! A member and its host: what is on the disk, what runs, and what it is fated to do.

use crate::sim::beside::Beside;
use crate::sim::raft::{Data, Node};
use crate::sim::settings::Settings;
use crate::sim::world::ReleaseNo;
use crate::units::{MemberId, MemberName, RaftIndex};

/// What a binary does when it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Well,
    /// Says why and ends.
    Exits,
    /// Runs, and never answers.
    NeverServes,
    /// Serves for so long, then ends.
    DiesAfter(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Starting {
        ready_at: u64,
    },
    Serving,
    /// Was told to stop.
    Stopping {
        gone_at: u64,
    },
    /// Runs and does not answer.
    Stuck,
}

#[derive(Debug, Clone)]
pub struct Process {
    pub release: ReleaseNo,
    pub state: State,
    pub pid: u32,
    /// When it ends by itself.
    pub dies_at: Option<u64>,
    pub node: Node,
}

/// A rollback point on a host.
#[derive(Debug, Clone)]
pub struct Point {
    pub version: ReleaseNo,
    /// The number of the run that took it.
    pub run: u32,
    pub taken_at: u64,
    /// How far the member was when the controller saw it last.
    pub raft_index: Option<RaftIndex>,
    pub data: Data,
}

/// A member and its host.
#[derive(Debug, Clone)]
pub struct Member {
    pub name: MemberName,
    pub id: MemberId,
    pub data: Data,
    /// False where there is no data directory, or an empty one: `data` means nothing then.
    pub has_data: bool,
    /// A process was started on its data since that was put in place.
    pub has_run: bool,
    pub beside: Beside,
    pub process: Option<Process>,
    /// `None` while the host is up.
    pub boots_at: Option<u64>,
    pub unit_enabled: bool,
    /// Whether systemd starts it again when it dies.
    pub restarts: bool,
    pub restart_at: Option<u64>,
    pub restarted: u32,
    /// The file that is started; `None`: something that is no release.
    pub binary: Option<ReleaseNo>,
    /// What lies beside it for a swap.
    pub prepared: Option<ReleaseNo>,
    /// Releases staged or kept, as bits.
    store: u32,
    pub points: Vec<Point>,
    /// What a release does on this host; the others do well.
    pub bad: Option<(ReleaseNo, Fate)>,
    pub disk_full_until: u64,
    pub stop_hangs_until: u64,
    pub next_pid: u32,
    pub settings: Settings,
}

impl Member {
    pub fn new(number: usize, name: MemberName, release: ReleaseNo, data: Data) -> Self {
        Self {
            name,
            id: MemberId(0xa1b2_c300 + number as u64),
            data,
            has_data: true,
            has_run: true,
            beside: Beside::default(),
            process: None,
            boots_at: None,
            unit_enabled: true,
            restarts: true,
            restart_at: None,
            restarted: 0,
            binary: Some(release),
            prepared: None,
            store: 0,
            points: Vec::new(),
            bad: None,
            disk_full_until: 0,
            stop_hangs_until: 0,
            next_pid: 700,
            settings: Settings::default(),
        }
    }

    pub fn node(&self) -> Option<&Node> {
        self.process.as_ref().filter(|process| process.state == State::Serving).map(|process| &process.node)
    }

    pub fn node_mut(&mut self) -> Option<&mut Node> {
        self.process.as_mut().filter(|process| process.state == State::Serving).map(|process| &mut process.node)
    }

    /// What its process runs.
    pub fn runs(&self) -> Option<ReleaseNo> {
        self.process.as_ref().map(|process| process.release)
    }

    pub fn serves(&self) -> bool {
        self.node().is_some()
    }

    /// Whether it hears and answers its peers.
    pub fn takes_part(&self) -> bool {
        self.serves()
    }

    pub fn has_in_store(&self, release: ReleaseNo) -> bool {
        self.store & (1 << release) != 0
    }

    pub fn put_in_store(&mut self, release: ReleaseNo) {
        self.store |= 1 << release;
    }

    /// Somebody tidies.
    pub fn empty_store(&mut self) {
        self.store = 0;
    }

    pub fn fate_of(&self, release: ReleaseNo) -> Fate {
        self.bad.filter(|(bad, _)| *bad == release).map_or(Fate::Well, |(_, fate)| fate)
    }

    /// Its data directory is empty.
    pub fn lose_data(&mut self) {
        self.data = Data::fresh();
        self.has_data = false;
        self.has_run = false;
    }

    /// A person or the controller says that it is to stay down.
    pub fn forget_restart(&mut self) {
        self.restart_at = None;
        self.restarted = 0;
    }
}
