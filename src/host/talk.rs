//! One script in a session that stays: what it prints ends with a mark, not with the stream.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::framing::{Mark, MarkFinder, Progress};
use super::link::Running;
use super::perform::{Broken, PIECE, Tail, Watch};
use crate::units::Bytes;

/// What came of it.
pub(super) struct Talk {
    /// How the script ended; `None` where the stream ended before that was told.
    pub status: Option<i32>,
    /// Both streams have told the end: another script may follow.
    pub whole: bool,
    pub stderr: Vec<u8>,
    /// What stood before the mark, on both streams, where that never came.
    pub noise: [Vec<u8>; 2],
}

/// Sends `input` and reads until both streams have told the end.
pub(super) async fn talk(
    running: &mut Running,
    mark: &Mark,
    input: &[u8],
    (sink, most): (&mut (dyn AsyncWrite + Send + Unpin), Bytes),
    watch: &Watch,
) -> Result<Talk, Broken> {
    let Running { stdin, stdout, stderr, .. } = running;
    let send = async {
        // A session that has ended takes no input: the streams tell it.
        if stdin.write_all(input).await.is_ok() {
            let _ = stdin.flush().await;
        }
        watch.count(input.len());
        std::future::pending::<()>().await;
    };
    let (mut out_finder, mut err_finder) = (MarkFinder::new(mark), MarkFinder::new(mark));
    let mut errors = Tail::default();
    let read = async {
        tokio::try_join!(
            read_out(stdout, &mut out_finder, EndFinder::new(mark), (sink, most), watch),
            read_err(stderr, &mut err_finder, EndFinder::new(mark), &mut errors, watch),
        )
    };
    let (status, told) = tokio::select! {
        read = read => read?,
        () = send => (None, false),
    };
    Ok(Talk {
        status,
        whole: status.is_some() && told,
        stderr: errors.into_bytes(),
        noise: [out_finder.noise().to_vec(), err_finder.noise().to_vec()],
    })
}

async fn read_out(
    stream: &mut (dyn AsyncRead + Send + Unpin),
    finder: &mut MarkFinder,
    mut end: EndFinder,
    (sink, most): (&mut (dyn AsyncWrite + Send + Unpin), Bytes),
    watch: &Watch,
) -> Result<Option<i32>, Broken> {
    let mut piece = vec![0; PIECE];
    let mut total = 0;
    let mut status = None;
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        watch.count(length);
        let first;
        let bytes = if watch.started.initialized() {
            &piece[..length]
        } else {
            match finder.feed(&piece[..length]) {
                Progress::Waiting => continue,
                Progress::Flooded => return Err(Broken::TooMuch),
                Progress::Started { process, first: bytes } => {
                    let _ = watch.started.set(process);
                    first = bytes;
                    &first[..]
                }
            }
        };
        let (before, line) = end.feed(bytes);
        total += before.len() as u64;
        if total > most.0 {
            return Err(Broken::TooMuch);
        }
        sink.write_all(&before).await.map_err(Broken::Sink)?;
        if let Some(line) = line {
            status = std::str::from_utf8(&line).ok().and_then(|line| line.trim().parse().ok());
            break;
        }
    }
    sink.write_all(&end.rest()).await.map_err(Broken::Sink)?;
    sink.flush().await.map_err(Broken::Sink)?;
    Ok(status)
}

async fn read_err(
    stream: &mut (dyn AsyncRead + Send + Unpin),
    finder: &mut MarkFinder,
    mut end: EndFinder,
    errors: &mut Tail,
    watch: &Watch,
) -> Result<bool, Broken> {
    let mut piece = vec![0; 16 * 1024];
    let mut started = false;
    let mut told = false;
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        watch.count(length);
        let first;
        let bytes = if started {
            &piece[..length]
        } else {
            match finder.feed(&piece[..length]) {
                Progress::Waiting => continue,
                Progress::Flooded => return Err(Broken::TooMuch),
                Progress::Started { first: bytes, .. } => {
                    started = true;
                    first = bytes;
                    &first[..]
                }
            }
        };
        let (before, line) = end.feed(bytes);
        errors.push(&before);
        if line.is_some() {
            told = true;
            break;
        }
    }
    errors.push(&end.rest());
    Ok(told)
}

/// Finds the line that tells the end, in a stream that comes in pieces.
struct EndFinder {
    mark: Vec<u8>,
    /// What may be the beginning of that line.
    held: Vec<u8>,
}

impl EndFinder {
    fn new(mark: &Mark) -> Self {
        Self { mark: format!("\n{}-end", mark.text()).into_bytes(), held: Vec::new() }
    }

    /// What stands before the line, and the rest of the line once it is whole.
    fn feed(&mut self, piece: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
        self.held.extend_from_slice(piece);
        let found = self.held.windows(self.mark.len()).position(|part| part == self.mark);
        let Some(at) = found else {
            let keep = self.held.len().min(self.mark.len() - 1);
            return (self.held.drain(..self.held.len() - keep).collect(), None);
        };
        let before = self.held.drain(..at).collect();
        let line = &self.held[self.mark.len()..];
        let Some(end) = line.iter().position(|&byte| byte == b'\n') else { return (before, None) };
        let line = line[..end].to_vec();
        self.held.clear();
        (before, Some(line))
    }

    /// What was held back, once nothing more comes.
    fn rest(self) -> Vec<u8> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_wherever_the_stream_is_cut() {
        let mark = Mark::fixed("quorate-00ff");
        for text in [&b"out\nquorate-00f\n"[..], b"", b"\n", b"quorate-00ff-en"] {
            let stream = [text, b"\nquorate-00ff-end 3\n"].concat();
            for first in 0..stream.len() {
                for second in first..stream.len() {
                    let mut finder = EndFinder::new(&mark);
                    let (mut before, mut line) = (Vec::new(), None);
                    for piece in [&stream[..first], &stream[first..second], &stream[second..]] {
                        assert_eq!(line, None);
                        let (more, end) = finder.feed(piece);
                        before.extend(more);
                        line = end;
                    }
                    assert_eq!((&before[..], line.as_deref()), (text, Some(&b" 3"[..])), "cut at {first} and {second}");
                    assert_eq!(finder.rest(), b"");
                }
            }
        }
    }

    #[test]
    fn what_is_held_back_is_not_lost_where_the_end_never_comes() {
        let mut finder = EndFinder::new(&Mark::fixed("quorate-00ff"));
        let (before, line) = finder.feed(b"text\nquorate-00ff-e");
        assert_eq!((line, [before, finder.rest()].concat()), (None, b"text\nquorate-00ff-e".to_vec()));
    }
}
