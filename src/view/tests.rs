//! Everything that is rendered, as a person sees it.

use super::*;

#[test]
fn placeholder() {
    for p in [
        fixtures::upgrade(),
        fixtures::upgrade_with_settle(),
        fixtures::mixed(),
        fixtures::creation(),
        fixtures::nothing_to_do(),
    ] {
        println!("{}\n=========\n", plan_text(&p, Style::plain(100)));
    }
    println!("{}", refusals_text("prod", &fixtures::refusals(), Style::plain(100)));
}
