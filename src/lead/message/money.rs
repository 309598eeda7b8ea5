//! Finds what is plainly money among other words, as the stretch of the text that says it.
//!
//! What a stretch is worth is told by [`Budget`] alone; here is only decided where it begins and ends, and whether it is money
//! at all. A number that could be a year, a mileage, an engine, an id or a model is none: it stays among the words.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{
    super::{Budget, amount, text},
    given::is_given_name,
};

/// Stands in place of what was found already; a byte long, and in no text that people send.
pub(super) const TAKEN: char = '\u{1}';

/// A number with its thousands or fraction.
const NUMBER: &str = r"(?:\d{1,3}(?:[ \u{A0}\u{202F}\u{2009}.,'’]\d{3})+(?:[.,]\d{1,2})?\b|\d{1,9}(?:[.,]\d{1,3})?)";
/// A number in words.
const WORDS: &str = r"(?:(?:пол(?:тор[аы]|утора)?|од(?:ин|н[уа]|ного)|дв(?:а|е|ух|ести|ухсот)|пар[уа]|тр(?:и|[её]х|иста|[её]хсот|идцат[ьи])|четыр(?:е|[её]х|еста)|пят(?:ь|и|надцат[ьи]|ьдесят|идесяти|ьсот)|шест(?:ь|и|ьдесят|ьсот)|сем(?:ь|и|ьдесят|ьсот)|вос(?:емь|ьми|емьдесят|емьсот)|девят(?:ь|и|ьсот)|девяносто|десят[ьи]|одиннадцат[ьи]|двенадцат[ьи]|двадцат[ьи]|сорока?|ста?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty|hundred|half(?: an?)?)[\s-]+(?:с половиной\s+|and a half\s+)?)+";
/// Thousands and millions behind a number, with or without a blank.
const UNIT: &str = r"(?:\s?(?:млрд|млн|млнов|мил?лио?н\w*|мил[ьл]ен\w*|мль?н|лям\w*|лимон\w*|тыс\w*|тыщ\w*|т\.?\s?р|тр|косар\w*|кус(?:ок|к\w*)|тыр|кк|kk|mln|mio|mil|millions?|thousand|thous|grand|tys\w*|lyam\w*|bn|[кk])\b\.?|[мm]\b\.?)";
/// A currency's sign or name.
const CURRENCY: &str = r"(?:\s?(?:[$€£¥₩₽₸₴₾₺]|(?:руб\w*|рублей|р|rub|rubles?|roubles?|rur|usdt?|us\s?dollars?|dollars?|bucks|eur|euros?|krw|won|cny|rmb|yuan|jpy|aed|dirhams?|kzt|uzs|byn|gel|amd|azn|kgs|gbp|pounds|доллар\w*|дол+ар\w*|долл?|бакс\w*|бачей|евро|евр\w*|юан\w*|вон[аы]?|иен\w?|йен\w?|тенге|теңге|тг|сум(?:ов|а)?|сўм|сом(?:ов|а|они)?|дирхам\w*|у\.?\s?е|лари|драм(?:ов)?|манат\w*|гривен\w*|грн|злот\w*|зелени|юсдт)\b\.?))";
/// What stands in front of a sum and belongs to it.
const LEAD: &str = r"(?:(?:(?:мой|наш|my|our|the|a)\s+)?(?:бюджет(?:ом|а|е)?|budget|сумм[аыу]|amount)\s*(?:у меня|is|of|это)?\s*[:=–—-]?\s*)?(?:(?:до|от|с|около|примерно|приблизительно|ориентировочно|порядка|где-?\s?то|в районе|в пределах|не (?:более|больше|дороже|выше)|максимум|макс\.?|бюджетом|за|на|up to|about|around|under|below|max(?:imum)?\.?|approx(?:imately)?\.?|(?:no|not) more than|at most|within|over|from|between|~|≈|<|±)\s*)*";
/// What stands behind a sum and belongs to it.
const TRAIL: &str = r"(?:\s*[(]?(?:максимум|макс\b\.?|max(?:imum)?\b|примерно|около того|плюс[ /-]*минус|\+[-/]+|\+|не (?:более|больше|дороже|выше)|под ключ|с (?:доставкой|растаможкой|учетом\s+\w+)|наличными|нал\b|за вс[её]|всего|turnkey|total|all in|or so)[)]?)*";
/// Between two bounds.
const TO: &str = r"\s*(?:-|–|—|−|\.\.+|…|до|to|и|and)\s*(?:до\s+|максимум\s+)?";

/// The least roubles that are a budget among other words.
const LEAST: i64 = 10_000;

/// Between two bounds of which only the second may say what it counts.
const DASH: &str = r"\s*(?:-|–|—|−|\.\.+|…)\s*";

/// A sum with its unit, its currency, or both.
static MARKED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let prefixed = format!(r"(?:[$€£¥₩₽]|\b(?:usd|rub|eur|krw)\s)\s?{NUMBER}{UNIT}?");
    let spelt = r"(?:\bпол-?\s?(?:миллион|млн|лям|лимон)\w*|\bполтора-?\s?(?:миллион|млн|лям|лимон)\w*|\b(?:миллиона?|ляма?)\b)";
    let number = format!(r"\b{NUMBER}(?:-?[хx]|-?ти)?(?:\s+с половиной)?{UNIT}{CURRENCY}?|\b{NUMBER}{CURRENCY}");
    let words = format!(
        r"\b{WORDS}(?:млн|млрд|миллион\w*|милион\w*|лям\w*|лимон\w*|тыс\w*|тыщ\w*|косар\w*|million|thousand|mln)\b\.?{CURRENCY}?"
    );
    let smaller = format!(r"(?:\s+(?:{NUMBER}\s?(?:тыс\w*|т\.?р|тр|к|k)\b\.?|\d{{3}}\b){CURRENCY}?)?");
    let one = format!(r"(?:{prefixed}|{words}|{spelt}|{number})");
    let low = format!(r"(?:\b{NUMBER}(?:-?[хx])?{UNIT}?{CURRENCY}?|{words}|[$€£]{NUMBER}{UNIT}?)");
    regex(&format!(
        r"(?P<lead>\b{LEAD}|[~≈<±]\s*|)(?P<sum>(?:(?:от|с|from|between)\s*{low}{TO}|\b{NUMBER}{UNIT}{CURRENCY}?{TO}|{low}{DASH})?{one}{smaller}){TRAIL}"
    ))
});

/// A number that is called the budget.
static CALLED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(&format!(
        r"\b(?:(?:мой|наш|my|our|the)\s+)?(?:бюджет(?:ом|а|е)?|budget)\s*(?:у меня|is|of|это)?\s*[:=–—-]?\s*{LEAD}(?P<sum>{NUMBER}(?:{TO}{NUMBER})?)\b{TRAIL}"
    ))
});

/// A bare number.
static BARE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(&format!(
        r"(?P<lead>\b{LEAD}|[~≈<±]\s*|)(?P<sum>(?:\b(?:от|с|from)\s*{NUMBER}{TO}|\b{NUMBER}{DASH})?\b{NUMBER}\b){TRAIL}"
    ))
});

/// Behind a number of a bound that has its unit only at the second.
static FOREIGN: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(&format!(r"(?:\d|млн|тыс|к|k|m|mln|{UNIT}){CURRENCY}|[$€£¥₩]\s?\d")));
static ROUBLES: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"₽|(?:\d|\b)(?:руб\w*|р|rub|rubles?|roubles?|rur)\b"));

/// What a number beside is, if not money.
static NO_MONEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"\b(?:км|km|миль|miles|пробег\w*|mileage|зарплат\w*|зп|доход\w*|ежемес\w*|monthly|per month|в месяц|в мес|взнос\w*|пв|платеж\w*|платёж\w*|аванс\w*|предоплат\w*)\b",
    )
});

/// For texts that are [`lowered`]: patterns for both cases take twice the memory, and twice as long to read.
fn regex(pattern: &str) -> Option<Regex> {
    // Letters and digits of other scripts say nothing here, and make automata large.
    let pattern = pattern.replace(r"\d", "[0-9]").replace(r"\w", "[а-яёa-z]").replace(r"\s", r"[ \u{A0}\n]");
    Regex::new(&pattern).ok()
}

/// Lower case where it takes as many bytes, so that what is found in it stands at the same place of the text.
fn lowered(text: &str) -> String {
    let lower = |c: char| {
        let mut lower = c.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(lower), None) if lower.len_utf8() == c.len_utf8() => lower,
            _ => c,
        }
    };
    text.chars().map(lower).collect()
}

/// The sum of money that is marked as one by its unit, its currency or the word budget, and where it stands.
pub(super) fn marked(text: &str, is_phone: impl Fn(&str) -> bool) -> Option<(Budget, Range<usize>)> {
    let lower = lowered(text);
    let called = CALLED.as_ref()?.captures_iter(&lower).filter_map(|found| {
        let (whole, sum) = (found.get(0)?, found.name("sum")?);
        let budget = Budget::parse(&text[whole.range()])?;
        // `бюджет 89161234567` is a phone.
        let is_sum = text::digits_in(sum.as_str()) < 10 && budget.price() > 0 && ends_there(text, whole.end());
        is_sum.then(|| (budget, whole.range()))
    });
    let marked = MARKED.as_ref()?.captures_iter(&lower).filter_map(|found| {
        let sum = found.name("sum")?;
        let start = match found.name("lead").is_some_and(|lead| lead.is_empty()) {
            true => behind_phone(text, sum.range(), &is_phone),
            false => found.get(0)?.start(),
        };
        sum_at(text, start..end_of(text, found.get(0)?.range()))
    });
    // What has its unit is looked for first, as it says more.
    let mut marked = marked;
    let mut called = called;
    marked.next().or_else(|| called.next())
}

/// A sum without a unit: large and round, or all that stands between two commas.
pub(super) fn bare(text: &str) -> Option<(Budget, Range<usize>)> {
    BARE.as_ref()?.captures_iter(&lowered(text)).find_map(|found| {
        let (whole, sum) = (found.get(0)?, found.name("sum")?);
        let clause = clause_at(text, whole.range());
        let said = &text[whole.range()];
        let is_alone = text[clause.clone()].trim().trim_end_matches(['.', '!']) == said.trim();
        let budget = Budget::parse(said)?;
        let least = if is_alone { 10_000 } else { 100_000 };
        // `3` and `2,5` in a list of answers are millions; a blank alone could part a model from its number.
        let is_small = is_alone && text::digits_in(sum.as_str()) < 4 && is_listed(text, &clause);
        let is_large =
            text::digits_in(sum.as_str()) > 4 && amount::roubles(sum.as_str()) >= least && budget.price() % 1000 == 0;
        let is_sum = (is_large || is_small)
            && text::digits_in(sum.as_str()) < 19
            && ends_there(text, whole.end())
            && begins_there(text, sum.start())
            && (is_alone || amount::roubles(&context(text, &whole.range())) == budget.price());
        is_sum.then(|| (budget, whole.start()..whole.end()))
    })
}

/// Where a sum ends: a plus behind it may be the next phone's.
fn end_of(text: &str, sum: Range<usize>) -> usize {
    let is_of_phone = text[sum.end..].trim_start().starts_with(|c: char| c.is_ascii_digit());
    let said = &text[sum.clone()];
    let kept = if is_of_phone { said.trim_end_matches([' ', '+']) } else { said.trim_end() };
    sum.start + kept.len()
}

/// A text of the same length in which a number that counts something goes on no phone in front of it: `89161234567 30 тыс`.
pub(super) fn with_phones_apart(text: &str) -> String {
    static WITH_UNIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        regex(r"[ ](?P<sum>\d{1,3}(?:[.,]\d+)?\s?(?:млн|тыс|тр|т\.р|к|k|m|mln|руб|км|km|лет|год|г|л|литр|шт|мест)\b)")
    });
    static COUNTING: LazyLock<Option<Regex>> = LazyLock::new(|| {
        regex(r"(?P<phone>(?:\+?7|8)[ -]?\(?9\d{2}\)?[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}) (?P<words>\d{1,4} \p{L}{3,})")
    });
    let (Some(unit), Some(counting)) = (WITH_UNIT.as_ref(), COUNTING.as_ref()) else { return text.to_owned() };
    let mut parted = text.to_owned();
    for found in unit.find_iter(&lowered(text)) {
        parted.replace_range(found.start()..=found.start(), "|");
    }
    counting.replace_all(&parted, "$phone|$words").into_owned()
}

/// Whether these words are money after all, in what stands around them.
fn sum_at(text: &str, span: Range<usize>) -> Option<(Budget, Range<usize>)> {
    let said = text[span.clone()].trim();
    if !ends_there(text, span.end) || !begins_there(text, span.start) || text::digits_in(said) > 18 {
        return None;
    }
    let clause = context(text, &span);
    let lower = lowered(said);
    let is_foreign =
        FOREIGN.as_ref()?.is_match(&lower) && !ROUBLES.as_ref()?.is_match(&lower) && amount::roubles(said) == 0;
    if is_foreign {
        return (!NO_MONEY.as_ref()?.is_match(&lowered(&clause)))
            .then(|| Some((Budget::parse(said)?, span.clone())))?;
    }
    let budget = Budget::parse(said)?;
    let worth = amount::roubles(&clause);
    let is_money = worth >= LEAST && worth == budget.price();
    is_money.then_some((budget, span))
}

/// The clause around a sum, without what cannot say what the sum is: a phone in front of it, a name right behind it.
fn context(text: &str, span: &Range<usize>) -> String {
    let clause = clause_at(text, span.clone());
    let before = &text[clause.start..span.start];
    let is_behind_phone = text::digits_in(before) >= 10 && before.trim_end().ends_with(|c: char| c.is_ascii_digit());
    let before = if is_behind_phone { "" } else { before };
    let mut behind = &text[span.end..clause.end];
    loop {
        let rest = behind.trim_start();
        let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let word = &rest[..end];
        let is_name =
            word.starts_with(char::is_uppercase) && !amount::is_everyday(word) || is_given_name(&word.to_lowercase());
        if !is_name {
            break;
        }
        behind = &rest[end..];
    }
    format!("{before}{} {behind}", &text[span.clone()])
}

/// Where a sum begins whose first groups of digits may be the end of a phone: `… 123 45 67 500 тыс`.
fn behind_phone(text: &str, sum: Range<usize>, is_phone: impl Fn(&str) -> bool) -> usize {
    let before = text[..sum.start].trim_end_matches([' ', '-', '\u{A0}']);
    if !before.ends_with(|c: char| text::ascii_digit(c).is_some()) {
        return sum.start;
    }
    let is_joint = |c: char| c.is_whitespace() || text::ascii_digit(c).is_some() || "+-()".contains(c);
    let run = before.trim_end_matches(is_joint).len();
    let words = text[sum.clone()].char_indices().filter(|(_, c)| c.is_whitespace() || "-–—".contains(*c));
    let starts = std::iter::once(sum.start).chain(words.map(|(at, c)| sum.start + at + c.len_utf8()));
    let starts = starts.filter(|start| !text[*start..].starts_with(|c: char| c.is_whitespace() || "-–—".contains(c)));
    let is_digits = |run: &str| !run.contains(char::is_alphabetic);
    starts.filter(|start| is_digits(&text[run..*start]) && is_phone(&text[run..*start])).last().unwrap_or(sum.start)
}

/// No letter or digit goes on behind it.
fn ends_there(text: &str, end: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric();
    !(text[end..].starts_with(is_word) && text[..end].ends_with(is_word))
}

/// Nothing in front makes it a part of something else: `K5`, `№ 1234000`, `2*500`.
fn begins_there(text: &str, start: usize) -> bool {
    let before = &text[..start];
    // `2,5 млн` has but few digits before its comma, a phone many.
    let digits =
        before.strip_suffix(',').map(|phone| phone.len() - phone.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    !before.ends_with(|c: char| c.is_alphanumeric() || "№#*/_+@.,".contains(c))
        || digits.is_some_and(|digits| digits > 3)
        || text[start..].starts_with([' ', '$'])
}

/// The words between two commas, ends of sentences or lines around a place; a masked place ends them, too.
pub(super) fn clause_at(text: &str, span: Range<usize>) -> Range<usize> {
    let begin = ends(&text[..span.start]).last().map_or(0, |(_, behind)| behind);
    let end = ends(&text[span.end..]).next().map_or(text.len(), |(at, _)| span.end + at);
    begin..end
}

fn is_listed(text: &str, clause: &Range<usize>) -> bool {
    let (before, behind) = (text[..clause.start].trim_end(), text[clause.end..].trim_start());
    let is_comma = |c: char| ",;\n".contains(c);
    let begins = before.is_empty() || before.ends_with(is_comma) || text[..clause.start].ends_with('\n');
    let ends = behind.is_empty() || behind.starts_with(is_comma) || text[clause.end..].starts_with('\n');
    begins && ends && (before.len() + behind.len() > 0)
}

/// Where clauses end and the next begin.
pub(super) fn ends(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    text.char_indices().filter_map(|(at, c)| {
        let behind = &text[at + c.len_utf8()..];
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let is_blank = behind.is_empty() || behind.starts_with(char::is_whitespace);
        let ends = match c {
            '\n' | ';' | TAKEN | '|' | '•' => true,
            // `1,5` and `K5,белая`.
            ',' => is_blank || !(before.is_numeric() && behind.starts_with(char::is_numeric)),
            '!' | '?' => is_blank,
            // `Я. Ким`, `руб. за`, `ул. Ленина` go on.
            '.' => {
                let word = text[..at].chars().rev().take_while(|c| c.is_alphabetic()).count();
                let next = behind.trim_start();
                is_blank
                    && (word > 3 || before.is_numeric())
                    && (next.is_empty() || next.starts_with(char::is_uppercase))
            }
            '-' | '–' | '—' => before.is_whitespace() && is_blank && !is_between_digits(&text[..at], behind),
            _ => false,
        };
        // A question mark says something of the words before it.
        ends.then(|| (if matches!(c, '!' | '?') { at + c.len_utf8() } else { at }, at + c.len_utf8()))
    })
}

fn is_between_digits(before: &str, behind: &str) -> bool {
    let has_digit = |word: Option<&str>| word.is_some_and(|word| word.contains(|c: char| c.is_ascii_digit()));
    has_digit(behind.split_whitespace().next())
        && before.split_whitespace().rev().take(2).any(|word| has_digit(Some(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lowered_text_has_its_words_at_the_same_places() {
        for (text, lower) in
            [("До 2,5 МЛН Руб", "до 2,5 млн руб"), ("İ 30K", "İ 30k"), ("ẞ \u{212A} $5M", "ẞ \u{212A} $5m")]
        {
            assert_eq!(lowered(text), lower);
            assert_eq!(lowered(text).len(), text.len());
        }
    }

    #[test]
    fn every_pattern_compiles() {
        for pattern in [&MARKED, &CALLED, &BARE, &FOREIGN, &ROUBLES, &NO_MONEY] {
            assert!(pattern.is_some());
        }
    }
}
