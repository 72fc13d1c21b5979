//! What a rung says of its old binary after completion is what the real one does on the data of the new one.

use std::time::Duration;

use super::super::OldBinary;
use super::{knowledge, version};
use crate::etcd::testing::{RealMember, eventually, release};

const MOVES: Duration = Duration::from_secs(30);
const ENDS: Duration = Duration::from_secs(30);

async fn the_old_binary_does_as_written(from: &str, to: &str) {
    let (Some(old), Some(new)) = (release(from), release(to)) else { return };
    let (from, to) = (version(from), version(to));
    let knowledge = knowledge();
    let rung = knowledge.rung(from.minor(), to.minor()).unwrap();
    let mut member = RealMember::start(&new, &[]).await;
    let client = member.client();
    eventually("the cluster version is decided", MOVES, || async {
        match client.version().await {
            Ok(told) if told.cluster.as_ref().is_some_and(|cluster| cluster.minor() == to.minor()) => Ok(()),
            Ok(told) => Err(format!("{:?}", told.cluster)),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
    client.close().await;
    member.replace(&old).await;
    match &rung.rollback.old_binary {
        OldBinary::StartsSilently {} => member.await_healthy().await,
        OldBinary::Refuses { exit_code, message } => {
            let (code, log) = member.ended(ENDS).await.unwrap_or_else(|| panic!("{from} still runs on data of {to}"));
            assert_eq!(code, Some(*exit_code), "exit code of {from} on data of {to}; its log: {log}");
            let message = regex::Regex::new(message).unwrap();
            assert!(message.is_match(&log), "no line of {from} is like {message}: {log}");
        }
    }
}

macro_rules! the_old_binary_does_as_written {
    ($($name:ident $from:literal $to:literal)*) => {$(
        #[tokio::test]
        async fn $name() {
            the_old_binary_does_as_written($from, $to).await;
        }
    )*};
}

the_old_binary_does_as_written! {
    of_2_1_after_2_2 "2.1.1" "2.2.5"
    of_2_2_after_2_3 "2.2.5" "2.3.8"
    of_2_3_after_3_0 "2.3.8" "3.0.17"
    of_3_0_after_3_1 "3.0.17" "3.1.20"
    of_3_1_after_3_2 "3.1.20" "3.2.32"
    of_3_2_after_3_3 "3.2.32" "3.3.27"
    of_3_3_after_3_4 "3.3.27" "3.4.23"
    of_3_4_after_3_5 "3.4.23" "3.5.33"
    of_3_5_after_3_6 "3.5.33" "3.6.14"
    of_3_6_after_3_7 "3.6.14" "3.7.1"
}
