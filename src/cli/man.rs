//! `quorate man`: manual pages, from the definition of the command line.

use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use super::args::{self, ManArgs};
use super::context::Screen;
use super::examples::{self, Example};
use super::exit::{self, Exit};
use super::failure::Failure;
use super::whole_file;
use crate::session::CommandRule;
use crate::view::changed_file_text;

pub fn run(args: &ManArgs, screen: &Screen) -> Result<Exit, Failure> {
    let pages = pages()
        .map_err(|error| Failure::ruled(CommandRule::FileUsable, format!("manual pages cannot be made: {error}")))?;
    if let Some(folder) = &args.out {
        write_all(&pages, folder)
            .map_err(|why| Failure::ruled(CommandRule::FileUsable, format!("-out={}: {why}", folder.display())))?;
        for page in &pages {
            screen.out.write(&changed_file_text(&page.file_name()));
        }
        return Ok(Exit::Success);
    }
    let wanted = args.command.join(" ");
    let page = pages.iter().find(|page| page.path == wanted);
    let page =
        page.ok_or_else(|| Failure::Usage(format!("there is no command {wanted}; `quorate help` lists them")))?;
    screen.out.write(&page.text);
    Ok(Exit::Success)
}

fn write_all(pages: &[Page], folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    for page in pages {
        let name = page.file_name();
        whole_file::replace(&folder.join(&name), &page.text).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

struct Page {
    /// `backup list`; empty for quorate itself.
    path: String,
    /// In roff.
    text: String,
}

impl Page {
    /// `quorate-backup-list.1`.
    fn file_name(&self) -> String {
        format!("{}.1", page_name(&self.path))
    }
}

fn page_name(path: &str) -> String {
    format!("quorate {path}").trim_end().replace(' ', "-")
}

fn pages() -> Result<Vec<Page>, std::io::Error> {
    // `help` is told of on quorate's own page; a page of each `help plan` would say nothing.
    let mut top = args::command().disable_help_subcommand(true);
    top.build();
    let mut pages = Vec::new();
    add(&top, "", &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, path: &str, pages: &mut Vec<Page>) -> Result<(), std::io::Error> {
    pages.push(Page { path: path.to_owned(), text: page(command, path)? });
    for inner in command.get_subcommands() {
        add(inner, format!("{path} {}", inner.get_name()).trim_start(), pages)?;
    }
    Ok(())
}

fn page(command: &Command, path: &str) -> Result<String, std::io::Error> {
    // Without a date: that of the build would make each build another.
    let title = format!(".TH {} 1 \"\" \"quorate {}\" \"Quorate\"\n", page_name(path), env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone());
    let mut roff = title.into_bytes();
    man.render_name_section(&mut roff)?;
    man.render_synopsis_section(&mut roff)?;
    man.render_description_section(&mut roff)?;
    man.render_options_section(&mut roff)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut roff)?;
    }
    // Options as the documents write them; clap knows them with two dashes only.
    let mut text = String::from_utf8_lossy(&roff).replace("\\-\\-", "\\-");
    text.push_str(&examples_section(examples::of(path)));
    text.push_str(&exit_section());
    text.push_str(&see_also(command, path));
    Ok(text)
}

fn examples_section(examples: &[Example]) -> String {
    let mut text = ".SH EXAMPLES\n".to_owned();
    for example in examples {
        text.push_str(&format!(".TP\n.B {}\n{}\n", escaped(example.line), escaped(example.what)));
    }
    text
}

fn exit_section() -> String {
    let mut text = ".SH EXIT STATUS\n".to_owned();
    for row in exit::MEANINGS {
        let codes: Vec<String> = row.codes.iter().map(ToString::to_string).collect();
        text.push_str(&format!(".TP\n.B {}\n{}\n", codes.join(", "), escaped(&row.meaning.replace('`', ""))));
    }
    text
}

fn see_also(command: &Command, path: &str) -> String {
    let mut names: Vec<String> = match path {
        "" => Vec::new(),
        path => vec![page_name(path.rsplit_once(' ').map_or("", |(above, _)| above))],
    };
    names.extend(command.get_subcommands().map(|inner| page_name(format!("{path} {}", inner.get_name()).trim_start())));
    let names: Vec<String> = names.iter().map(|name| format!(".BR {} (1)", escaped(name))).collect();
    format!(".SH SEE ALSO\n{}\n", names.join(",\n"))
}

/// Text in a line of roff: dashes that can be copied, and nothing at its begin that would be a request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_options_and_examples() {
        let pages = pages().unwrap();
        let names: Vec<String> = pages.iter().map(Page::file_name).collect();
        for name in ["quorate.1", "quorate-plan.1", "quorate-backup-list.1", "quorate-man.1"] {
            assert!(names.iter().any(|known| known == name), "{names:?}");
        }
        for page in &pages {
            for section in ["NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"] {
                assert!(
                    page.text.contains(&format!("\n.SH {section}\n")) || page.text.contains(&format!("\"{section}\"")),
                    "{}: {section}: {}",
                    page.path,
                    page.text
                );
            }
            assert!(!page.text.contains("\\-\\-"), "{}: an option with two dashes", page.path);
        }
    }

    #[test]
    fn text_of_a_line_is_no_request() {
        assert_eq!(escaped(".so /etc/passwd"), "\\&.so /etc/passwd");
        assert_eq!(escaped("a \"b\" -c \\d"), "a \\(dqb\\(dq \\-c \\ed");
    }
}
