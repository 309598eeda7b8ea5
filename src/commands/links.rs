//! Links that tell where a buyer comes from, and their QR codes.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use qrcode::{Color, EcLevel, QrCode, render::unicode::Dense1x2};
use serde::Serialize;

use crate::{
    clock::Clock,
    config::TelegramSettings,
    lead::{LeadSource, SourceCode, Sources, UtmValues},
    telegram::{client::Telegram, groups::Groups},
};

use super::{
    CommandError, look,
    output::{self, outln},
};

/// A picture is at least so wide, in pixels: a poster of 10 cm has 250 of them on an inch.
const LEAST_WIDTH: usize = 1000;
/// White around a code, in modules (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// Where the bot's name comes from.
pub enum Bot<'a> {
    /// It was given, with or without `@` or `t.me/`.
    Named(&'a str),
    /// From Telegram, which is asked by these ways and at this speed.
    Asked(&'a TelegramSettings, f64),
}

/// A name as Telegram has it: 5 to 32 Latin letters, digits and `_`.
fn named(name: &str) -> Option<String> {
    let name = name.trim().trim_start_matches("https://").trim_start_matches("t.me/").trim_start_matches('@');
    let is_name = (5..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.to_ascii_lowercase().ends_with("bot");
    is_name.then(|| name.to_owned())
}

/// Prints the link of one code with what it stands for and its QR code, or the links of all sources.
pub async fn run(
    bot: Bot<'_>,
    sources: &Sources,
    code: Option<&str>,
    png: Option<&Path>,
    json: bool,
) -> Result<ExitCode, CommandError> {
    let code = match code.map(|text| SourceCode::parse(text).ok_or(text)).transpose() {
        Ok(code) => code,
        Err(text) => {
            let problem = format!("{text:?} is no code of a link. A code is made of {}", SourceCode::ALLOWED);
            return Err(CommandError::Usage(problem));
        }
    };
    if let Some(file) = png.filter(|file| file.exists()) {
        return Err(is_there(file));
    }
    let bot = match bot {
        Bot::Named(name) => match named(name) {
            Some(name) => name,
            None => {
                return Err(CommandError::Usage(format!(
                    "{name:?} is no name of a bot: Latin letters, digits and _, and `bot` at its end"
                )));
            }
        },
        Bot::Asked(telegram, speed) => {
            look::busy("Asking Telegram", username(telegram, Clock::with_speed(speed))).await?
        }
    };
    let Some(code) = code else {
        if json {
            let links = sources.all().iter().map(|source| Link::of(&bot, source)).collect();
            output::json(&Links { bot: &bot, links, png: None });
            return Ok(ExitCode::SUCCESS);
        }
        if sources.all().is_empty() {
            outln!(
                "dealer.toml has no [[source]] yet. A link is https://t.me/{bot}?start=CODE with a code of your own:"
            );
            outln!("{}.", SourceCode::ALLOWED);
        }
        for source in sources.all() {
            outln!("{}", address(&bot, &source.code));
            outln!("  {}", meaning(source));
        }
        return Ok(ExitCode::SUCCESS);
    };
    let address = address(&bot, &code);
    let qr = QrCode::with_error_correction_level(&address, EcLevel::M)
        .map_err(|error| CommandError::Failed(format!("the QR code cannot be drawn: {error}")))?;
    let source = sources.of(&code);
    if json {
        png.map(|file| write_new(file, &picture(&qr)?)).transpose()?;
        output::json(&Links { bot: &bot, links: vec![Link::of(&bot, &source)], png });
        return Ok(ExitCode::SUCCESS);
    }
    outln!("{address}");
    outln!("{}", meaning(&source));
    outln!("{}", drawn(&qr, look::is_terminal()));
    if let Some(file) = png {
        write_new(file, &picture(&qr)?)?;
        outln!("The QR code is in {}.", file.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// What `links --json` prints; names are for programs and stay.
#[derive(Debug, Serialize)]
struct Links<'a> {
    /// Without the `@`.
    bot: &'a str,
    links: Vec<Link<'a>>,
    /// The file that was written.
    png: Option<&'a Path>,
}

#[derive(Debug, Serialize)]
struct Link<'a> {
    address: String,
    code: &'a str,
    /// Whether it is among the `[[source]]` of dealer.toml.
    known: bool,
    name: Option<&'a str>,
    utm: &'a UtmValues,
    tag: Option<&'a str>,
}

impl<'a> Link<'a> {
    fn of(bot: &str, source: &'a LeadSource) -> Self {
        Self {
            address: address(bot, &source.code),
            code: source.code.as_str(),
            known: source.name.is_some(),
            name: source.name.as_deref(),
            utm: &source.utm,
            tag: source.tag.as_deref(),
        }
    }
}

fn address(bot: &str, code: &SourceCode) -> String {
    format!("https://t.me/{bot}?start={code}")
}

/// What becomes of a request that comes by a code.
pub(super) fn meaning(source: &LeadSource) -> String {
    let what = match &source.name {
        Some(_) => source.shown(),
        None => format!("{}: not among the [[source]] of dealer.toml, read as source__campaign__content", source.code),
    };
    let marks = source.utm_line().unwrap_or_else(|| "no UTM marks".to_owned());
    let tag = source.tag.as_ref().map_or_else(|| "no tag".to_owned(), |tag| format!("tag «{tag}»"));
    format!("{what} → {marks}; {tag}")
}

/// The bot's name, by the first way that works.
async fn username(settings: &TelegramSettings, clock: Clock) -> Result<String, CommandError> {
    let telegram = Telegram::new(settings, clock, Groups::new(Vec::new())).map_err(|error| {
        CommandError::Failed(format!("TELEGRAM_PROXY: {error}. Check the address with its provider"))
    })?;
    let mut reasons = Vec::new();
    for (route, answer) in telegram.look_at_routes().await {
        match answer {
            Ok(username) if !username.is_empty() => return Ok(username),
            Ok(_) => reasons.push(format!("{route}: the bot has no username")),
            Err(error) => reasons.push(format!("{route}: {error}")),
        }
    }
    Err(CommandError::Failed(format!(
        "the bot's name is not known, since Telegram cannot be asked ({}). Try again when it can: `test-alerts` tries every way. \
         With --bot NAME_OF_THE_BOT nobody is asked.",
        reasons.join("; ")
    )))
}

/// The code in half blocks. A terminal may be dark or light, so there its colours are said; elsewhere ink is dark.
fn drawn(qr: &QrCode, is_terminal: bool) -> String {
    let text = qr.render::<Dense1x2>().quiet_zone(true).build();
    if !is_terminal {
        return text;
    }
    const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
    text.lines().map(|line| format!("{BLACK_ON_WHITE}{line}\x1b[0m")).collect::<Vec<_>>().join("\n")
}

/// The code as a PNG in black and white.
fn picture(qr: &QrCode) -> Result<Vec<u8>, CommandError> {
    let modules = qr.width() + 2 * QUIET_ZONE;
    let scale = LEAST_WIDTH.div_ceil(modules);
    let width = modules * scale;
    let is_dark = |x: usize, y: usize| {
        let inside = |at: usize| (at / scale).checked_sub(QUIET_ZONE).filter(|at| *at < qr.width());
        inside(x).zip(inside(y)).is_some_and(|at| qr[at] == Color::Dark)
    };
    // One bit for each pixel, 1 for white; each row begins a byte.
    let mut bits = Vec::with_capacity(width.div_ceil(8) * width);
    for y in 0..width {
        for x in (0..width).step_by(8) {
            let bit = |byte: u8, at: usize| byte << 1 | u8::from(x + at >= width || !is_dark(x + at, y));
            bits.push((0..8).fold(0, bit));
        }
    }
    let size = u32::try_from(width).unwrap_or(u32::MAX);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size, size);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let encoded = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&bits)?;
        writer.finish()
    });
    encoded.map_err(|error| CommandError::Failed(format!("the picture cannot be drawn: {error}")))?;
    Ok(bytes)
}

fn is_there(file: &Path) -> CommandError {
    CommandError::Failed(format!("{} is there already and stays as it is; give another name", file.display()))
}

/// Writes a file that is not there yet; nothing is left of it where it cannot be written whole.
fn write_new(file: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => is_there(file),
        _ => CommandError::Failed(format!("{} cannot be written: {error}", file.display())),
    };
    let mut created = fs::File::create_new(file).map_err(failed)?;
    created.write_all(bytes).and_then(|()| created.sync_all()).map_err(|error| {
        let _ = fs::remove_file(file);
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a phone's camera reads of a picture that is `width` wide.
    fn read_back(width: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
        let brightness = |x, y| if is_dark(x, y) { 0 } else { 255 };
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, width, brightness);
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().expect("a code").1
    }

    #[test]
    fn the_picture_is_read_as_the_link() {
        let longest = "x".repeat(64);
        for code in ["a", "avito", "avito__spring-2026__banner_1", longest.as_str()] {
            let address = address("A_bot_with_the_longest_name_bot", &SourceCode::parse(code).expect("a code"));
            let qr = QrCode::with_error_correction_level(&address, EcLevel::M).expect("a code");
            let bytes = picture(&qr).expect("a picture");
            let mut reader = png::Decoder::new(io::Cursor::new(&bytes)).read_info().expect("a PNG");
            let mut bits = vec![0; reader.output_buffer_size().expect("a size")];
            let info = reader.next_frame(&mut bits).expect("a picture");
            let width = usize::try_from(info.width).expect("a size");
            assert!(width >= LEAST_WIDTH && info.width == info.height, "{width}");
            let row = info.line_size;
            let is_dark = |x: usize, y: usize| bits[y * row + x / 8] >> (7 - x % 8) & 1 == 0;
            assert_eq!(read_back(width, is_dark), address);
            assert!((0..width).all(|at| !is_dark(at, 0) && !is_dark(0, at)), "there is white around it");
        }
    }

    /// Both halves of every character, as a terminal draws them.
    #[test]
    fn what_is_drawn_is_read_as_the_link() {
        let address = address("bot", &SourceCode::parse("avito").expect("a code"));
        let qr = QrCode::with_error_correction_level(&address, EcLevel::M).expect("a code");
        let text = drawn(&qr, false);
        let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let (width, scale) = (rows[0].len(), 8);
        let is_dark = |x: usize, y: usize| {
            let sign = rows.get(y / scale / 2).and_then(|row| row.get(x / scale)).copied().unwrap_or(' ');
            sign == '█' || sign == if (y / scale).is_multiple_of(2) { '▀' } else { '▄' }
        };
        assert_eq!(read_back(width * scale, is_dark), address);
        let on_a_terminal = drawn(&qr, true);
        assert!(on_a_terminal.lines().all(|line| line.starts_with("\x1b[") && line.ends_with("\x1b[0m")));
        assert_eq!(on_a_terminal.lines().count(), rows.len());
    }

    #[test]
    fn a_file_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("qr.png");
        write_new(&file, b"1").expect("a file");
        let error = write_new(&file, b"2").expect_err("it is there");
        assert!(error.to_string().contains("is there already"), "{error}");
        assert_eq!(fs::read(&file).expect("a file"), b"1");
        let error = write_new(&folder.path().join("none/qr.png"), b"1").expect_err("there is no such folder");
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }

    #[test]
    fn a_bot_is_named_however_it_is_written() {
        for (text, want) in [
            ("cars_bot", Some("cars_bot")),
            ("@Cars_Bot", Some("Cars_Bot")),
            ("https://t.me/carsbot", Some("carsbot")),
            ("cars", None),
            ("машины_bot", None),
            ("cars bot", None),
            ("", None),
        ] {
            assert_eq!(named(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn a_link_tells_what_it_stands_for() {
        let code = SourceCode::parse("vk__spring").expect("a code");
        let unknown = LeadSource::unknown(code.clone());
        let known = LeadSource { name: Some("ВК".into()), tag: Some("вк".into()), utm: Default::default(), code };
        assert!(meaning(&unknown).ends_with("→ utm_source=vk, utm_campaign=spring; no tag"), "{}", meaning(&unknown));
        assert_eq!(meaning(&known), "ВК (vk__spring) → no UTM marks; tag «вк»");
    }
}
