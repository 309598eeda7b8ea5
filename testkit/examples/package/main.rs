//! The people of `packaging/test`, who use the package as their own: an operator of version 0.1.0 who installs it over what he
//! has made by hand, in the middle of an outage, and a new one who answers the questions of `setup`.
//!
//! `package LEADER STORY` runs in the network of a booted tree whose first process is LEADER, so that its fakes are on that
//! tree's loopback; each line it prints is `ok - …` or `NOT OK - …`. The tree has the package as /root/new.deb, and for the
//! stories of 0.1.0 that version's program and unit in /root/first.

mod setup;
mod tree;
mod upgrade;

use std::process::ExitCode;

use setup::set_up;
use tree::Tree;
use upgrade::{MadeBy, upgrade};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [leader, story] = &arguments[..] else {
        eprintln!("package LEADER first|first-by-himself|setup");
        return ExitCode::from(2);
    };
    let tree = Tree::new(leader).await;
    match story.as_str() {
        "first" => upgrade(&tree, MadeBy::Readme).await,
        "first-by-himself" => upgrade(&tree, MadeBy::Himself).await,
        "setup" => set_up(&tree).await,
        _ => return ExitCode::from(2),
    }
    if tree.failed.get() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
