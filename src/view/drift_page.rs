//! The last look as a page of HTML, for `drift -every -listen`. No script, nothing from elsewhere.

use super::drift::{headline, not_made, tally, whom};
use super::escape::escape;
use super::words::{lasting, span};
use crate::drift::{Drift, Severity};
use crate::units::Span;
use crate::watch::Last;

/// How often a browser asks again, in seconds.
const REFRESH: u32 = 60;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\
h1{font-size:1.3rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #8886;overflow-wrap:anywhere}\
.good{color:#1a7f37}.warning{color:#9a6700}.critical{color:#cf222e}\
@media (prefers-color-scheme:dark){.good{color:#3fb950}.warning{color:#d29922}.critical{color:#ff7b72}}\
@media (max-width:40rem){thead{display:none}tr,td{display:block;border:0;padding:.1rem 0}tr{border-bottom:1px solid #8886;padding:.5rem 0}}\
footer{color:#888;font-size:.85rem;margin-top:2rem}";

/// The whole page. `every`: how often is looked.
#[must_use]
pub fn page_html(last: Option<&Last>, every: Span) -> String {
    let cluster = last.and_then(|last| last.cluster.as_ref()).map_or("", |cluster| cluster.as_str());
    let mut body = String::new();
    match last.map(|last| (last, &last.drift)) {
        None => body.push_str("<h1>The first look is under way</h1>\n"),
        Some((_, Ok(drift))) => write_drift(&mut body, drift),
        Some((_, Err(why))) => {
            body.push_str(&format!(
                "<h1 class=\"critical\">Cluster {} cannot be looked at</h1>\n<p>{}</p>\n",
                html(cluster),
                html(why)
            ));
        }
    }
    if let Some(last) = last {
        let counts = last.counts;
        body.push_str(&format!(
            "<footer>One look every {}; the last took {}. Since the start: {} looks, {} failed; {} notices, {} failed. \
             <a href=\"metrics\">metrics</a></footer>\n",
            html(&span(every)),
            html(&lasting(last.took)),
            counts.looks,
            counts.failed_looks,
            counts.notices,
            counts.failed_notices,
        ));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{REFRESH}\">\n<title>Drift of {}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n",
        html(cluster)
    )
}

fn write_drift(body: &mut String, drift: &Drift) {
    let class = match (drift.is_none(), drift.count(Severity::Critical)) {
        (true, _) => "good",
        (false, 0) => "warning",
        (false, _) => "critical",
    };
    body.push_str(&format!("<h1 class=\"{class}\">{}</h1>\n", html(&headline(drift))));
    if let Some(run) = &drift.under_way {
        body.push_str(&format!("<p class=\"warning\">Run {} goes on right now.</p>\n", html(run)));
    }
    if !drift.is_none() {
        body.push_str(
            "<table>\n<thead><tr><th>severity</th><th>where</th><th>check</th><th>declared</th><th>found</th>\
             <th>what to do</th></tr></thead>\n<tbody>\n",
        );
        for finding in &drift.findings {
            let severity = finding.severity.word();
            body.push_str(&format!("<tr><td class=\"{severity}\">{severity}</td>"));
            for text in [&whom(finding), finding.check.name(), &finding.declared, &finding.found, &finding.todo] {
                body.push_str(&format!("<td>{}</td>", html(text)));
            }
            body.push_str("</tr>\n");
        }
        body.push_str("</tbody>\n</table>\n");
    }
    body.push_str(&format!("<p>{}</p>\n", html(&tally(drift))));
    let reasons = not_made(drift);
    if !reasons.is_empty() {
        body.push_str("<ul>\n");
        for (why, checks) in reasons {
            body.push_str(&format!("<li>not made: {}: {}</li>\n", html(&checks.join(", ")), html(&why)));
        }
        body.push_str("</ul>\n");
    }
}

/// Text in an element or an attribute.
fn html(text: &str) -> String {
    let mut out = String::new();
    for c in escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
