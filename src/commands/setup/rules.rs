//! The dealer's rules: working hours and their clock, calls back.

use chrono_tz::Tz;

use super::{super::CommandError, consent::consent, site::Site};
use crate::setup::{
    answers::{Hours, NoHours},
    dealer_file::{DealerFile, NotATable},
    typed,
    words::Language,
};

/// Clock and hours, calls back, consent.
pub async fn rules(site: &mut Site<'_>, asked_for: bool) -> Result<(), CommandError> {
    hours(site, asked_for).await?;
    callback(site, asked_for).await?;
    consent(site, asked_for).await
}

async fn hours(site: &mut Site<'_>, asked_for: bool) -> Result<(), CommandError> {
    if let Some(zone) = site.flags.time_zone.take() {
        let zone = typed::zone(&zone).map_or(zone, |zone| zone.name().to_owned());
        site.change_dealer(|dealer| set_zone(dealer, &zone))?;
    }
    if let Some(hours) = site.flags.hours.take() {
        let hours = Hours::parse(&hours)
            .map_err(|NoHours(part)| CommandError::Wrong(vec![site.ask.text("hours-wrong", &[("part", &part)])]))?;
        return site.change_dealer(|dealer| dealer.set_hours(hours.as_ref()));
    }
    let there = site.dealer_now()?.hours;
    if !site.ask.interactive || (there.is_some() && !asked_for) {
        return Ok(());
    }
    let language = site.ask.language;
    let shown = there.as_ref().map(|there| Hours::of(&there.week).shown(language));
    let usual_hours = site.ask.text("hours-usual", &[]);
    let ways = ["hours-way-usual", "hours-way-own", "hours-way-always"];
    let mut items = ways.map(|id| site.ask.text(id, &[("usual", &usual_hours)])).to_vec();
    if let Some(shown) = &shown {
        items.push(site.ask.text("hours-way-keep", &[("hours", shown)]));
    }
    let usual = items.len() - 1;
    let offered = shown.clone().unwrap_or_else(|| usual_hours.clone());
    match site.ask.choose("hours-ask", &[], items, usual).await? {
        0 => set_hours(site, &usual_hours)?,
        1 => loop {
            let answer = site.ask.line("hours-own-ask", &[], &offered).await?;
            match set_hours(site, &answer) {
                Ok(()) => break,
                Err(error) => site.ask.refuse(&error, ""),
            }
        },
        2 => site.change_dealer(|dealer| dealer.set_hours(None))?,
        _ => {}
    }
    zone(site, there.is_none()).await
}

fn set_hours(site: &mut Site<'_>, answer: &str) -> Result<(), CommandError> {
    let hours = Hours::parse(answer)
        .map_err(|NoHours(part)| CommandError::Wrong(vec![site.ask.text("hours-wrong", &[("part", &part)])]))?;
    site.change_dealer(|dealer| dealer.set_hours(hours.as_ref()))
}

/// `time_zone`, from Russia's, or any other.
async fn zone(site: &mut Site<'_>, is_new: bool) -> Result<(), CommandError> {
    let now = site.time_zone();
    let is_russian = site.ask.language == Language::Ru;
    let mut zones: Vec<(Tz, &str)> =
        typed::ZONES.iter().map(|(zone, ru, en)| (*zone, if is_russian { *ru } else { *en })).collect();
    if !zones.iter().any(|(zone, _)| *zone == now) {
        zones.insert(0, (now, now.name()));
    }
    let shown = |(zone, city): &(Tz, &str)| format!("{city} ({})", typed::utc_offset(*zone));
    let items: Vec<String> = zones.iter().map(shown).chain([site.ask.text("zone-other", &[])]).collect();
    let usual = zones.iter().position(|(zone, _)| *zone == now).unwrap_or(0);
    let chosen = match zones.get(site.ask.choose("zone-ask", &[], items, usual).await?) {
        Some((zone, _)) => *zone,
        None => loop {
            let answer = site.ask.line("zone-own-ask", &[], now.name()).await?;
            match typed::zone(&answer) {
                Some(zone) => break zone,
                None => site.ask.warn("zone-wrong", &[("zone", &answer)]),
            }
        },
    };
    // What is so without being written stays unwritten.
    if chosen == now && !is_new {
        return Ok(());
    }
    site.change_dealer(|dealer| set_zone(dealer, chosen.name()))
}

fn set_zone(dealer: &mut DealerFile, zone: &str) -> Result<(), NotATable> {
    dealer.set_time_zone(zone);
    Ok(())
}

async fn callback(site: &mut Site<'_>, asked_for: bool) -> Result<(), CommandError> {
    let there = site.dealer_now()?.crm.callback_within;
    if let Some(given) = site.flags.callback_within.take() {
        let within = typed::within(&given).unwrap_or(given);
        return site.change_dealer(|dealer| dealer.set_callback_within(&within));
    }
    if !site.ask.interactive || (there.is_some() && !asked_for) {
        return Ok(());
    }
    let usual = match there {
        Some(within) => typed::shown_within(within.as_secs() / 60, site.ask.language),
        None => site.ask.text("word-no", &[]),
    };
    loop {
        let answer = site.ask.line("callback-ask", &[], &usual).await?;
        if answer == usual {
            return Ok(());
        }
        let Some(within) = typed::within(&answer) else {
            site.ask.warn("callback-wrong", &[("time", &answer)]);
            continue;
        };
        match site.change_dealer(|dealer| dealer.set_callback_within(&within)) {
            Ok(()) => return Ok(()),
            Err(error) => site.ask.refuse(&error, ""),
        }
    }
}
