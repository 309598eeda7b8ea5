//! Checks digits against the countries' numbering plans.

use rlibphonenumber::{CountryCodeSource, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType as Type};

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
    let code = region.country_code()?.to_string();
    // A number that begins with the region's own code lacks a digit rather than the code.
    if digits.starts_with(&code) {
        return None;
    }
    let own = unchanged(&format!("{code}{digits}")).filter(|number| number.get_type() == Type::Mobile)?;
    let is_likelier = match unchanged(digits).filter(PhoneNumber::is_valid) {
        None => true,
        // All of Russia's mobiles have ten digits from 900 on. What they collide with are six or seven digits behind a
        // code of two or three, mostly landlines of Myanmar, Lebanon, Yemen and the Maldives.
        Some(_) if code == "7" => digits.len() == 10 && digits.starts_with('9'),
        Some(foreign) => !matches!(foreign.get_type(), Type::Mobile | Type::FixedLineOrMobile),
    };
    Some((e164(&own)?, is_likelier))
}

/// A number that begins with its country code.
pub(super) fn international(digits: &str) -> Option<String> {
    if !(MIN_DIGITS..=MAX_E164_DIGITS).contains(&digits.len()) {
        return None;
    }
    // The library's parser comes second, for `+44 (0)20 …`: it drops what looks like a trunk prefix. It gets no region, or
    // it would drop that region's prefix everywhere.
    unchanged(digits)
        .and_then(|number| e164(&number))
        .or_else(|| e164(&PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).ok()?))
}

/// The number these digits are, taken as they stand.
fn unchanged(digits: &str) -> Option<PhoneNumber> {
    let (country_code, national) = (1..=3)
        .filter(|_| !digits.starts_with('0'))
        .filter_map(|length| digits.split_at_checked(length))
        .find_map(|(code, rest)| {
            let code = code.parse().ok()?;
            PHONE_NUMBER_UTIL.get_region_for_country_code(code).map(|_| (code, rest))
        })?;
    // The last zero is the number itself where it is nothing but zeros.
    let zeros = national.bytes().take(national.len().saturating_sub(1)).take_while(|digit| *digit == b'0').count();
    Some(PhoneNumber {
        country_code,
        national_number: national.parse().ok()?,
        italian_leading_zero: (zeros > 0).then_some(true),
        number_of_leading_zeros: (zeros > 1).then(|| i32::try_from(zeros).ok()).flatten(),
        ..PhoneNumber::default()
    })
}

/// A number behind `00` (which people type everywhere) or the region's own international prefix (`810` in Russia).
fn dialled_abroad(digits: &str, region: Region) -> Option<String> {
    let abroad = |rest: &str| match with_stray_plus(rest, region) {
        Some((number, true)) => Some(number),
        _ => international(rest),
    };
    digits.strip_prefix("00").and_then(abroad).or_else(|| behind_own_prefix(digits, region))
}

/// A number behind the region's own international prefix, which ends where a number of the country that is called begins.
fn behind_own_prefix(digits: &str, region: Region) -> Option<String> {
    let number = PHONE_NUMBER_UTIL.parse_and_keep_raw_input(digits, Some(region.0)).ok()?;
    if number.country_code_source() != CountryCodeSource::FromNumberWithIdd {
        return None;
    }
    let code = number.country_code.to_string();
    let least = code.len() + number.get_national_significant_number().len();
    let rests = (1..=digits.len().saturating_sub(least)).filter_map(|at| digits.get(at..));
    rests.filter(|rest| rest.starts_with(&code)).find_map(international)
}

/// A number in the region's own spelling, with or without its trunk prefix.
///
/// Tried as the international number it stands for first, see [`international`]; the library's own reading follows, for
/// regions with more than a plain prefix (Argentina's `15`).
fn national(digits: &str, region: Region) -> Option<String> {
    let code = region.country_code()?;
    without_trunk_prefix(digits, region)
        .or_else(|| international(&format!("{code}{digits}")))
        .or_else(|| e164(&PHONE_NUMBER_UTIL.parse(digits, Some(region.0)).ok()?))
}

/// A number of the region behind its trunk prefix.
fn without_trunk_prefix(digits: &str, region: Region) -> Option<String> {
    let number = PHONE_NUMBER_UTIL.parse(digits, Some(region.0)).ok()?;
    let prefix = digits.strip_suffix(&number.get_national_significant_number())?;
    let is_of_region = Some(number.country_code) == region.country_code();
    (is_of_region && !prefix.is_empty()).then(|| e164(&number)).flatten()
}

fn e164(number: &PhoneNumber) -> Option<String> {
    let e164 = number.is_valid().then(|| number.format_as(PhoneNumberFormat::E164).into_owned())?;
    let length = e164.len() - 1;
    // The plan of +7 has services of fourteen digits, which nobody is called back by.
    let fits = match number.country_code {
        7 => length == 11,
        _ => length <= MAX_E164_DIGITS,
    };
    fits.then_some(e164)
}
