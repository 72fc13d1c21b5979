//! Places in JSON: where in a variable file each value stands. The text was read by a parser already; this only looks
//! for where.

use std::collections::BTreeMap;
use std::ops::Range;

/// The range of bytes of each value of the outermost object, by its key; of a key that is there twice, the last.
pub fn values_of_object(text: &str) -> BTreeMap<String, Range<usize>> {
    let mut places = BTreeMap::new();
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    let mut last_text = None;
    let mut open: Option<(String, usize)> = None;
    while let Some(byte) = bytes.get(at) {
        let next = match byte {
            b'"' => {
                let end = end_of_text(bytes, at);
                last_text = Some(at..end);
                end
            }
            _ => at + 1,
        };
        match byte {
            b':' if depth == 1 => {
                let key = last_text.clone().and_then(|range| serde_json::from_str(text.get(range)?).ok());
                open = key.map(|key| (key, next));
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if ((depth == 1 && *byte == b',') || (depth == 0 && *byte == b'}'))
            && let Some((key, start)) = open.take()
        {
            places.insert(key, trimmed(text, start..at));
        }
        at = next;
    }
    places
}

/// The byte behind the closing quote.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let Some(part) = text.get(range.clone()) else { return range };
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_values_of_the_outermost_object() {
        let text = r#" { "a" : 1 , "b\u0022:,": {"a": [1, {"c": 2}]}, "c": "}{,:\\\"", "a": [ ] , "ä":null}"#;
        let found = values_of_object(text);
        let shown: Vec<_> = found.iter().map(|(key, place)| (key.as_str(), &text[place.clone()])).collect();
        let expected = [("a", "[ ]"), ("b\":,", r#"{"a": [1, {"c": 2}]}"#), ("c", r#""}{,:\\\"""#), ("ä", "null")];
        assert_eq!(shown, expected);
    }

    #[test]
    fn nothing_is_found_where_there_is_no_object() {
        for text in ["", "[1, 2]", "\"", "{\"a", "{\"a\":", "{\"a\\", "}:,\""] {
            assert!(values_of_object(text).is_empty(), "{text}");
        }
    }
}
