//! A backup at a person's wish.
use crate::session::{Events, Session, SessionError};
use crate::view::BackupSummary;

impl Session {
    pub async fn backup(&self, _events: Events<'_>) -> Result<BackupSummary, SessionError> {
        Err(SessionError::Other("later".into()))
    }
}
