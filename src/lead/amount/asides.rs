//! Takes out of a buyer's words whatever has digits and is no money: addresses, ids, phones, dates, years, mileages.

use std::sync::LazyLock;

use regex::{Captures, Regex, RegexBuilder};

use super::normal::BREAK;

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

/// What is taken out, in this order; `{NAME}` stands for the constants above. A match with a group `money` stays: it looks
/// like something else (`1990-2000 тыс` like years) and is a sum after all.
const PATTERNS: &[&str] = &[
    // Addresses: with any scheme, a host with a path, a known kind of host; mail, mentions, paths, `carid=1`.
    r"[a-z][a-z0-9+.-]*:/{1,2}\S+",
    r"\b(?:mailto|tel|tg|callto|sms):\S+",
    r"(?:[\p{L}\d_-]+\.)+(?:[a-z]{2,}|рф|рус|онлайн|сайт|бел|укр)(?::\d+)?[/?#]\S*",
    r"\b[a-z][a-z0-9-]*\s?\.\s?(?:com|ru|net|me|kr|cn|jp)\s?/\s?\S+(?:\s?/\s?\S+)*",
    r"(?:[a-z0-9-]+\.)*[a-z0-9-]*[a-z][a-z0-9-]*\.(?:com|ru|net|org|kr|jp|cn|by|kz|ua|uz|kg|su|info|me|io|app|de|eu|ae|pro|online|shop|site)\b",
    r"\S+@\S+|@\w+|#\w+",
    r"\b[a-z_][\w-]*/\S*\d\S*",
    r"\b[a-z_]\w*=\S+",
    // Ids.
    r"(?:\b(?:vin|вин)\b[\s.:#№=-]*)?\b[a-hj-npr-z0-9]{17}\b",
    r"(?:\b(?:id|ид|айди|vin|вин|лот\w*|lot|арт|артикул\w*|ref|stock|sku|car\s?id|рег|чек\w*|инн|паспорт\w*)\b|№|\bn[°º]|\bno\.)[\s.:#№=-]*[a-z]{0,3}-?\d[\w-]*",
    r"\b(?:номер\w*(?:\s+(?:кузов|двигател|шасси|рам|лот|объявлен|авто|машин|телефон|договор|заказ)\w*)?|индекс|объявлени\w*|ссылк\w*|код\w*|code|encar|енкар\w*|энкар\w*|carsensor|goonet|che168|dongchedi|kbchachacha|kcar|дром\w*|drom|авито|avito|автору|autoru|auto|mobile|copart|копарт\w*|iaai|encarid|аукцион\w*)\b[\s.:#№=-]*\d{5,}\b",
    r"\b\d{5,}\s*[-(]?\s*(?:id|ид|айди)\b",
    // Phones.
    r"(?:\+\s?|\b)[78][\s.-]{0,2}\(?\d{3}\)?[\s.-]{0,2}\d{3}[\s.-]?\d{2}[\s.-]?\d{2}\b",
    r"\+\s?\d(?:[\s().-]{0,2}\d){10,14}\b",
    r"\(\d{3,5}\)[\s-]*\d[\d-]{4,}",
    r"\b9\d{2}[\s.-]?\d{3}[\s.-]?\d{2}[\s.-]?\d{2}\b",
    r"\b0\d{1,3}-\d{3,4}-\d{4}\b",
    r"\b\d{3}-\d{2}-\d{2}\b",
    r"\b(?:тел|телефон\w*|tel|phone|whats?app|ватсап\w*|вотсап\w*|вацап\w*|вайбер\w*|viber)\b[\s.:]*\+?\d[\d()-]{4,}",
    // Dates, times, spans of time.
    r"\b\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}\b",
    r"\b(?:19|20)\d{2}-\d{1,2}-\d{1,2}\b",
    r"\b\d{1,2}(?:\s?-?\s?(?:го|ое|е|ого))?\s*(?:январ|феврал|март|апрел|ма[йяе]\b|июн|июл|август|сентябр|октябр|ноябр|декабр|january|february|april|june|july|august|september|october|november|december)\w*(?:\s*{YEAR}\b)?",
    r"\b\d{1,2}:\d{2}(?::\d{2})?\b",
    r"\b\d{1,2}\s*(?:-\s*\d{1,2}\s*)?{CASE_ENDING}(?:час\w*|ч\b|дн[яей]\w*|день|недел\w*|сут(?:ки|ок)\b|days?\b|weeks?\b|hours?\b)",
    r"\b(?:через|в течени[ие]|в ближайши\w*|сроком?|after|within)\s+(?:до\s+)?(?:\d{1,2}\s*(?:-\s*\d{1,2}\s*)?|пару |два |три |полтора |полгода )?(?:месяц\w*|months?\b)",
    r"\b(?:эт\w+|следующ\w+|текущ\w+|конц\w+|начал\w+|this|next)\s+(?:месяц\w*|month\b)",
    // Years and ages.
    r"\b{YEAR}\s*(?:год\w*|гг?\b\.?)?\s*(?:-|/|до|по|и|или)\s*{YEAR}\b(?:\s*{CASE_ENDING}{OF_YEAR}|(?P<money>\s*(?:{THOUSANDS}|тр\b|руб\w*|₽)))?",
    r"\b{YEAR}\s*{CASE_ENDING}{OF_YEAR}",
    r"\b(?:год\w*|г\.?в\b\.?|years?|старше|моложе|новее|новей|свежее|после|выпуск\w*)[\s:=-]*(?:(?:с|от|до|не|ниже|старше|позже|раньше|выпуска)\s+)*{YEAR}\b",
    r"\b{YEAR}\s*\+",
    r"\b\d{1,2}\s*(?:-\s*\d{1,2}\s*)?{CASE_ENDING}-?\s?(?:лет\w*|год\w*|г\.?\s?в\b|г\b|years?\b)",
    // Mileages.
    r"\bбез\s+пробег\w*",
    r"\b(?:небольш\w*|мал\w*|люб\w*|минимальн\w*|маленьк\w*|низк\w*)\s+пробег\w*|\bпробег\w*\s+(?:не\s*важ\w*|люб\w*|небольш\w*|минимальн\w*|маленьк\w*)",
    r"\b(?:пробег\w*|mileage|километраж\w*|одометр\w*)[\s:=-]*{NOT_OVER}{NUMBER}\s*{THOUSANDS}?\s*(?:-\s*{NUMBER}\s*{THOUSANDS}?\s*|до\s*{NUMBER}\s*(?:{THOUSANDS}|{KILOMETRES})\s*)?(?:{KILOMETRES})?",
    r"{NUMBER}\s*{THOUSANDS}?\s*(?:-|до|или)\s*{NUMBER}\s*{THOUSANDS}?\s*{KILOMETRES}",
    r"{NUMBER}\s*{THOUSANDS}?\s*{KILOMETRES}",
    r"{NUMBER}\s*{THOUSANDS}\s*пробег\w*",
    // Power and volume of an engine; doors, seats, wheels.
    r"\b\d{2,4}\s*-?\s*(?:л\.?\s?с\b\.?|hp\b|bhp\b|лошад\w*|сил\b|квт\b|kw\b)",
    r"\b\d{3,4}\s*(?:куб\w*|cc\b|см3|см³)",
    r"\b\d{1,2}(?:[.,]\d)?\s*-?\s*(?:л|l|литр\w*|литр?ов\w*|lit(?:er|re)s?)\b",
    r"\b\d[.,]\d\s*-?\s*(?:t|tdi|tsi|tfsi|cdi|crdi|gdi|mpi|hdi|d|i|v\d|турбо|дизел\w*|бензин\w*|turbo|diesel|hybrid|гибрид\w*|акпп|мкпп|at|mt|вариатор\w*)\b",
    r"\b(?:объем\w*|двигател\w*|мотор\w*|двс|engine)\s*(?:двигателя\s*)?{NOT_OVER}\d[.,]\d\b",
    r"\b\d\s*[-х]?\s*-?\s*(?:двер\w*|мест\w*|ступ\w*|человек\w*|дет(?:ей|ьми)|ряд\w*)",
    r"\b\d\s?[xх]\s?\d\b|\b\dwd\b",
];

/// What is said in several words, and one word that says it.
const WORDINGS: &[(&str, &str)] = &[
    // Hours of the day in a word with what may stand behind them: `звоните с 9 до 18`.
    (r"\b[сc]\s+(?:[6-9]|1[0-2])\s*(?:до|по|-)\s*(?:1[3-9]|2[0-4])\s*(?:$|[;,.!?)])", BREAK),
    // So few are cars, not thousands.
    (r"\b(?:\d|1\d|одн[ау]|две|три|четыре|пять|пар[ау])\s*(?:штук\w*|шт\b)", " 2 экземпляра "),
    // What the buyer's own car is worth.
    (r"\bтр[еэ]йд[\s-]*ин\w*|\btrade[\s-]*in\b", " продам "),
    (r"\b(?:моя|мою|моей|свою|своей)\b(?:\s+[\p{L}\d-]+)?\s+(?:стоит|стоимост\w*|оцен\w+)", " продам "),
    (
        r"\b(?:стоимост\w*|цен[аеуы]|продаж[ау]|оценк\w*|оценил\w*|оценива\w+|за)\s+(?:за\s+)?(?:мою|моей|мо[её]го|свою|своей)\b",
        " продам ",
    ),
    (r"\+\s?/?\s?-|-/?\+|±|∓|плюс[\s/-]*минус|plus[\s/-]*minus", " ± "),
    (r"\b(?:с\s+)?(?:разброс\w*|погрешност\w*|туда[\s-]*сюда)\b", " ± "),
    (r"±\s*\d+(?:[.,]\d+)?\s*(?:%|процент\w*|percent)", BREAK),
    (r"\+\s*\d+(?:[.,]\d+)?\s*(?:%|процент\w*|percent)", BREAK),
    // A term: what stands beside it may be what is paid each month.
    (r"\b(?:на\s+)?\d{1,3}\s*мес(?:\b|яц\w*)", " кредит "),
    (r"\bв\s+(?:неделю|день|год|квартал|сутки)\b", " ежемесячно "),
    (r"\band a half\b", "с половиной"),
    (r"\bhalf an?\b", "half"),
    (r"\bс (?:лишн(?:им|ей)|небольшим|хвост\w*|копейк\w*|гаком|чем[\s-]?то|плюсом)\b", " "),
];

/// A text (as [`super::normal::normal`] makes it) without what is no money; a break is left in its place.
///
/// A tolerance (`+-`, `плюс-минус`) becomes `±`.
pub(super) fn without_asides(text: &str) -> String {
    static ASIDES: LazyLock<Vec<Regex>> =
        LazyLock::new(|| PATTERNS.iter().filter_map(|pattern| regex(pattern)).collect());
    static REWORDED: LazyLock<Vec<(Regex, &str)>> =
        LazyLock::new(|| WORDINGS.iter().filter_map(|(pattern, wording)| Some((regex(pattern)?, *wording))).collect());
    let taken_out =
        |found: &Captures<'_>| if found.name("money").is_some() { found[0].to_owned() } else { BREAK.into() };
    let text = ASIDES.iter().fold(text.to_owned(), |text, aside| aside.replace_all(&text, taken_out).into_owned());
    REWORDED.iter().fold(text, |text, (wording, plain)| wording.replace_all(&text, *plain).into_owned())
}

/// `None` for a pattern that does not compile, which a test rules out.
fn regex(pattern: &str) -> Option<Regex> {
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
    let whole = parts.iter().fold(pattern.to_owned(), |pattern, (name, part)| pattern.replace(name, part));
    RegexBuilder::new(&whole).size_limit(LARGEST).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in PATTERNS.iter().chain(WORDINGS.iter().map(|(pattern, _)| pattern)) {
            assert!(regex(pattern).is_some(), "{pattern}");
        }
    }
}
