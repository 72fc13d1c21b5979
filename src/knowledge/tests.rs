mod binaries;
mod gaps;
mod guards;
mod ladder;
mod log_lines;
mod options;

use super::Knowledge;
use crate::units::Version;

fn knowledge() -> Knowledge {
    match Knowledge::embedded() {
        Ok(knowledge) => knowledge,
        Err(error) => panic!("{error}"),
    }
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}
