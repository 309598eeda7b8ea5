//! The rooms of the crate: each knows only those before it in `src/lib.rs`, and within a room no files know each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
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

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

static COMMENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)//.*$"));
/// Tests in a file of their own, and those at a file's end.
static TESTS_ELSEWHERE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"#\[cfg\(test\)\]\n\s*(?:pub(?:\([^)]*\))? )?mod \w+;"));
static TESTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"#\[cfg\(test\)\]\n\s*(?:pub(?:\([^)]*\))? )?mod "));
static USE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^\s*(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);"));
static DEFINED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?m)^\s*(?:pub(?:\([^)]*\))?\s+)?(?:async\s+|const\s+|unsafe\s+)*",
        r"(?:struct|enum|fn|const|static|type|trait|macro_rules!)\s+(\w+)"
    ))
});

/// The program of a file without comments and without its tests.
fn program(text: &str) -> String {
    let program = COMMENT.replace_all(text, "");
    let program = TESTS_ELSEWHERE.replace_all(&program, "").into_owned();
    let tests = TESTS.find(&program).map_or(program.len(), |tests| tests.start());
    program[..tests].to_owned()
}

/// The rooms that a program takes something from: `crate::room::…`, and the first names of `crate::{…}`.
fn known(program: &str) -> BTreeSet<String> {
    let single = pattern(r"crate::(\w+)");
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
    let listed = pattern(r"\[`(\w+)`\]");
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

/// A module's path from the crate's root.
type Module = Vec<String>;

/// One name of a `use` item.
#[derive(Debug)]
struct Used {
    is_public: bool,
    path: Vec<String>,
    /// What it is called here; `*` for all that is there.
    name: String,
}

/// What is read of a file.
#[derive(Debug)]
struct File {
    uses: Vec<Used>,
    defines: BTreeSet<String>,
    /// The program without its `use` items.
    body: String,
}

impl File {
    fn read(text: &str) -> Self {
        let program = program(text);
        let mut uses = Vec::new();
        for found in USE.captures_iter(&program) {
            let is_public = found.get(1).is_some();
            let paths = paths_of(&found[2], &[]).into_iter();
            uses.extend(paths.map(|(path, name)| Used { is_public, path, name }));
        }
        let body = USE.replace_all(&program, "").into_owned();
        let defines = DEFINED.captures_iter(&body).map(|found| found[1].to_owned()).collect();
        Self { uses, defines, body }
    }
}

/// The paths of a `use` tree, each with the name that it is known by.
fn paths_of(tree: &str, before: &[String]) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    let path = |text: &str| -> Vec<String> {
        let parts = text.split("::").map(str::trim).filter(|part| !part.is_empty());
        before.iter().cloned().chain(parts.map(str::to_owned)).collect()
    };
    if let Some((head, list)) = tree.split_once('{') {
        let before = path(head);
        let list = list.strip_suffix('}').expect("the end of a list");
        let (mut depth, mut trees) = (0, vec![String::new()]);
        for letter in list.chars() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => trees.push(String::new()),
                _ => {}
            }
            if letter != ',' || depth > 0 {
                trees.last_mut().expect("a tree").push(letter);
            }
        }
        return trees.iter().filter(|tree| !tree.trim().is_empty()).flat_map(|tree| paths_of(tree, &before)).collect();
    }
    let (text, called) = tree.split_once(" as ").map_or((tree, None), |(text, called)| (text, Some(called.trim())));
    let mut path = path(text);
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let last = path.last().cloned().unwrap_or_default();
    vec![(path, called.map_or(last, str::to_owned))]
}

/// All files by their modules.
struct House(BTreeMap<Module, File>);

impl House {
    fn of(files: &BTreeMap<PathBuf, String>) -> Self {
        let module = |path: &Path| -> Module {
            let mut names: Module = path.with_extension("").iter().map(|name| name.to_string_lossy().into()).collect();
            if names.last().is_some_and(|last| last == "mod" || last == "lib") {
                names.pop();
            }
            names
        };
        Self(files.iter().map(|(path, text)| (module(path), File::read(text))).collect())
    }

    /// The module that a path leads into, and what is left of the path there; nothing for other crates.
    fn way(&self, here: &[String], path: &[String]) -> Option<(Module, Vec<String>)> {
        let below =
            |module: &[String], name: &String| self.0.contains_key(&[module, std::slice::from_ref(name)].concat());
        let first = path.first()?;
        let (mut module, mut rest) = match first.as_str() {
            "crate" => (Module::new(), &path[1..]),
            "self" => (here.to_vec(), &path[1..]),
            "super" => (here.to_vec(), path),
            _ if below(here, first) => (here.to_vec(), path),
            _ => {
                let is_it = |used: &&Used| used.name == *first && used.path.first() != Some(first);
                let used = self.0.get(here)?.uses.iter().find(is_it)?;
                return self.way(here, &[&used.path, &path[1..]].concat());
            }
        };
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "super" => drop(module.pop()),
                _ if below(&module, first) => module.push(first.clone()),
                _ => break,
            }
            rest = others;
        }
        Some((module, rest.to_vec()))
    }

    /// Where the item that a path names is defined: whoever only passes it on is passed by.
    fn home(
        &self,
        here: &[String],
        path: &[String],
        seen: &mut BTreeSet<(Module, String)>,
    ) -> Option<(Module, String)> {
        let (module, rest) = self.way(here, path)?;
        let (name, more) = rest.split_first()?;
        let file = self.0.get(&module)?;
        let found = (module.clone(), name.clone());
        if !seen.insert(found.clone()) || file.defines.contains(name) {
            return Some(found);
        }
        if let Some(used) = file.uses.iter().find(|used| used.name == *name) {
            return self.home(&module, &[&used.path, more].concat(), seen);
        }
        let all = file.uses.iter().filter(|used| used.name == "*");
        let mut behind = all.filter_map(|used| {
            let folder = &used.path[..used.path.len() - 1];
            self.home(&module, &[folder, &rest].concat(), &mut seen.clone())
        });
        Some(behind.find(|(module, name)| self.0[module].defines.contains(name)).unwrap_or(found))
    }

    /// What each file takes from other files of its room. What it only passes on it does not take; methods are not seen.
    fn arrows(&self) -> BTreeMap<&Module, BTreeMap<Module, BTreeSet<String>>> {
        let named = pattern(r"(?:^|[^\w:.])(\w+(?:::\w+)+)");
        let word = pattern(r"\w+");
        let mut arrows = BTreeMap::new();
        for (module, file) in &self.0 {
            let words: BTreeSet<&str> = word.find_iter(&file.body).map(|found| found.as_str()).collect();
            let used = file.uses.iter().filter(|used| !used.is_public || words.contains(used.name.as_str()));
            let used = used.map(|used| used.path.clone());
            let named = named.captures_iter(&file.body).map(|path| path[1].split("::").map(str::to_owned).collect());
            let mut taken: BTreeMap<Module, BTreeSet<String>> = BTreeMap::new();
            for path in used.chain(named) {
                let Some((other, name)) = self.home(module, &path, &mut BTreeSet::new()) else { continue };
                if other != *module && other.first() == module.first() {
                    taken.entry(other).or_default().insert(name);
                }
            }
            arrows.insert(module, taken);
        }
        arrows
    }
}

/// The files of a room that take from one another in a circle, and what each takes from the others.
fn circles(arrows: &BTreeMap<&Module, BTreeMap<Module, BTreeSet<String>>>) -> Vec<String> {
    let reached = |from: &Module| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            next.extend(arrows[module].keys().filter(|other| reached.insert((*other).clone())));
        }
        reached
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = arrows.keys().map(|from| (*from, reached(from))).collect();
    let mut told = BTreeSet::new();
    let mut circles = Vec::new();
    for (module, others) in &reached {
        let circle: Vec<&Module> = others.iter().filter(|other| reached[other].contains(*module)).collect();
        if circle.is_empty() || !told.insert(circle.clone()) {
            continue;
        }
        let ties = circle.iter().flat_map(|from| {
            let to = arrows[*from].iter().filter(|(to, _)| circle.contains(to));
            to.map(|(to, names)| format!("{} takes {names:?} from {}", from.join("/"), to.join("/")))
        });
        circles.push(ties.collect::<Vec<_>>().join("\n"));
    }
    circles
}

#[test]
fn within_a_room_no_files_take_from_one_another_in_a_circle() {
    let house = House::of(&files());
    let arrows = house.arrows();
    let number: usize = arrows.values().map(BTreeMap::len).sum();
    assert!(number > 1000, "{number} are hardly all");
    let circles = circles(&arrows);
    assert!(circles.is_empty(), "{} circles:\n\n{}", circles.len(), circles.join("\n\n"));
}

#[test]
fn a_circle_is_found_however_its_files_name_what_they_take() {
    let told = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        circles(&House::of(&files).arrows()).join("\n")
    };
    let by_lists = [
        ("room/mod.rs", "mod one;\nmod two;\n"),
        ("room/one.rs", "use super::{\n    two::{self, B as C},\n};\npub struct A;\n"),
        ("room/two.rs", "pub struct B(crate::room::one::A);\n"),
    ];
    assert_eq!(told(&by_lists), "room/one takes {\"B\"} from room/two\nroom/two takes {\"A\"} from room/one");
    // What their folder passes on is taken from where it is.
    let passed_on = [
        ("room/mod.rs", "mod one;\n#[cfg(test)]\nmod tests;\nmod two;\npub use one::A;\npub use two::*;\n"),
        ("room/one.rs", "use super::B;\npub struct A;\n"),
        ("room/two.rs", "use super::{A, one};\npub struct B;\nfn b() { one::a() }\n"),
    ];
    assert_eq!(told(&passed_on), "room/one takes {\"B\"} from room/two\nroom/two takes {\"A\", \"a\"} from room/one");
    // A folder's own file and one below it.
    let below = [
        ("room/mod.rs", "mod one;\npub struct B;\nfn b() { one::a() }\n"),
        ("room/one.rs", "pub fn a() -> super::B { super::B }\n"),
    ];
    assert_eq!(told(&below), "room takes {\"a\"} from room/one\nroom/one takes {\"B\"} from room");
    for no_circle in [
        // Only passed on.
        [("room/mod.rs", "mod one;\npub use one::A;\npub struct B;\n"), ("room/one.rs", "pub struct A(super::B);\n")],
        // By tests alone.
        [
            ("room/mod.rs", "mod one;\npub struct B(one::A);\n"),
            ("room/one.rs", "pub struct A;\n#[cfg(test)]\nmod tests {\n    use super::super::B;\n}\n"),
        ],
        // In words.
        [("room/mod.rs", "mod one;\npub struct B(one::A);\n"), ("room/one.rs", "// super::B\npub struct A;\n")],
    ] {
        assert_eq!(told(&no_circle), "");
    }
}
