//! A plan as GitHub Markdown, for a pull request: what people talk about before anybody applies it.
//!
//! Texts of specs and hosts become text and nothing else: see [`text`]. Long parts are folded, so that the steps and what
//! stands in the way are seen at once.

use super::escape::{escape, escape_lines};
use super::phrases::verb;
use super::plan::{
    FORESEEN, alone, checks_total, head_facts, last_line, later_title, line_stands_before, mixed_versions,
    no_return_rows, no_return_title, note_sentence, outcome, rung_title, title, what_completes,
};
use super::restore::source_rows;
use super::step::{headline, rows, settings_of};
use super::words::{sentence, span};
use crate::plan::model::{Action, CheckOutcome, CreateAction, Kind, Note, Plan, Rung, Step};

/// More entries than this of one list are folded.
const MOST_UNFOLDED: usize = 5;

/// The whole plan.
#[must_use]
pub fn plan_markdown(plan: &Plan) -> String {
    let mut page = Markdown::default();
    page.heading(2, &title(plan));
    page.paragraph(&text(&head_facts(plan).join(" · ")));
    if let Some(mixed) = mixed_versions(plan) {
        page.callout("WARNING", &[text(&mixed)]);
    }
    if let Some(backup) = plan.restored_from() {
        let source = source_rows(plan, backup);
        page.list(source.iter().map(|(label, what)| format!("**{}**: {}", text(label), text(what))));
    }
    page.paragraph(&format!("**{}**", text(&last_line(plan))));
    if !plan.warnings.is_empty() {
        page.callout("WARNING", &plan.warnings.iter().map(|note| text(&note_sentence(note))).collect::<Vec<_>>());
    }
    for rung in &plan.rungs {
        if plan.rungs.len() > 1 {
            page.heading(3, &rung_title(rung));
        }
        write_rung(&mut page, plan, rung);
    }
    for (place, later) in plan.later.iter().enumerate() {
        page.heading(3, &later_title(plan, place, later));
        page.paragraph(&text(FORESEEN));
        write_rung(&mut page, &alone(plan, later), &later.rung);
    }
    write_checks(&mut page, plan);
    if plan.warnings.is_empty() {
        page.heading(3, "Warnings");
        page.paragraph("none");
    }
    page.rule();
    let how = match plan.kind {
        Kind::NothingToDo => String::new(),
        _ => " Do exactly this: `quorate apply FILE` with the file that `plan -out=FILE` saved.".to_owned(),
    };
    let (made_by, digest) = (text(&plan.made_by), plan.digest().short());
    page.paragraph(&format!("Plan {digest}, made by quorate {made_by}.{how}"));
    page.out
}

fn write_rung(page: &mut Markdown, plan: &Plan, rung: &Rung) {
    if rung.steps.is_empty() {
        return;
    }
    let line_before = rung.no_return.as_ref().and_then(|no_return| line_stands_before(rung, no_return));
    page.row(&["#", "step", "on whom, what", "why", "takes"].map(str::to_owned));
    page.row(&["--:", "---", "---", "---", "--:"].map(str::to_owned));
    for step in &rung.steps {
        if line_before == Some(step.id) {
            page.row(&no_return_row(rung));
        }
        page.row(&[
            step.id.0.to_string(),
            format!("**{}**", text(verb(&step.action))),
            text(&headline(plan, &step.action)),
            text(&step.why),
            text(&span(step.estimate)),
        ]);
    }
    if rung.no_return.is_some() && line_before.is_none() {
        page.row(&no_return_row(rung));
    }
    page.blank();
    if let Some(no_return) = &rung.no_return {
        let mut lines =
            vec![format!("**{}:** {}", sentence(no_return_title(rung)), text(&what_completes(rung, no_return)))];
        lines.extend(
            no_return_rows(no_return).iter().map(|(label, what)| format!("**{}**: {}", text(label), text(what))),
        );
        page.callout("CAUTION", &lines);
    }
    let backups = rung.steps.iter().filter(|step| matches!(step.action, Action::Backup(_)));
    for step in backups {
        page.heading(4, "Backup");
        let mut items = vec![text(&headline(plan, &step.action))];
        let told = rows(plan, step).into_iter().filter(|row| ["verify", "tools"].contains(&row.label));
        items.extend(told.map(|row| format!("**{}**: {}", text(row.label), text(&row.text))));
        page.list(items);
    }
    page.heading(4, "What clients notice");
    if rung.clients.is_empty() {
        page.paragraph("nothing that is known of");
    }
    page.list(rung.clients.iter().map(|client| text(client)));
    write_notes(page, "Advisories", &rung.advisories);
    page.fold("Each step in full: gates, what is done, what undoes it", |page| {
        for step in &rung.steps {
            write_step(page, plan, step);
        }
    });
}

fn no_return_row(rung: &Rung) -> [String; 5] {
    let title = format!("**{}**", no_return_title(rung));
    ["", &title, "see below", "", ""].map(str::to_owned)
}

fn write_step(page: &mut Markdown, plan: &Plan, step: &Step) {
    let head = headline(plan, &step.action);
    page.paragraph(&format!("**{} {}** {}", step.id.0, text(verb(&step.action)), text(&head)));
    page.list(rows(plan, step).iter().map(|row| format!("{}: {}", text(row.label), text(&row.text))));
    if let Action::CreateMember(create) = &step.action {
        write_created_files(page, create);
    }
    if let Some(change) = settings_of(&step.action) {
        page.paragraph("settings:");
        page.verbatim(&change.diff().map(|line| escape(&line)).collect::<Vec<_>>().join("\n"));
    }
}

/// The arguments one a line, and the unit file as it will be written.
fn write_created_files(page: &mut Markdown, create: &CreateAction) {
    if !create.args.is_empty() {
        page.paragraph("arguments:");
        page.verbatim(&create.args.iter().map(|arg| escape(arg)).collect::<Vec<_>>().join("\n"));
    }
    if let Some(unit) = &create.unit_file {
        page.paragraph("unit file:");
        page.verbatim(&escape_lines(unit));
    }
}

fn write_notes(page: &mut Markdown, title: &str, notes: &[Note]) {
    page.heading(4, title);
    let items: Vec<String> = notes.iter().map(|note| text(&note_sentence(note))).collect();
    match items.len() {
        0 => page.paragraph("none"),
        1..=MOST_UNFOLDED => page.list(items),
        number => page.fold(&format!("{number} advisories"), |page| page.list(items)),
    }
}

fn write_checks(page: &mut Markdown, plan: &Plan) {
    if plan.checks.is_empty() {
        return;
    }
    page.heading(3, "Checks");
    page.paragraph(&text(&checks_total(plan)));
    let row = |page: &mut Markdown, check: &crate::plan::model::Check| {
        let word = outcome(check.outcome).1;
        page.row(&[word.to_owned(), text(&check.text), text(&check.rule)]);
    };
    let head = |page: &mut Markdown| {
        page.row(&["result", "check", "rule"].map(str::to_owned));
        page.row(&["---", "---", "---"].map(str::to_owned));
    };
    // What was not simply well is seen without a click.
    if plan.checks.iter().any(|check| check.outcome != CheckOutcome::Passed) {
        head(page);
        plan.checks.iter().filter(|check| check.outcome != CheckOutcome::Passed).for_each(|check| row(page, check));
        page.blank();
    }
    page.fold("All checks", |page| {
        head(page);
        plan.checks.iter().for_each(|check| row(page, check));
        page.blank();
    });
}

/// Markdown that grows block by block. Titles are escaped here; everything else is when it comes.
#[derive(Default)]
struct Markdown {
    out: String,
}

impl Markdown {
    fn blank(&mut self) {
        self.out.push('\n');
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn heading(&mut self, level: usize, title: &str) {
        self.line(&format!("{} {}", "#".repeat(level), text(title)));
        self.blank();
    }

    fn paragraph(&mut self, markdown: &str) {
        self.line(markdown);
        self.blank();
    }

    fn rule(&mut self) {
        self.line("---");
        self.blank();
    }

    fn list(&mut self, items: impl IntoIterator<Item = String>) {
        let before = self.out.len();
        for item in items {
            self.line(&format!("- {item}"));
        }
        if self.out.len() > before {
            self.blank();
        }
    }

    fn row(&mut self, cells: &[String]) {
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    /// `kind` as GitHub knows it: `WARNING`, `CAUTION`.
    fn callout(&mut self, kind: &str, items: &[String]) {
        self.line(&format!("> [!{kind}]"));
        for item in items {
            self.line(&format!("> - {item}"));
        }
        self.blank();
    }

    fn fold(&mut self, title: &str, inner: impl FnOnce(&mut Self)) {
        self.line("<details>");
        self.line(&format!("<summary>{title}</summary>"));
        self.blank();
        inner(self);
        self.line("</details>");
        self.blank();
    }

    /// Lines as they are. The fence is longer than any row of backticks within.
    fn verbatim(&mut self, lines: &str) {
        let longest = lines.split(|c| c != '`').map(str::len).max().unwrap_or_default();
        let fence = "`".repeat(longest.max(2) + 1);
        self.line(&format!("{fence}text"));
        self.line(lines.trim_end_matches('\n'));
        self.line(&fence);
        self.blank();
    }
}

/// Text from elsewhere as Markdown that shows just this text, on one line, in a table as well.
///
/// GitHub makes links of `#12` and tells people whose names stand after an `@`: an empty comment between keeps it from both.
fn text(text: &str) -> String {
    let visible = escape(text);
    let chars: Vec<char> = visible.trim().chars().collect();
    let digits = chars.iter().take_while(|c| c.is_ascii_digit()).count();
    let is_word = |place: usize| chars.get(place).is_some_and(|c| c.is_alphanumeric());
    let mut out = String::with_capacity(visible.len());
    for (place, &c) in chars.iter().enumerate() {
        let begins = place == 0 && matches!(c, '#' | '+' | '-' | '=' | '>' | ':');
        let numbers = place > 0
            && place == digits
            && matches!(c, '.' | ')')
            && chars.get(place + 1).is_none_or(|next| *next == ' ');
        let within_a_word = place > 0 && is_word(place - 1) && is_word(place + 1);
        let means_something = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '|' | '~' | '&' | '$' | '{' | '}' => true,
            '_' => !within_a_word,
            _ => begins || numbers,
        };
        if means_something {
            out.push('\\');
        }
        out.push(c);
        let is_reference = match c {
            '#' => chars.get(place + 1).is_some_and(char::is_ascii_digit),
            '@' => is_word(place + 1) && !(place > 0 && is_word(place - 1)),
            _ => false,
        };
        if is_reference {
            out.push_str("<!-- -->");
        }
    }
    out
}

#[cfg(test)]
mod tests;
