//! Plans and journals whose every free text is hostile, for tests of what is rendered.

use serde_json::Value;

use super::fixtures::upgrade;
use crate::plan::model::{Foreseen, Plan};
use crate::units::Span;

/// Texts that mean something to a terminal, HTML, Markdown, Mermaid or Graphviz.
pub const HOSTILE: &[&str] = &[
    "a|b||c\\|d",
    "`` ` ``` code `",
    "</details><script>alert(1)</script>",
    "<!-- x --> --> ]]> <img src=x onerror=alert(1)>",
    "one\ntwo\r\n# three\n\n| a | b |\n|---|---|",
    "3.2\u{202e}23.2 \u{2066}x\u{200b}",
    "\u{1b}[2J\u{1b}[31mred\u{9b}0m",
    "\"quoted\" 'and' \\\"more\\\" \\",
    "&lt;b&gt; &amp; &#60;i&#62; #60;i#62; #quot;",
    "# heading",
    "- item",
    "1. item",
    "* item * _x_ __y__ ~~z~~ $x$ $$y$$",
    "[link](javascript:alert(1)) ![image](http://x/y.png) [ref][1] [^1] [ ] [x]",
    "@acme/all #12 acme/x#3",
    "{{ 7 * 7 }} {% raw %} {# c #}",
    "end\nsubgraph x\nclick s1 \"javascript:alert(1)\" %%{init: {}}%%",
    "x\"]; s1 --> s2[\"y",
    "</style></title></textarea><svg/onload=alert(1)>",
    "***",
    "> quote",
    "    four spaces",
];

/// Fields whose texts come from people, hosts or etcd, and are not checked to be of some form.
const FREE: &[&str] = &[
    "why",
    "text",
    "rule",
    "host",
    "path",
    "kept",
    "staged",
    "folder",
    "source",
    "up_to_there",
    "after",
    "made_by",
    "from_text",
    "clients",
    "programs",
    "arch",
    "checked",
    "reason",
    "reasons",
    "todo",
    "log",
    "who",
    "controller",
    "dir",
    "checks_text",
    "signal",
    "binary_path",
];

/// The upgrade of the fixtures, with this text in every place where some text may stand.
pub fn hostile_everywhere(text: &str) -> Plan {
    let mut plan = serde_json::to_value(upgrade()).unwrap();
    put(&mut plan, false, text);
    serde_json::from_value(plan).unwrap()
}

/// Puts the text into every free field below.
pub fn put(value: &mut Value, is_free: bool, text: &str) {
    match value {
        Value::String(old) if is_free => *old = text.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, is_free, text)),
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut().filter(|(key, _)| *key != "declared") {
                put(field, FREE.contains(&key.as_str()), text);
            }
        }
        _ => {}
    }
}

/// Two rungs: the upgrade of the fixtures, and one more that is foreseen.
pub fn climb() -> Plan {
    let mut plan = upgrade();
    let mut rung = plan.rungs[0].clone();
    (rung.from, rung.to) = (Some("3.2".parse().unwrap()), "3.3".parse().unwrap());
    let (from, to) = ("3.2.32".parse().unwrap(), "3.3.27".parse().unwrap());
    plan.later = vec![Foreseen { from, to, rung, estimate: Span::from_secs(54) }];
    plan
}
