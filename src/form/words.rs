//! The words of a text, as lists of words are written.

/// In lower case, with `е` for `ё` and one kind of apostrophe; the signs between them are left out.
pub(super) fn words_of(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('ё', "е").replace(['’', 'ʻ', '‘'], "'");
    let apart = lower.split(|sign: char| !(sign.is_alphanumeric() || sign == '\''));
    apart.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The same with a blank between them.
pub(super) fn plain(text: &str) -> String {
    words_of(text).join(" ")
}

/// The same words cut at apostrophes, too: `don't` is two.
pub(super) fn words_cut_at_apostrophes(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('ё', "е");
    let apart = lower.split(|sign: char| !sign.is_alphanumeric());
    apart.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
