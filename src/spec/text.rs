//! Characters that deceive, and texts made safe to show.

/// How much of a value is repeated in a message.
const LONGEST_QUOTE: usize = 64;

/// Control characters, and characters that reorder or hide text on a screen.
pub fn is_treacherous(c: char) -> bool {
    is_control(c) || is_bidi(c) || is_invisible(c)
}

pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters that change the direction of what follows (CVE-2021-42574).
pub fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text with every treacherous character written as its number; line ends are kept.
pub fn plain(text: &str) -> String {
    if !text.contains(|c| c != '\n' && is_treacherous(c)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_treacherous(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A text in quotes for a message: cut short, nothing in it that a terminal would act on.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for (count, c) in text.chars().enumerate() {
        if count >= LONGEST_QUOTE {
            out.push('…');
            break;
        }
        match c {
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_treacherous(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `did you mean "x"?`, when one of the known names is near enough.
pub fn did_you_mean<'a>(seen: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if seen.chars().count() > LONGEST_QUOTE {
        return None;
    }
    let seen_folded = seen.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&seen_folded, &name.to_lowercase().replace('-', "_")), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().min(seen.len()) / 4 && *distance < seen.len())
        .min()
        .map(|(_, name)| name)
}

/// `a, b and c`.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_short_and_harmless() {
        assert_eq!(quoted("a\u{1b}[31m\u{202e}\n"), "\"a\\u{1b}[31m\\u{202e}\\n\"");
        assert!(quoted(&"x".repeat(10_000)).chars().count() < 80);
    }

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        assert_eq!(did_you_mean("adress", ["address", "name"]), Some("address"));
        assert_eq!(did_you_mean("identity-file", ["identity_file"]), Some("identity_file"));
        assert_eq!(did_you_mean("whatever", ["address", "name"]), None);
        assert_eq!(did_you_mean(&"x".repeat(100_000), ["address"]), None);
    }
}
