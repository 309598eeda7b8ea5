//! The rooms of the crate: each knows only those before it in `src/lib.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file of the crate by its path from `src`, but for tests.
fn files() -> BTreeMap<PathBuf, String> {
    fn gather(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if name == "tests" || name == "tests.rs" {
                continue;
            }
            if path.is_dir() {
                gather(&path, found);
            } else if name.ends_with(".rs") {
                let from_source = path.strip_prefix(source()).expect("within the crate").to_owned();
                found.insert(from_source, fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    let mut found = BTreeMap::new();
    gather(&source(), &mut found);
    assert!(found.len() > 100, "{} files", found.len());
    found
}

/// The program of a file without comments and without the tests at its end.
fn program(text: &str) -> String {
    let comment = Regex::new(r"(?m)//.*$").expect("a pattern");
    let program = comment.replace_all(text, "").into_owned();
    let tests = program.find("#[cfg(test)]\nmod ").unwrap_or(program.len());
    program[..tests].to_owned()
}

/// The rooms that a program takes something from: `crate::room::…`, and the first names of `crate::{…}`.
fn known(program: &str) -> BTreeSet<String> {
    let single = Regex::new(r"crate::(\w+)").expect("a pattern");
    let mut known: BTreeSet<String> = single.captures_iter(program).map(|found| found[1].to_owned()).collect();
    for (at, opening) in program.match_indices("crate::{") {
        let (mut depth, mut first) = (1, String::new());
        for letter in program[at + opening.len()..].chars() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ if depth == 1 => first.push(letter),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        let names = first.split(',').filter_map(|path| path.trim().split("::").next());
        known.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    known
}

/// The rooms in the order in which `src/lib.rs` lists them, lower ones first.
fn rooms() -> Vec<String> {
    let listed = Regex::new(r"\[`(\w+)`\]").expect("a pattern");
    let text = fs::read_to_string(source().join("lib.rs")).expect("a text");
    let lines = text.lines().filter(|line| line.starts_with("//! - "));
    let heads = lines.map(|line| line.split(": ").next().unwrap_or_default().to_owned());
    heads.flat_map(|head| listed.captures_iter(&head).map(|found| found[1].to_owned()).collect::<Vec<_>>()).collect()
}

#[test]
fn arrows_go_down_only() {
    let (rooms, files) = (rooms(), files());
    let floor = |room: &str| rooms.iter().position(|listed| listed == room);
    let mut arrows = 0;
    for (path, text) in &files {
        let first = path.iter().next().expect("a name").to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs");
        if matches!(room, "lib" | "main") {
            continue;
        }
        let here = floor(room).unwrap_or_else(|| panic!("src/lib.rs does not list {room}"));
        for other in known(&program(text)).iter().filter(|other| *other != room) {
            let Some(there) = floor(other) else { continue };
            arrows += 1;
            assert!(there < here, "{} takes from {other}, which src/lib.rs lists after {room}", path.display());
        }
    }
    assert!(arrows > 500, "{arrows} are hardly all");
}

#[test]
fn what_is_taken_is_read_as_the_compiler_reads_it() {
    let text = "use crate::{\n    clock::{Clock, Millis},\n    store::{self, Store},\n    telemetry, wording::Lang as L,\n};\n\
                // crate::admin\nfn a() { crate::files::why() }\n#[cfg(test)]\nmod tests {\n    use crate::http::page;\n}\n";
    let expected = ["clock", "files", "store", "telemetry", "wording"].map(str::to_owned);
    assert_eq!(known(&program(text)), BTreeSet::from(expected));
}
