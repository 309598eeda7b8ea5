//! What people read: every link in it leads somewhere, and it names every setting and every command.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use amocrm_lead_bot::{commands::Cli, config::SETTINGS};
use clap::{CommandFactory, Parser};
use regex::Regex;

/// Those of Heroku itself and of tests.
const NOT_FOR_PEOPLE: [&str; 3] = ["DYNO", "TEST_SPEED", "PORT"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every document of the repository by its path from the root.
fn documents() -> BTreeMap<PathBuf, String> {
    fn gather(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && name != "node_modules" && !name.to_string_lossy().starts_with('.') {
                    gather(&path, found);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let from_root = path.strip_prefix(root()).expect("within the repository").to_owned();
                found.insert(from_root, fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    let mut found = BTreeMap::new();
    gather(root(), &mut found);
    found
}

/// The lines that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// The commands a reader copies: the lines of `sh` blocks, without what is said about them.
fn commands_to_copy(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = line == "```sh";
        } else if in_code {
            let command = line.split("  #").next().unwrap_or_default().trim_end();
            commands.push(command.to_owned());
        }
    }
    commands
}

/// As GitHub makes them: letters, digits, `-` and `_` are kept, blanks become `-`, what comes again gets a number.
fn anchors(text: &str) -> Vec<String> {
    let link = Regex::new(r"\[([^\]]*)\]\([^)]*\)").expect("a pattern");
    let mut made: Vec<String> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for heading in prose(text).filter(|line| line.starts_with('#')) {
        let words = link.replace_all(heading.trim_start_matches('#').trim(), "$1").to_lowercase();
        let slug: String = words
            .chars()
            .filter(|sign| sign.is_alphanumeric() || [' ', '-', '_'].contains(sign))
            .map(|sign| if sign == ' ' { '-' } else { sign })
            .collect();
        let times = seen.entry(slug.clone()).or_default();
        made.push(if *times == 0 { slug } else { format!("{slug}-{times}") });
        *times += 1;
    }
    made
}

/// A path without `.` and `..`; one that leaves the repository has none.
fn tidy(path: &Path) -> Option<PathBuf> {
    path.components().try_fold(PathBuf::new(), |mut tidied, part| {
        match part {
            Component::Normal(name) => tidied.push(name),
            Component::CurDir => {}
            Component::ParentDir => tidied.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
        Some(tidied)
    })
}

#[test]
fn every_link_leads_somewhere() {
    // Also what stands in a page's own tags.
    let link = Regex::new(r#"\]\(([^)\s]+)\)|(?:src|href)="([^"]+)""#).expect("a pattern");
    let code = Regex::new("`[^`]*`").expect("a pattern");
    let documents = documents();
    let mut followed = 0;
    let mut dead = Vec::new();
    for (path, text) in &documents {
        let prose = prose(text).collect::<Vec<_>>().join("\n");
        // A label may be code; what is written as code alone is no link.
        let shown = code.replace_all(&prose, "code");
        for found in link.captures_iter(&shown) {
            let target = found.get(1).or(found.get(2)).expect("an address").as_str();
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let aim = match file {
                "" => Some(path.clone()),
                _ => tidy(&path.parent().unwrap_or(Path::new("")).join(file)),
            };
            let Some(aim) = aim.filter(|aim| root().join(aim).exists()) else {
                dead.push(format!("{}: {target} is not there", path.display()));
                continue;
            };
            let has = |anchor: &str| documents.get(&aim).is_some_and(|text| anchors(text).contains(&anchor.to_owned()));
            if anchor.is_some_and(|anchor| !has(anchor)) {
                dead.push(format!("{}: {target} has no such heading", path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    assert!(followed > 100, "only {followed} links were found");
}

#[test]
fn headings_have_the_anchors_of_github() {
    let text = "# A `b` c\n## На сервере (VPS, лучше всего)\n```sh\n# no heading\n```\n## What happens, and what to do\n## Once\n## Once\n## [Link](a.md) x_y";
    let want = ["a-b-c", "на-сервере-vps-лучше-всего", "what-happens-and-what-to-do", "once", "once-1", "link-x_y"];
    assert_eq!(anchors(text), want);
}

#[test]
fn every_document_begins_with_its_contents() {
    for (path, text) in documents() {
        if path.parent() != Some(Path::new("docs")) {
            continue;
        }
        let headings: Vec<&str> = prose(&text).filter_map(|line| line.strip_prefix("## ")).collect();
        let entries: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("- [")?.split_once("](#")).map(|(name, _)| name).collect();
        assert_eq!(entries, headings, "{}", path.display());
    }
}

#[test]
fn every_setting_is_explained_in_both_languages() {
    for file in ["docs/settings.md", "docs/settings.ru.md", ".env.example"] {
        let text = text(file);
        for name in SETTINGS.iter().filter(|name| !NOT_FOR_PEOPLE.contains(name)) {
            let named = if file == ".env.example" { (*name).to_owned() } else { format!("`{name}`") };
            assert!(text.contains(&named), "{name} is not in {file}");
        }
    }
}

#[test]
fn every_command_is_explained() {
    let text = text("docs/commands.md");
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let of: Vec<_> =
            command.get_subcommands().map(|inner| format!("{} {}", command.get_name(), inner.get_name())).collect();
        let names = if of.is_empty() { vec![command.get_name().to_owned()] } else { of };
        for name in names {
            assert!(text.contains(&format!("`{name}")), "{name} is not in docs/commands.md");
        }
    }
}

/// Every command that is run by its own name, with what it is said to be given.
#[test]
fn every_command_line_in_print_is_understood() {
    let span = Regex::new("`(amocrm-lead-bot [^`]+)`").expect("a pattern");
    let mut lines: Vec<(String, String)> = Vec::new();
    for (path, text) in documents() {
        let place = path.display().to_string();
        for found in span.captures_iter(&prose(&text).collect::<Vec<_>>().join(" ")) {
            lines.push((place.clone(), found[1].to_owned()));
        }
        for line in commands_to_copy(&text) {
            if let Some(at) = line.find("amocrm-lead-bot ").filter(|at| *at == 0) {
                lines.push((place.clone(), line[at..].to_owned()));
            }
        }
    }
    fn of(command: &clap::Command, name: &str, lines: &mut Vec<(String, String)>) {
        let name = format!("{name} {}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let run = Regex::new(r"(?:^|\s)(amocrm-lead-bot .*)").expect("a pattern");
        let before = lines.len();
        for line in help.lines().filter_map(|line| run.captures(line)) {
            lines.push((format!("{name} --help"), line[1].to_owned()));
        }
        let has_own = command.get_subcommands().next().is_none();
        assert!(!has_own || lines.len() > before, "{name} --help has no examples");
        command.get_subcommands().for_each(|inner| of(inner, &name, lines));
    }
    of(&Cli::command(), "", &mut lines);
    assert!(lines.len() > 60, "{lines:#?}");
    let substitution = Regex::new(r"\$\([^)]*\)").expect("a pattern");
    for (place, line) in lines {
        // A person reads on behind two blanks; a shell takes the rest.
        let own = substitution.replace_all(line.split("  ").next().unwrap_or_default(), "now");
        let own = own.split(['|', '<', '>', ';']).next().unwrap_or_default().replace(['\'', '"'], "");
        let parsed = Cli::try_parse_from(own.split_whitespace());
        assert!(parsed.is_ok(), "{place}: {line}\n{}", parsed.err().map(|error| error.to_string()).unwrap_or_default());
    }
}

#[test]
fn the_set_up_has_the_same_commands_in_both_languages() {
    // For what is done without a package the Russian page refers to the English one.
    let english = text("docs/setup.md");
    let (before, behind) = english.split_once("### Without a package").unwrap_or((english.as_str(), ""));
    let behind = behind.split_once("\n## ").map_or("", |(_, behind)| behind);
    let english = [commands_to_copy(before), commands_to_copy(behind)].concat();
    let russian = commands_to_copy(&text("docs/setup.ru.md"));
    assert!(english.len() > 20, "{english:#?}");
    for command in &english {
        assert!(russian.contains(command), "{command:?} is not in docs/setup.ru.md");
    }
}
