//! Texts of hosts, made fit for a message.

/// Most characters of a foreign text that a message shows.
const SHOWN: usize = 200;

/// One line, cut, control characters and direction marks escaped.
pub fn shown(bytes: &[u8]) -> String {
    // No character is longer than four bytes.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN * 4)]).trim().to_owned();
    if text.is_empty() {
        return "nothing was printed".to_owned();
    }
    let mut out = String::new();
    for character in text.chars().take(SHOWN) {
        let direction = matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if character == '\n' {
            out.push_str(" | ");
        } else if character.is_control() || direction {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    if text.chars().count() > SHOWN || bytes.len() > SHOWN * 4 {
        out.push('…');
    }
    out
}
