//! Checks digits against the countries' numbering plans.

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, NationalNumber, PhoneNumber, Type};
use serde_json::json;

use super::region::Region;

/// Digits in a number with its country code: at most 15 (ITU-T E.164); fewer than 7 is a short code.
const MAX_E164_DIGITS: usize = 15;
pub(super) const MIN_DIGITS: usize = 7;

/// Below ten digits a number without `+` is too easily something else (a price, a car's id) to guess a country for.
pub(super) const MIN_DIGITS_WITHOUT_PLUS: usize = 10;

/// One reading as E.164, if it is a valid number.
///
/// `code_apart` says that its first digits stand apart as a country code does.
pub(super) fn number(plus: bool, code_apart: bool, digits: &str, region: Region) -> Option<String> {
    if plus {
        let stray_plus = with_stray_plus(digits, region);
        // `+950 123-45-67` is one of the region's mobiles, though Myanmar's `+95 0123…` begins alike.
        if let Some((number, true)) = &stray_plus
            && !code_apart
        {
            return Some(number.clone());
        }
        // `+8 999 …` and `+010 …` are national numbers with a plus too many.
        return international(digits)
            .or_else(|| dialled_abroad(digits, region))
            .or_else(|| without_trunk_prefix(digits, region))
            .or_else(|| stray_plus.map(|(number, _)| number));
    }
    dialled_abroad(digits, region)
        .or_else(|| national(digits, region))
        .or_else(|| (digits.len() >= MIN_DIGITS_WITHOUT_PLUS).then(|| international(digits)).flatten())
}

/// A mobile number of the region without its code, behind a plus that does not belong there; and whether it is likelier
/// to be that than the number it is as it stands.
fn with_stray_plus(digits: &str, region: Region) -> Option<(String, bool)> {
    let code = DATABASE.by_id(region.0.as_ref())?.country_code().to_string();
    // A number that begins with the region's own code lacks a digit rather than the code.
    if digits.starts_with(&code) {
        return None;
    }
    let own = unchanged(&format!("{code}{digits}")).filter(|number| kind(number) == Type::Mobile)?;
    let is_likelier = match unchanged(digits).filter(phonenumber::is_valid) {
        None => true,
        // All of Russia's mobiles have ten digits from 900 on. What they collide with are six or seven digits behind a
        // code of two or three, mostly landlines of Myanmar, Lebanon, Yemen and the Maldives.
        Some(_) if code == "7" => digits.len() == 10 && digits.starts_with('9'),
        Some(foreign) => !matches!(kind(&foreign), Type::Mobile | Type::FixedLineOrMobile),
    };
    Some((e164(&own)?, is_likelier))
}

fn kind(number: &PhoneNumber) -> Type {
    number.number_type(&DATABASE)
}

/// A number that begins with its country code.
pub(super) fn international(digits: &str) -> Option<String> {
    if !(MIN_DIGITS..=MAX_E164_DIGITS).contains(&digits.len()) {
        return None;
    }
    // The crate's parser comes second, for `+44 (0)20 …`: it drops what looks like a trunk prefix, such as the first
    // digit of `+7 800 …` and `+7 812 …`. It gets no region, or it would drop that region's prefix everywhere.
    unchanged(digits)
        .and_then(|number| e164(&number))
        .or_else(|| e164(&phonenumber::parse(None, format!("+{digits}")).ok()?))
}

/// The number these digits are, taken as they stand; the crate has no constructor for it, only its serde form.
fn unchanged(digits: &str) -> Option<PhoneNumber> {
    let (code, national) = (1..=3)
        .filter(|_| !digits.starts_with('0'))
        .filter_map(|length| digits.split_at_checked(length))
        .find_map(|(code, rest)| {
            let code: u16 = code.parse().ok()?;
            DATABASE.by_code(&code).map(|_| (code, rest))
        })?;
    let national: NationalNumber = national.parse().ok()?;
    serde_json::from_value(json!({
        "code": { "value": code, "source": "plus" },
        "national": national,
        "extension": null,
        "carrier": null,
    }))
    .ok()
}

/// A number behind `00` (which people type everywhere) or the region's own international prefix (`810` in Russia).
fn dialled_abroad(digits: &str, region: Region) -> Option<String> {
    let own_prefix = || {
        let found = DATABASE.by_id(region.0.as_ref())?.international_prefix()?.find(digits)?;
        (found.start() == 0).then(|| &digits[found.end()..])
    };
    let abroad = |rest: &str| match with_stray_plus(rest, region) {
        Some((number, true)) => Some(number),
        _ => international(rest),
    };
    digits.strip_prefix("00").and_then(abroad).or_else(|| own_prefix().and_then(international))
}

/// A number in the region's own spelling, with or without its trunk prefix.
///
/// Tried as the international number it stands for first, see [`international`]; the crate's own reading follows, for
/// regions with more than a plain prefix (Argentina's `15`).
fn national(digits: &str, region: Region) -> Option<String> {
    let code = DATABASE.by_id(region.0.as_ref())?.country_code();
    without_trunk_prefix(digits, region)
        .or_else(|| international(&format!("{code}{digits}")))
        .or_else(|| e164(&phonenumber::parse(Some(region.0), digits).ok()?))
}

fn without_trunk_prefix(digits: &str, region: Region) -> Option<String> {
    let plan = DATABASE.by_id(region.0.as_ref())?;
    let rest = digits.strip_prefix(plan.national_prefix()?)?;
    international(&format!("{}{rest}", plan.country_code()))
}

fn e164(number: &PhoneNumber) -> Option<String> {
    if !phonenumber::is_valid(number) {
        return None;
    }
    let e164 = number.format().mode(Mode::E164).to_string();
    let length = e164.len() - 1;
    // Its patterns are not anchored at the end, so 14-digit texts pass for +7, where a number has eleven digits.
    let fits = match number.code().value() {
        7 => length == 11,
        _ => length <= MAX_E164_DIGITS,
    };
    fits.then_some(e164)
}
