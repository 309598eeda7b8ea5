//! Completion on Tab, as bash itself does it with what the program prints.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use amocrm_lead_bot::commands::Cli;
use clap::CommandFactory;

/// Completes each line's last word; prints what bash would offer, a line for each.
const ASK: &str = r#"
    complete="$(complete -p "$1")"; offer="$(sed 's/.* -F \([^ ]*\) .*/\1/' <<<"$complete")"
    while IFS= read -r line; do
        read -ra COMP_WORDS <<<"$line"; [ "${line: -1}" != " " ] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
        "$offer" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[*]}"
    done
"#;

/// What bash offers for each line, typed under a name; `None` where there is no bash.
fn offered(name: &str, lines: &[String]) -> Option<Vec<BTreeSet<String>>> {
    let script = Command::new(env!("CARGO_BIN_EXE_amocrm-lead-bot"))
        .args(["completions", "bash", "--name", name])
        .output()
        .expect("the program runs");
    let mut bash = match Command::new("bash")
        .args(["--norc", "-c", &format!("{}\n{ASK}", String::from_utf8_lossy(&script.stdout)), "bash", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
    {
        Ok(bash) => bash,
        Err(error) => {
            eprintln!("skipped: bash is not here ({error})");
            return None;
        }
    };
    let typed: String = lines.iter().map(|line| format!("{name} {line}\n")).collect();
    bash.stdin.take().expect("its input").write_all(typed.as_bytes()).expect("bash reads");
    let said = bash.wait_with_output().expect("bash ends");
    let said = String::from_utf8(said.stdout).expect("text");
    Some(said.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect())
}

/// Every command that people see, with the words before it.
fn levels(command: &clap::Command, before: &str, all: &mut Vec<(String, clap::Command)>) {
    all.push((before.to_owned(), command.clone()));
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        levels(sub, &format!("{before}{} ", sub.get_name()), all);
    }
}

#[test]
fn bash_completes_commands_and_options_at_every_level_under_both_names() {
    let mut all = Vec::new();
    levels(&Cli::command(), "", &mut all);
    assert!(all.len() > 20, "{}", all.len());
    let options = all.iter().map(|(before, _)| format!("{before}--"));
    let commands = all.iter().map(|(before, _)| before.clone());
    let few =
        ["setup --la", "setup --language r", "setup --language = r", "setup --language =", "leads l", "completions z"];
    let lines: Vec<String> = options.chain(commands).chain(few.map(str::to_owned)).collect();
    for name in ["amocrm-lead-bot", "lead-bot"] {
        let Some(offered) = offered(name, &lines) else { return };
        assert_eq!(offered.len(), lines.len(), "{name}");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<String>>();
        for (at, (before, command)) in all.iter().enumerate() {
            let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
            let mut longs: BTreeSet<String> =
                shown.filter_map(|argument| argument.get_long()).map(|long| format!("--{long}")).collect();
            longs.insert("--help".into());
            longs.extend(before.is_empty().then(|| "--version".to_owned()));
            assert_eq!(offered[at], longs, "{name} {before}--<Tab>");
            let subs = command.get_subcommands().filter(|sub| !sub.is_hide_set()).map(|sub| sub.get_name());
            let subs: BTreeSet<String> = subs.map(str::to_owned).collect();
            let offered: BTreeSet<String> =
                offered[all.len() + at].iter().filter(|word| !word.starts_with('-')).cloned().collect();
            assert!(offered.is_superset(&subs), "{name} {before}<Tab>: {offered:?}");
            for hidden in ["man-pages", "as-service"] {
                assert!(!offered.contains(hidden), "{name} {before}<Tab>");
            }
        }
        let last = &offered[2 * all.len()..];
        let want = [&["--language"][..], &["ru"], &["ru"], &["en", "ru"], &["list"], &["zsh"]];
        for ((line, offered), want) in few.iter().zip(last).zip(want) {
            assert_eq!(offered, &words(want), "{name} {line}<Tab>");
        }
    }
}
