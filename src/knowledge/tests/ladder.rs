use super::{knowledge, version};
#[test]
fn loads() {
    let started = std::time::Instant::now();
    let k = knowledge();
    eprintln!("{:?} {}", started.elapsed(), k.names().len());
    let _ = version("3.2.1");
}
