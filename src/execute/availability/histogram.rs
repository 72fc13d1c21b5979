//! How long answers took, as counts in buckets: bounded memory, and quantiles that are right to a sixteenth.

use std::collections::BTreeMap;
use std::time::Duration;

/// Buckets in which a power of two is split: a quantile is too high by less than one part in so many.
const PARTS: u32 = 16;
const PARTS_BITS: u32 = PARTS.ilog2();

/// Longer times count as this one: no try is given so long.
const LONGEST_US: u64 = 1 << 36;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By bucket; at most some 500 of them.
    counts: BTreeMap<u32, u64>,
    total: u64,
}

impl Histogram {
    pub fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).min(LONGEST_US);
        *self.counts.entry(bucket(us)).or_default() += 1;
        self.total += 1;
    }

    /// So many of a hundred took no longer, rounded up to the bucket's end; `None` where there is nothing.
    pub fn quantile(&self, percent: u64) -> Option<Duration> {
        let wanted = self.total.saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.counts.iter().find_map(|(bucket, count)| {
            seen += count;
            (seen >= wanted).then(|| Duration::from_micros(end_of(*bucket)))
        })
    }
}

/// Times below [`PARTS`] microseconds have a bucket each; above, each power of two has [`PARTS`].
fn bucket(us: u64) -> u32 {
    match us.checked_ilog2() {
        Some(power) if power >= PARTS_BITS => {
            let part = u32::try_from(us >> (power - PARTS_BITS)).unwrap_or(u32::MAX) - PARTS;
            (power - PARTS_BITS + 1) * PARTS + part
        }
        // Below 16: it fits.
        _ => u32::try_from(us).unwrap_or(0),
    }
}

/// The longest time that falls into a bucket.
fn end_of(bucket: u32) -> u64 {
    match (bucket / PARTS).checked_sub(1) {
        None => u64::from(bucket),
        Some(shift) => (u64::from(PARTS + bucket % PARTS + 1) << shift) - 1,
    }
}
