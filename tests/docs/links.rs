//! Every relative link leads to a file that is there, and to a heading in it.

use std::path::{Component, Path, PathBuf};

use crate::pages::{Page, pages, root};

/// `docs/how-to/../spec.md` as `docs/spec.md`; none where it leads out of the repository.
fn tidy(path: &Path) -> Option<PathBuf> {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if !tidy.pop() => return None,
            Component::Normal(name) => tidy.push(name),
            _ => {}
        }
    }
    Some(tidy)
}

fn is_of_the_web(link: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme))
}

/// What is wrong with a link of this page.
fn fault(link: &str, page: &Page, all: &[Page]) -> Option<String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = match path {
        "" => PathBuf::from(&page.name),
        path => match tidy(&Path::new(&page.name).parent()?.join(path)) {
            Some(target) => target,
            None => return Some("leads out of the repository".to_owned()),
        },
    };
    if !root().join(&target).exists() {
        return Some(format!("there is no {}", target.display()));
    }
    let anchor = anchor?;
    let Some(page) = all.iter().find(|page| Path::new(&page.name) == target) else {
        return Some(format!("{} is no page with headings", target.display()));
    };
    (!page.anchors().iter().any(|known| known == anchor)).then(|| format!("{} has no heading {anchor}", page.name))
}

#[test]
fn every_link_leads_somewhere() {
    let all = pages();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in &all {
        for (line, link) in page.links().into_iter().filter(|(_, link)| !is_of_the_web(link)) {
            seen += 1;
            wrong.extend(fault(&link, page, &all).map(|why| format!("{}:{line}: {link}: {why}", page.name)));
        }
    }
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
    assert!(seen > 80, "only {seen} links were found: are they read?");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = |name: &str, text: &str| Page { name: name.to_owned(), text: text.to_owned() };
    let all = [page("docs/a.md", "# Here\n"), page("README.md", "# Top\n")];
    let wrong = |link: &str| fault(link, &all[0], &all).is_some();
    assert!(!wrong("../README.md#top") && !wrong("../Cargo.toml"));
    assert!(wrong("../README.md#bottom") && wrong("CHANGELOG.md") && wrong("#there") && wrong("../../x"));
    assert!(wrong("../Cargo.toml#here"));
}
