//! Takes out of a buyer's words whatever has digits and is no money: addresses, ids, phones, dates, years, mileages.

use std::sync::OnceLock;

use regex::{Captures, Regex, RegexBuilder};

use super::{super::text, normal::BREAK};

/// A number with its thousands or fraction.
const NUMBER: &str = r"(?:\d{1,3}(?:[ .,']\d{3})+|\d+(?:[.,]\d+)?)";
/// Thousands of kilometres.
const THOUSANDS: &str = r"(?:(?:тыс\w*|тыщ\w*|т|к|k)\b\.?)";
const KILOMETRES: &str = r"(?:км|km|килом\w*|miles?|миль)\b";
/// The years cars are made in.
const YEAR: &str = r"(?:19[89]\d|20[0-3]\d)";
const OF_YEAR: &str = r"(?:год\w*|г\.?\s?в\b\.?|гг?\b\.?|лет\b|years?\b|my\b|модел\w*|выпуск\w*)";
const CASE_ENDING: &str = r"(?:-?\s?(?:го|ого|й|ый|м|ом|х|ых|е|ые|ти|ух|ех)\b\s*)?";
const NOT_OVER: &str = r"(?:(?:до|от|с|не|более|больше|свыше|около|примерно|максимум|макс|менее|меньше|старше|ниже|в|районе|пределах|~|<)\s*)*";

/// What `\w`, `\p{L}` and `\d` stand for: signs of Europe's alphabets. With all that Unicode knows the patterns would take
/// 15 MiB of memory; digits are ASCII here.
const WORD: &str = r"[a-z0-9_\u{c0}-\u{24f}\u{370}-\u{52f}]";
const LETTER: &str = r"[a-z\u{c0}-\u{24f}\u{370}-\u{52f}]";

/// No pattern is larger in memory, bytes.
const LARGEST: usize = 64 * 1024;

/// What is taken out or said in one word instead.
struct Aside {
    /// So many digits are in whatever the pattern is found in.
    digits: usize,
    /// And one of these parts, which blanks part; empty where nothing can be said.
    parts: &'static str,
    /// `{NAME}` stands for the constants above. A match with a group `money` stays: it looks like something else (`1990-2000 тыс`
    /// like years) and is a sum after all.
    pattern: &'static str,
    /// Stands in its place.
    instead: &'static str,
    /// Read when a text first has what it needs: a pattern takes half a millisecond and 50 KiB, and most texts need four of them.
    read: OnceLock<Option<Regex>>,
}

impl Aside {
    const fn new(digits: usize, parts: &'static str, pattern: &'static str, instead: &'static str) -> Self {
        Self { digits, parts, pattern, instead, read: OnceLock::new() }
    }

    /// Whether the pattern could be found in a text.
    fn may_be_in(&self, text: &str) -> bool {
        let has_digits = self.digits == 0 || text::digits_in(text) >= self.digits;
        has_digits && (self.parts.is_empty() || self.parts.split(' ').any(|part| text.contains(part)))
    }

    /// A text without it.
    fn taken_out_of(&self, text: String) -> String {
        if !self.may_be_in(&text) {
            return text;
        }
        let Some(pattern) = self.read.get_or_init(|| regex(self.pattern)) else { return text };
        let instead = |found: &Captures<'_>| match found.name("money") {
            Some(_) => found[0].to_owned(),
            None => self.instead.to_owned(),
        };
        pattern.replace_all(&text, instead).into_owned()
    }
}

/// What is taken out, in this order.
static ASIDES: [Aside; 58] = [
    // Addresses: with any scheme, a host with a path, a known kind of host; mail, mentions, paths, `carid=1`.
    Aside::new(0, ":/", r"[a-z][a-z0-9+.-]*:/{1,2}\S+", BREAK),
    Aside::new(0, ":", r"\b(?:mailto|tel|tg|callto|sms):\S+", BREAK),
    Aside::new(0, "/ ? #", r"(?:[\p{L}\d_-]+\.)+(?:[a-z]{2,}|рф|рус|онлайн|сайт|бел|укр)(?::\d+)?[/?#]\S*", BREAK),
    Aside::new(0, "/", r"\b[a-z][a-z0-9-]*\s?\.\s?(?:com|ru|net|me|kr|cn|jp)\s?/\s?\S+(?:\s?/\s?\S+)*", BREAK),
    Aside::new(
        0,
        ".com .ru .net .org .kr .jp .cn .by .kz .ua .uz .kg .su .info .me .io .app .de .eu .ae .pro .online .shop .site",
        r"(?:[a-z0-9-]+\.)*[a-z0-9-]*[a-z][a-z0-9-]*\.(?:com|ru|net|org|kr|jp|cn|by|kz|ua|uz|kg|su|info|me|io|app|de|eu|ae|pro|online|shop|site)\b",
        BREAK,
    ),
    Aside::new(0, "@ #", r"\S+@\S+|@\w+|#\w+", BREAK),
    Aside::new(1, "/", r"\b[a-z_][\w-]*/\S*\d\S*", BREAK),
    Aside::new(0, "=", r"\b[a-z_]\w*=\S+", BREAK),
    // Ids.
    Aside::new(0, "", r"(?:\b(?:vin|вин)\b[\s.:#№=-]*)?\b[a-hj-npr-z0-9]{17}\b", BREAK),
    Aside::new(
        1,
        "id ид айди vin вин лот lot арт ref stock sku car рег чек инн паспорт № n° nº no.",
        r"(?:\b(?:id|ид|айди|vin|вин|лот\w*|lot|арт|артикул\w*|ref|stock|sku|car\s?id|рег|чек\w*|инн|паспорт\w*)\b|№|\bn[°º]|\bno\.)[\s.:#№=-]*[a-z]{0,3}-?\d[\w-]*",
        BREAK,
    ),
    Aside::new(
        5,
        "номер индекс объявлени ссылк код code encar енкар энкар carsensor goonet che168 dongchedi kbchachacha kcar дром drom авито avito автору auto mobile copart копарт iaai аукцион",
        r"\b(?:номер\w*(?:\s+(?:кузов|двигател|шасси|рам|лот|объявлен|авто|машин|телефон|договор|заказ)\w*)?|индекс|объявлени\w*|ссылк\w*|код\w*|code|encar|енкар\w*|энкар\w*|carsensor|goonet|che168|dongchedi|kbchachacha|kcar|дром\w*|drom|авито|avito|автору|autoru|auto|mobile|copart|копарт\w*|iaai|encarid|аукцион\w*)\b[\s.:#№=-]*\d{5,}\b",
        BREAK,
    ),
    Aside::new(5, "id ид айди", r"\b\d{5,}\s*[-(]?\s*(?:id|ид|айди)\b", BREAK),
    // Phones.
    Aside::new(11, "", r"(?:\+\s?|\b)[78][\s.-]{0,2}\(?\d{3}\)?[\s.-]{0,2}\d{3}[\s.-]?\d{2}[\s.-]?\d{2}\b", BREAK),
    Aside::new(11, "+", r"\+\s?\d(?:[\s().-]{0,2}\d){10,14}\b", BREAK),
    Aside::new(4, "(", r"\(\d{3,5}\)[\s-]*\d[\d-]{4,}", BREAK),
    Aside::new(10, "", r"\b9\d{2}[\s.-]?\d{3}[\s.-]?\d{2}[\s.-]?\d{2}\b", BREAK),
    Aside::new(9, "-", r"\b0\d{1,3}-\d{3,4}-\d{4}\b", BREAK),
    Aside::new(7, "-", r"\b\d{3}-\d{2}-\d{2}\b", BREAK),
    Aside::new(
        1,
        "тел tel phone what ватсап вотсап вацап вайбер viber",
        r"\b(?:тел|телефон\w*|tel|phone|whats?app|ватсап\w*|вотсап\w*|вацап\w*|вайбер\w*|viber)\b[\s.:]*\+?\d[\d()-]{4,}",
        BREAK,
    ),
    // Dates, times, spans of time.
    Aside::new(4, ". / -", r"\b\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}\b", BREAK),
    Aside::new(6, "-", r"\b(?:19|20)\d{2}-\d{1,2}-\d{1,2}\b", BREAK),
    Aside::new(
        1,
        "январ феврал март апрел май мая мае июн июл август сентябр октябр ноябр декабр january february april june july august september october november december",
        r"\b\d{1,2}(?:\s?-?\s?(?:го|ое|е|ого))?\s*(?:январ|феврал|март|апрел|ма[йяе]\b|июн|июл|август|сентябр|октябр|ноябр|декабр|january|february|april|june|july|august|september|october|november|december)\w*(?:\s*{YEAR}\b)?",
        BREAK,
    ),
    Aside::new(3, ":", r"\b\d{1,2}:\d{2}(?::\d{2})?\b", BREAK),
    Aside::new(
        1,
        "ч дня дне днй день недел сут day week hour",
        r"\b\d{1,2}\s*(?:-\s*\d{1,2}\s*)?{CASE_ENDING}(?:час\w*|ч\b|дн[яей]\w*|день|недел\w*|сут(?:ки|ок)\b|days?\b|weeks?\b|hours?\b)",
        BREAK,
    ),
    Aside::new(
        0,
        "месяц month",
        r"\b(?:через|в течени[ие]|в ближайши\w*|сроком?|after|within)\s+(?:до\s+)?(?:\d{1,2}\s*(?:-\s*\d{1,2}\s*)?|пару |два |три |полтора |полгода )?(?:месяц\w*|months?\b)",
        BREAK,
    ),
    Aside::new(
        0,
        "месяц month",
        r"\b(?:эт\w+|следующ\w+|текущ\w+|конц\w+|начал\w+|this|next)\s+(?:месяц\w*|month\b)",
        BREAK,
    ),
    // Years and ages.
    Aside::new(
        8,
        "",
        r"\b{YEAR}\s*(?:год\w*|гг?\b\.?)?\s*(?:-|/|до|по|и|или)\s*{YEAR}\b(?:\s*{CASE_ENDING}{OF_YEAR}|(?P<money>\s*(?:{THOUSANDS}|тр\b|руб\w*|₽)))?",
        BREAK,
    ),
    Aside::new(4, "г лет year my модел выпуск", r"\b{YEAR}\s*{CASE_ENDING}{OF_YEAR}", BREAK),
    Aside::new(
        4,
        "г year старше моложе нове свежее после выпуск",
        r"\b(?:год\w*|г\.?в\b\.?|years?|старше|моложе|новее|новей|свежее|после|выпуск\w*)[\s:=-]*(?:(?:с|от|до|не|ниже|старше|позже|раньше|выпуска)\s+)*{YEAR}\b",
        BREAK,
    ),
    Aside::new(4, "+", r"\b{YEAR}\s*\+", BREAK),
    Aside::new(
        1,
        "лет г year",
        r"\b\d{1,2}\s*(?:-\s*\d{1,2}\s*)?{CASE_ENDING}-?\s?(?:лет\w*|год\w*|г\.?\s?в\b|г\b|years?\b)",
        BREAK,
    ),
    // Mileages.
    Aside::new(0, "пробег", r"\bбез\s+пробег\w*", BREAK),
    Aside::new(
        0,
        "пробег",
        r"\b(?:небольш\w*|мал\w*|люб\w*|минимальн\w*|маленьк\w*|низк\w*)\s+пробег\w*|\bпробег\w*\s+(?:не\s*важ\w*|люб\w*|небольш\w*|минимальн\w*|маленьк\w*)",
        BREAK,
    ),
    Aside::new(
        1,
        "пробег mileage километраж одометр",
        r"\b(?:пробег\w*|mileage|километраж\w*|одометр\w*)[\s:=-]*{NOT_OVER}{NUMBER}\s*{THOUSANDS}?\s*(?:-\s*{NUMBER}\s*{THOUSANDS}?\s*|до\s*{NUMBER}\s*(?:{THOUSANDS}|{KILOMETRES})\s*)?(?:{KILOMETRES})?",
        BREAK,
    ),
    Aside::new(
        2,
        "км km килом mile миль",
        r"{NUMBER}\s*{THOUSANDS}?\s*(?:-|до|или)\s*{NUMBER}\s*{THOUSANDS}?\s*{KILOMETRES}",
        BREAK,
    ),
    Aside::new(1, "км km килом mile миль", r"{NUMBER}\s*{THOUSANDS}?\s*{KILOMETRES}", BREAK),
    Aside::new(1, "пробег", r"{NUMBER}\s*{THOUSANDS}\s*пробег\w*", BREAK),
    // Power and volume of an engine; doors, seats, wheels.
    Aside::new(2, "л hp сил квт kw", r"\b\d{2,4}\s*-?\s*(?:л\.?\s?с\b\.?|hp\b|bhp\b|лошад\w*|сил\b|квт\b|kw\b)", BREAK),
    Aside::new(3, "куб cc см", r"\b\d{3,4}\s*(?:куб\w*|cc\b|см3|см³)", BREAK),
    Aside::new(1, "л l", r"\b\d{1,2}(?:[.,]\d)?\s*-?\s*(?:л|l|литр\w*|литр?ов\w*|lit(?:er|re)s?)\b", BREAK),
    Aside::new(
        2,
        ". ,",
        r"\b\d[.,]\d\s*-?\s*(?:t|tdi|tsi|tfsi|cdi|crdi|gdi|mpi|hdi|d|i|v\d|турбо|дизел\w*|бензин\w*|turbo|diesel|hybrid|гибрид\w*|акпп|мкпп|at|mt|вариатор\w*)\b",
        BREAK,
    ),
    Aside::new(
        2,
        "объем двигател мотор двс engine",
        r"\b(?:объем\w*|двигател\w*|мотор\w*|двс|engine)\s*(?:двигателя\s*)?{NOT_OVER}\d[.,]\d\b",
        BREAK,
    ),
    Aside::new(
        1,
        "двер мест ступ человек дет ряд",
        r"\b\d\s*[-х]?\s*-?\s*(?:двер\w*|мест\w*|ступ\w*|человек\w*|дет(?:ей|ьми)|ряд\w*)",
        BREAK,
    ),
    Aside::new(1, "x х wd", r"\b\d\s?[xх]\s?\d\b|\b\dwd\b", BREAK),
    // What is said in several words, and one word that says it.
    // Hours of the day in a word with what may stand behind them: `звоните с 9 до 18`.
    Aside::new(3, "до по -", r"\b[сc]\s+(?:[6-9]|1[0-2])\s*(?:до|по|-)\s*(?:1[3-9]|2[0-4])\s*(?:$|[;,.!?)])", BREAK),
    // So few are cars, not thousands.
    Aside::new(0, "шт", r"\b(?:\d|1\d|одн[ау]|две|три|четыре|пять|пар[ау])\s*(?:штук\w*|шт\b)", " 2 экземпляра "),
    // What the buyer's own car is worth.
    Aside::new(0, "трейд трэйд trade", r"\bтр[еэ]йд[\s-]*ин\w*|\btrade[\s-]*in\b", " продам "),
    Aside::new(
        0,
        "стоит стоимост оцен",
        r"\b(?:моя|мою|моей|свою|своей)\b(?:\s+[\p{L}\d-]+)?\s+(?:стоит|стоимост\w*|оцен\w+)",
        " продам ",
    ),
    Aside::new(
        0,
        "мо сво",
        r"\b(?:стоимост\w*|цен[аеуы]|продаж[ау]|оценк\w*|оценил\w*|оценива\w+|за)\s+(?:за\s+)?(?:мою|моей|мо[её]го|свою|своей)\b",
        " продам ",
    ),
    Aside::new(0, "+ ± ∓ плюс plus", r"\+\s?/?\s?-|-/?\+|±|∓|плюс[\s/-]*минус|plus[\s/-]*minus", " ± "),
    Aside::new(0, "разброс погрешност туда", r"\b(?:с\s+)?(?:разброс\w*|погрешност\w*|туда[\s-]*сюда)\b", " ± "),
    Aside::new(1, "±", r"±\s*\d+(?:[.,]\d+)?\s*(?:%|процент\w*|percent)", BREAK),
    Aside::new(1, "+", r"\+\s*\d+(?:[.,]\d+)?\s*(?:%|процент\w*|percent)", BREAK),
    // A term: what stands beside it may be what is paid each month.
    Aside::new(1, "мес", r"\b(?:на\s+)?\d{1,3}\s*мес(?:\b|яц\w*)", " кредит "),
    Aside::new(0, "неделю день год квартал сутки", r"\bв\s+(?:неделю|день|год|квартал|сутки)\b", " ежемесячно "),
    Aside::new(0, "half", r"\band a half\b", "с половиной"),
    Aside::new(0, "half", r"\bhalf an?\b", "half"),
    Aside::new(
        0,
        "лишн небольшим хвост копейк гаком чем плюсом",
        r"\bс (?:лишн(?:им|ей)|небольшим|хвост\w*|копейк\w*|гаком|чем[\s-]?то|плюсом)\b",
        " ",
    ),
];

/// A text (as [`super::normal::normal`] makes it) without what is no money; a break is left in its place.
///
/// A tolerance (`+-`, `плюс-минус`) becomes `±`.
pub(super) fn without_asides(text: &str) -> String {
    ASIDES.iter().fold(text.to_owned(), |text, aside| aside.taken_out_of(text))
}

/// `None` for a pattern that does not compile, which a test rules out.
fn regex(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&whole(pattern)).size_limit(LARGEST).build().ok()
}

/// A pattern with the constants in it.
fn whole(pattern: &str) -> String {
    let parts = [
        ("{NUMBER}", NUMBER),
        ("{THOUSANDS}", THOUSANDS),
        ("{KILOMETRES}", KILOMETRES),
        ("{YEAR}", YEAR),
        ("{OF_YEAR}", OF_YEAR),
        ("{CASE_ENDING}", CASE_ENDING),
        ("{NOT_OVER}", NOT_OVER),
        (r"\w", WORD),
        (r"\p{L}", LETTER),
        (r"\d", "[0-9]"),
    ];
    parts.iter().fold(pattern.to_owned(), |pattern, (name, part)| pattern.replace(name, part))
}

#[cfg(test)]
mod tests {
    use proptest::{
        strategy::{Strategy, ValueTree},
        string::string_regex,
        test_runner::TestRunner,
    };

    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for aside in &ASIDES {
            assert!(regex(aside.pattern).is_some(), "{}", aside.pattern);
        }
    }

    /// A pattern that is not looked for could not have been found.
    #[test]
    fn whatever_a_pattern_finds_has_what_it_needs() {
        let mut runner = TestRunner::deterministic();
        for aside in &ASIDES {
            let pattern = regex(aside.pattern).expect("a pattern");
            // What is drawn has blanks around it instead.
            let drawn = string_regex(&whole(aside.pattern).replace(r"\b", "").replace("$|", "")).expect("a pattern");
            let mut found = 0;
            for _ in 0..200 {
                let text = format!(" {} ", drawn.new_tree(&mut runner).expect("a text").current());
                for it in pattern.find_iter(&text) {
                    assert!(aside.may_be_in(it.as_str()), "{}: {}", aside.pattern, it.as_str());
                    found += 1;
                }
            }
            assert!(found > 10, "{}: {found}", aside.pattern);
        }
    }

    #[test]
    fn a_usual_budget_has_few_patterns_read() {
        for text in ["2,5 млн", "до 3 000 000 рублей", "30000 $", "2500000"] {
            let needed = ASIDES.iter().filter(|aside| aside.may_be_in(text)).count();
            assert!(needed <= 6, "{text}: {needed}");
        }
    }
}
