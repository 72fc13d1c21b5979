//! docs/reference/limits.md says what the code does: each row that names a constant gives its value.

use std::fs;
use std::path::Path;

const TABLE: &str = "docs/reference/limits.md";

/// A row whose last cell is `` `FILE` `NAME` ``.
struct Row {
    told: String,
    file: String,
    name: String,
}

fn rows(text: &str) -> Vec<Row> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let constant = |cell: &str| {
        let (file, name) = cell.strip_prefix('`')?.strip_suffix('`')?.split_once("` `")?;
        file.starts_with("src/").then(|| (file.to_owned(), name.to_owned()))
    };
    let of_line = |line: &str| {
        let cells = cells(line);
        let (file, name) = constant(cells.last()?)?;
        Some(Row { told: cells.get(1)?.clone(), file, name })
    };
    text.lines().filter(|line| line.starts_with('|')).filter_map(of_line).collect()
}

/// The text between `const NAME: TYPE =` and `;`.
fn expression<'s>(source: &'s str, name: &str) -> Option<&'s str> {
    let begin = source.find(&format!("const {name}: "))?;
    let rest = &source[begin..];
    Some(rest[rest.find('=')? + 1..rest.find(';')?].trim())
}

/// A product or quotient of whole numbers, as `8 * 1024 / 64` or `1 << 20`.
fn number(text: &str) -> Option<u64> {
    let mut value = None;
    let mut operator = "*";
    for word in text.split_whitespace() {
        match word {
            "*" | "/" | "<<" => operator = word,
            word => {
                let next: u64 = word.replace('_', "").parse().ok()?;
                value = Some(match (value, operator) {
                    (None, _) => next,
                    (Some(value), "/") => value / next,
                    (Some(value), "<<") => value << next,
                    (Some(value), _) => value * next,
                });
            }
        }
    }
    value
}

fn with_unit(value: u64, units: &[(u64, &str)]) -> Option<String> {
    let (size, unit) = units.iter().find(|(size, _)| value >= *size && value.is_multiple_of(*size))?;
    Some(format!("{} {unit}", value / size))
}

fn span(milliseconds: u64) -> Option<String> {
    const MINUTE: u64 = 60_000;
    // 128 s is no round number of minutes, and 90 s would not read better as 1.5 min.
    with_unit(milliseconds, &[(24 * 60 * MINUTE, "d"), (MINUTE, "min"), (1000, "s"), (1, "ms")])
}

fn bytes(value: u64) -> Option<String> {
    with_unit(value, &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")])
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// How a document says the value of an expression: `20 s`, `16 MiB`, `10,000`.
fn said(expression: &str) -> Vec<String> {
    let inner = |prefix: &str| expression.split_once(prefix)?.1.split(')').next().and_then(number);
    if let Some(seconds) = inner("from_secs(") {
        return span(seconds * 1000).into_iter().collect();
    }
    if let Some(milliseconds) = inner("from_millis(") {
        return span(milliseconds).into_iter().collect();
    }
    if let Some(days) = inner("Duration::days(") {
        return span(days * 24 * 3_600_000).into_iter().collect();
    }
    if let Some(mebi) = inner("Bytes::mebi(") {
        return bytes(mebi << 20).into_iter().collect();
    }
    // A bare number may count bytes, or anything else.
    let bare = inner("NonZeroU32::new(").or_else(|| number(expression));
    bare.into_iter().flat_map(|value| [Some(grouped(value)), bytes(value)]).flatten().collect()
}

#[test]
fn each_limit_is_the_one_in_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = rows(&fs::read_to_string(root.join(TABLE)).unwrap());
    assert!(rows.len() > 50, "{TABLE} has {} rows with a constant", rows.len());
    let mut wrong = Vec::new();
    for Row { told, file, name } in rows {
        let source = fs::read_to_string(root.join(&file)).unwrap_or_default();
        match expression(&source, &name) {
            None => wrong.push(format!("{file} has no constant {name}")),
            Some(expression) => {
                let said = said(expression);
                if !said.contains(&told) {
                    wrong.push(format!("{file} {name} = {expression}, which is {said:?}; {TABLE} says {told:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn expressions_are_said_as_people_do() {
    for (expression, expected) in [
        ("Duration::from_secs(20)", "20 s"),
        ("Duration::from_secs(30 * 60)", "30 min"),
        ("Duration::from_secs(8 * 1024 / 64)", "128 s"),
        ("Duration::from_millis(500)", "500 ms"),
        ("Duration::days(1)", "1 d"),
        ("Bytes::mebi(4 * 1024)", "4 GiB"),
        ("10_000", "10,000"),
        ("64 * 1024", "64 KiB"),
        ("NonZeroU32::new(5).unwrap()", "5"),
    ] {
        assert!(said(expression).contains(&expected.to_owned()), "{expression}: {:?}", said(expression));
    }
    assert!(said("include_str!(\"lock.sh\")").is_empty());
}
