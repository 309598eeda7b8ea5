//! The time of a day, which is said with the day.

use super::calendar::number;

/// What is said beside a time of the day; `None` where there is none, or nothing else.
pub(super) fn without_time(text: &str) -> Option<String> {
    const PARTS: &[&str] = &[
        "утром",
        "утра",
        "утро",
        "вечером",
        "вечера",
        "вечер",
        "ночью",
        "днем",
        "обед",
        "обеда",
        "обедом",
        "полдень",
        "morning",
        "afternoon",
        "evening",
        "night",
        "noon",
        "midday",
        "ertalab",
        "kechqurun",
    ];
    const BEFORE: &[&str] = &[
        "в",
        "во",
        "к",
        "ко",
        "после",
        "до",
        "с",
        "около",
        "ближе",
        "примерно",
        "at",
        "by",
        "after",
        "before",
        "in",
        "the",
        "around",
    ];
    let said: Vec<&str> = text.split_whitespace().collect();
    let bare = |word: &'_ str| word.trim_matches(|sign: char| ",.;!()".contains(sign)).to_owned();
    let mut rest: Vec<String> = Vec::new();
    let mut is_found = false;
    let mut at = 0;
    while at < said.len() {
        let word = bare(said[at]);
        let next = said.get(at + 1).map(|next| bare(next)).unwrap_or_default();
        let is_hours = ["часов", "часа", "час", "ч", "pm", "am", "p.m", "a.m"].contains(&next.as_str());
        let is_hour = number(&word).is_some_and(|hour| hour < 25);
        // `после 18` says a time where it ends what is said.
        let is_behind = at + 1 == said.len() && at > 1 && BEFORE.contains(&bare(said[at - 1]).as_str());
        let taken = match () {
            () if PARTS.contains(&word.as_str()) || is_clock(&word) => 1,
            () if is_hour && is_hours && !is_after(&said, at) => 2,
            () if is_hour && is_behind => 1,
            () => 0,
        };
        if taken == 0 {
            rest.push(word);
            at += 1;
            continue;
        }
        is_found = true;
        while rest.last().is_some_and(|before| BEFORE.contains(&before.as_str())) {
            rest.pop();
        }
        at += taken;
        // `3 часа дня`
        at += usize::from(taken == 2 && said.get(at).is_some_and(|word| bare(word) == "дня"));
    }
    let day = rest.join(" ");
    (is_found && day.chars().any(char::is_alphanumeric)).then_some(day)
}

/// `через 2 часа` is no time of a day.
fn is_after(said: &[&str], at: usize) -> bool {
    at > 0 && ["через", "in"].contains(&said[at - 1])
}

/// `15:00`, `9:30`, `15.00`, `3pm`.
fn is_clock(word: &str) -> bool {
    if let Some(hour) = word.strip_suffix("pm").or_else(|| word.strip_suffix("am")) {
        return number(hour).is_some_and(|hour| hour < 13) || is_clock(hour);
    }
    let is_time = |(hour, minute): (&str, &str), is_plain: bool| {
        let minutes = number(minute).filter(|_| minute.len() == 2);
        let is_minute = minutes.is_some_and(|minute| minute < 60 && (is_plain || minute == 0 || minute > 12));
        number(hour).is_some_and(|hour| hour < 25) && is_minute
    };
    match (word.split_once(':'), word.split_once('.')) {
        (Some(parts), _) => is_time(parts, true),
        (None, Some(parts)) => is_time(parts, false),
        (None, None) => false,
    }
}
