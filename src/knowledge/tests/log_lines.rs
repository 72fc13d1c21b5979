use super::super::LogVerdict;
use super::{knowledge, version};
#[test]
fn harvest() {
    let Ok(list) = std::env::var("HARVEST") else { return };
    let k = knowledge();
    for item in list.lines() {
        let (v, path) = item.split_once(' ').unwrap();
        let text = std::fs::read(path).unwrap();
        for line in String::from_utf8_lossy(&text).lines() {
            match k.classify_log_line(&version(v), line) {
                LogVerdict::Unexpected(l) => println!("UNEXPECTED {v} {l:?} {line}"),
                LogVerdict::Trouble(p) => println!("TROUBLE {v} {} {line}", p.fact.name),
                LogVerdict::Success(p) => println!("SUCCESS {v} {} {line}", p.fact.name),
                _ => {}
            }
        }
    }
}
