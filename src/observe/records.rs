//! The probe's answer as records: what stands between its begin and end marker, checked and bounded. Nothing here
//! knows what a record means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::units::Bytes;

/// Longest answer of a probe that is read. A host with 64 etcd processes and large config files stays far below.
pub const MOST_ANSWER: Bytes = Bytes::mebi(8);
/// Most records that are kept of one answer.
const MOST_RECORDS: usize = 20_000;
/// The form of answer that this program understands.
const FORM: &str = "1";

/// `@key words`, and the bytes that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub key: String,
    /// The rest of the line, as it stood.
    pub text: String,
    pub blob: Vec<u8>,
}

impl Record {
    /// The first word and what follows it.
    pub fn split(&self) -> (&str, &str) {
        self.text.split_once(' ').unwrap_or((&self.text, ""))
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split_ascii_whitespace()
    }
}

/// Why an answer is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("the probe's answer is {seen} long; at most {MOST_ANSWER} are read")]
    TooLong { seen: Bytes },
    #[error(
        "the probe did not answer: {seen}\n  do: see that a POSIX sh is there and that the login shell runs commands"
    )]
    NoBegin { seen: String },
    #[error("the probe's answer is cut short after {records} records")]
    NoEnd { records: usize },
    #[error("the probe's answer is damaged in record {record} (@{key}): {problem}")]
    Damaged { record: usize, key: String, problem: &'static str },
}

/// Reads the records between the markers of this nonce; what stands before and after them is ignored.
pub fn parse(output: &[u8], nonce: &str) -> Result<Vec<Record>, RecordError> {
    if output.len() as u64 > MOST_ANSWER.0 {
        return Err(RecordError::TooLong { seen: Bytes(output.len() as u64) });
    }
    let mut lines = output.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let begin = format!("@begin {nonce} {FORM}").into_bytes();
    let end = format!("@end {nonce}").into_bytes();
    if !lines.any(|line| line == begin) {
        return Err(RecordError::NoBegin { seen: super::text::shown(output) });
    }
    let mut records: Vec<Record> = Vec::new();
    // Base64 of the last record: lines join before they are decoded, since they break anywhere.
    let mut encoded: Vec<u8> = Vec::new();
    for line in lines {
        if line == end {
            close(&mut records, &mut encoded)?;
            return Ok(records);
        }
        if let Some(line) = line.strip_prefix(b"@") {
            close(&mut records, &mut encoded)?;
            if records.len() == MOST_RECORDS {
                return Err(damaged(&records, "there are too many records"));
            }
            let line = String::from_utf8_lossy(line);
            let (key, text) = line.split_once(' ').unwrap_or((&line, ""));
            records.push(Record { key: key.to_owned(), text: text.to_owned(), blob: Vec::new() });
        } else if let (Some(text), Some(last)) = (line.strip_prefix(b">"), records.last_mut()) {
            last.blob.extend_from_slice(text);
            last.blob.push(b'\n');
        } else if records.is_empty() && !line.is_empty() {
            return Err(damaged(&records, "there is data before the first record"));
        } else {
            encoded.extend_from_slice(line);
        }
    }
    Err(RecordError::NoEnd { records: records.len() })
}

fn close(records: &mut [Record], encoded: &mut Vec<u8>) -> Result<(), RecordError> {
    if encoded.is_empty() {
        return Ok(());
    }
    let blob = STANDARD.decode(&encoded).map_err(|_| damaged(records, "it is not base64"))?;
    encoded.clear();
    if let Some(last) = records.last_mut() {
        last.blob = blob;
    }
    Ok(())
}

fn damaged(records: &[Record], problem: &'static str) -> RecordError {
    let key = records.last().map_or_else(String::new, |record| super::text::shown(record.key.as_bytes()));
    RecordError::Damaged { record: records.len(), key, problem }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // faults: N9
    #[test]
    fn banners_around_the_answer_do_no_harm() {
        let output = b"Welcome!\r\n\n@begin n 1\n@hostname m1\n@blob\naGVs\nbG8=\n@text\n>@a b\n>> c\n@end n\nlogout\n";
        let records = parse(output, "n").unwrap();
        assert_eq!(records.len(), 3);
        assert_eq!(records[2].blob, b"@a b\n> c\n");
        assert_eq!((records[0].key.as_str(), records[0].text.as_str()), ("hostname", "m1"));
        assert_eq!(records[1].blob, b"hello");
    }

    #[test]
    fn an_answer_that_was_cut_is_noticed() {
        let whole = "@begin n 1\n@hostname m1\n@blob\naGVsbG8=\n@end n\n";
        for cut in 0..whole.len() - 1 {
            assert!(parse(&whole.as_bytes()[..cut], "n").is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn refuses_what_is_not_an_answer() {
        assert!(matches!(parse(b"", "n"), Err(RecordError::NoBegin { .. })));
        assert!(matches!(parse(b"@begin other 1\n@end other\n", "n"), Err(RecordError::NoBegin { .. })));
        assert!(matches!(parse(b"@begin n 1\n@a\n***\n@end n\n", "n"), Err(RecordError::Damaged { .. })));
        assert!(matches!(parse(b"@begin n 1\nx\n@end n\n", "n"), Err(RecordError::Damaged { .. })));
        let huge = vec![b'a'; 100 << 20];
        assert!(matches!(parse(&huge, "n"), Err(RecordError::TooLong { .. })));
        let many = format!("@begin n 1\n{}@end n\n", "@a\n".repeat(MOST_RECORDS + 1));
        assert!(matches!(parse(many.as_bytes(), "n"), Err(RecordError::Damaged { .. })));
    }

    #[test]
    fn what_was_seen_instead_is_shown_harmless() {
        let error = parse(b"\x1b]0;owned\x07\xff\xfe sudo: a password is required", "n").unwrap_err().to_string();
        assert!(error.contains("sudo: a password is required"), "{error}");
        assert!(!error.contains('\x1b') && !error.contains('\x07'), "{error:?}");
    }

    proptest! {
        #[test]
        fn never_panics(output in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = parse(&output, "n");
            let _ = parse(&[b"@begin n 1\n".as_slice(), &output, b"\n@end n\n"].concat(), "n");
        }

        #[test]
        fn a_blob_comes_back_as_it_was(blob in proptest::collection::vec(any::<u8>(), 1..2000), width in 1usize..100) {
            let encoded = STANDARD.encode(&blob);
            let wrapped: Vec<String> = encoded.as_bytes().chunks(width).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
            let output = format!("@begin n 1\n@blob\n{}\n@end n\n", wrapped.join("\n"));
            prop_assert_eq!(&parse(output.as_bytes(), "n").unwrap()[0].blob, &blob);
        }
    }
}
