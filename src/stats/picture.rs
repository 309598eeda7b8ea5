//! The figures as a picture: 1080 pixels wide, dark on white with a thin border, so that it is read on a phone in the dark
//! and in the light.

use std::{fmt, sync::Once};

use chrono::{Datelike, Weekday};
use plotters::{
    coord::Shift,
    element::{Rectangle, Text},
    prelude::{BitMapBackend, DrawingArea, IntoDrawingArea, RGBColor},
    style::{
        Color, FontDesc, FontFamily, FontStyle, TextStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    figures::Share,
    words::{Told, bars, percent, short},
};

/// How wide it is, in pixels.
pub const WIDTH: u32 = 1080;
/// It is no higher than this before what is left is cut off.
const HIGHEST: u32 = 4000;
/// White at its sides.
const MARGIN: i32 = 48;
const RIGHT: i32 = WIDTH as i32 - MARGIN;

/// So many rows of a table are drawn.
const MOST_ROWS: usize = 12;

const BORDER: RGBColor = RGBColor(0xc4, 0xca, 0xd3);
const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x27);
const GREY: RGBColor = RGBColor(0x5d, 0x66, 0x73);
const TRACK: RGBColor = RGBColor(0xe9, 0xee, 0xf6);
const BLUE: RGBColor = RGBColor(0x2f, 0x6f, 0xde);
const GREEN: RGBColor = RGBColor(0x1a, 0x7f, 0x37);
const RED: RGBColor = RGBColor(0xc0, 0x39, 0x1b);

const FONT: &str = "dejavu";

/// The characters that both fonts have; the same list made them of DejaVu Sans.
const DRAWN: [(char, char); 18] = [
    (' ', '~'),
    ('\u{a0}', '\u{17f}'),
    ('\u{18f}', '\u{18f}'),
    ('\u{1e6}', '\u{1e7}'),
    ('\u{218}', '\u{21b}'),
    ('\u{259}', '\u{259}'),
    ('\u{2b9}', '\u{2bc}'),
    ('\u{386}', '\u{3ce}'),
    ('\u{400}', '\u{525}'),
    ('\u{531}', '\u{556}'),
    ('\u{561}', '\u{587}'),
    ('\u{10d0}', '\u{10fa}'),
    ('\u{2010}', '\u{2015}'),
    ('\u{2018}', '\u{2026}'),
    ('\u{20bd}', '\u{20bd}'),
    ('\u{2116}', '\u{2116}'),
    ('\u{2190}', '\u{2193}'),
    ('\u{2264}', '\u{2265}'),
];

/// It could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the picture of the figures could not be drawn: {0}")]
pub struct PictureError(String);

fn failed(error: impl fmt::Display) -> PictureError {
    PictureError(error.to_string())
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Draws them; a PNG.
pub fn draw(told: Told<'_>) -> Result<Vec<u8>, PictureError> {
    static FONTS: Once = Once::new();
    FONTS.call_once(|| {
        // What is no font would be noticed by the tests.
        let _ = register_font(FONT, FontStyle::Normal, include_bytes!("../../assets/DejaVuSans.ttf"));
        let _ = register_font(FONT, FontStyle::Bold, include_bytes!("../../assets/DejaVuSans-Bold.ttf"));
    });
    let row = WIDTH as usize * 3;
    let mut pixels = vec![255_u8; row * HIGHEST as usize];
    let height = {
        let area = BitMapBackend::with_buffer(&mut pixels, (WIDTH, HIGHEST)).into_drawing_area();
        let mut sheet = Sheet { area, told, y: 40 };
        sheet.all()?;
        u32::try_from(sheet.y + 16).unwrap_or(HIGHEST).min(HIGHEST)
    };
    pixels.truncate(row * height as usize);
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (WIDTH, height)).into_drawing_area();
        let (right, bottom) = (WIDTH as i32 - 1, i32::try_from(height).unwrap_or(i32::MAX) - 1);
        for inset in 0..3 {
            let corners = [(inset, inset), (right - inset, bottom - inset)];
            area.draw(&Rectangle::new(corners, BORDER)).map_err(failed)?;
        }
    }
    png(&pixels, height)
}

fn png(pixels: &[u8], height: u32) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, WIDTH, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// What can be drawn of a text: emoji and scripts that the font lacks are left out.
fn drawn(text: &str) -> String {
    let has = |char: &char| DRAWN.iter().any(|(from, to)| (from..=to).contains(&char));
    text.chars().filter(has).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn style(size: i32, color: RGBColor, is_bold: bool) -> TextStyle<'static> {
    let weight = if is_bold { FontStyle::Bold } else { FontStyle::Normal };
    let font = FontDesc::new(FontFamily::Name(FONT), f64::from(size), weight);
    TextStyle { color: color.to_backend_color(), ..TextStyle::from(font) }
}

/// Where a text stands at its point.
#[derive(Debug, Clone, Copy)]
enum At {
    Left,
    Middle,
    Right,
}

struct Sheet<'a, 'b> {
    area: Area<'b>,
    told: Told<'a>,
    /// What is above is drawn.
    y: i32,
}

impl Sheet<'_, '_> {
    fn all(&mut self) -> Result<(), PictureError> {
        self.head()?;
        self.days()?;
        self.tiles()?;
        self.funnel()?;
        self.sources()?;
        self.managers()
    }

    /// A text whose middle is at `y`, no wider than `most`.
    fn text(&self, text: &str, at: (i32, i32), side: At, most: i32, style: TextStyle<'_>) -> Result<(), PictureError> {
        let mut text = drawn(text);
        let wide = |text: &str| self.area.estimate_text_size(text, &style).map_err(failed);
        if i64::from(wide(&text)?.0) > i64::from(most) {
            while text.pop().is_some() {
                let clipped = format!("{}…", text.trim_end());
                if i64::from(wide(&clipped)?.0) <= i64::from(most) {
                    text = clipped;
                    break;
                }
            }
        }
        // Half of a line is above the middle of small letters.
        let at = (at.0, at.1 + style.font.get_size() as i32 / 5);
        let h = match side {
            At::Left => HPos::Left,
            At::Middle => HPos::Center,
            At::Right => HPos::Right,
        };
        self.area.draw(&Text::new(text, at, style.pos(Pos::new(h, VPos::Center)))).map_err(failed)
    }

    fn block(&self, from: (i32, i32), to: (i32, i32), color: RGBColor) -> Result<(), PictureError> {
        self.area.draw(&Rectangle::new([from, to], color.filled())).map_err(failed)
    }

    fn head(&mut self) -> Result<(), PictureError> {
        let (told, figures) = (self.told, self.told.figures);
        self.text(&told.title(), (MARGIN, self.y + 30), At::Left, RIGHT - MARGIN, style(46, INK, true))?;
        self.y += 90;
        let count = figures.leads.to_string();
        let big = style(110, BLUE, true);
        let wide = self.area.estimate_text_size(&count, &big).map_err(failed)?.0;
        self.text(&count, (MARGIN, self.y + 34), At::Left, RIGHT - MARGIN, big)?;
        let beside = MARGIN + i32::try_from(wide).unwrap_or(0) + 28;
        let most = RIGHT - beside;
        self.text(&told.word("leads"), (beside, self.y + 22), At::Left, most, style(36, INK, false))?;
        if figures.before > 0 {
            self.text(&told.before(), (beside, self.y + 72), At::Left, most, style(30, GREY, false))?;
        }
        self.y += 130;
        Ok(())
    }

    fn heading(&mut self, id: &str) -> Result<(), PictureError> {
        self.y += 24;
        self.block((MARGIN, self.y), (RIGHT, self.y + 1), BORDER)?;
        self.y += 44;
        let heading = self.told.word(id);
        let heading = heading.trim_end_matches(':');
        self.text(heading, (MARGIN, self.y), At::Left, RIGHT - MARGIN, style(36, INK, true))?;
        self.y += 44;
        Ok(())
    }

    /// Bars by day, or by week where there would be too many.
    fn days(&mut self) -> Result<(), PictureError> {
        const HIGH: i32 = 260;
        let size = if self.told.figures.days.len() <= 31 { 1 } else { 7 };
        let bars = bars(self.told.figures, size);
        if bars.len() < 2 {
            return Ok(());
        }
        self.heading(&format!("by-{size}"))?;
        let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
        let (count, width) = (bars.len() as i32, RIGHT - MARGIN);
        // How many bars share one label, so that labels do not meet.
        let together = (count + 11) / 12;
        let ground = self.y + 30 + HIGH;
        for (index, (day, leads)) in (0..).zip(&bars) {
            let (left, right) = (MARGIN + width * index / count, MARGIN + width * (index + 1) / count);
            let (middle, gap) = ((left + right) / 2, ((right - left) / 8).clamp(1, 14));
            let high = i32::try_from(leads * HIGH as u64 / most).unwrap_or(HIGH);
            let is_weekend = size == 1 && matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
            let color = if is_weekend { RGBColor(0x7f, 0xa8, 0xea) } else { BLUE };
            self.block(
                (left + gap, ground - high.max(3)),
                (right - gap, ground),
                if *leads > 0 { color } else { TRACK },
            )?;
            if *leads > 0 && right - left > 24 {
                let size = if right - left > 50 { 32 } else { 22 };
                let above = (middle, ground - high.max(3) - 22);
                self.text(&leads.to_string(), above, At::Middle, width, style(size, INK, true))?;
            }
            if index % together == 0 {
                self.text(&short(*day), (middle, ground + 28), At::Middle, width, style(26, GREY, false))?;
            }
        }
        self.y = ground + 52;
        Ok(())
    }

    /// What is told by one number each.
    fn tiles(&mut self) -> Result<(), PictureError> {
        let told = self.told;
        let late = |share: Share| (percent(share), if share.part > 0 { RED } else { GREEN });
        let mut tiles = Vec::new();
        if let Some(touch) = &told.figures.touch {
            let [fifteen, sixty] = touch.late.map(late);
            tiles.push(("half", Some(told.time(touch.median)), INK));
            tiles.push(("nine", Some(told.time(touch.ninety)), INK));
            tiles.push(("late-15", fifteen.0, fifteen.1));
            tiles.push(("late-60", sixty.0, sixty.1));
        }
        if let Some(share) = told.figures.won {
            tiles.push(("won", percent(share), GREEN));
        }
        if tiles.is_empty() {
            return Ok(());
        }
        self.heading("work")?;
        for pair in tiles.chunks(2) {
            for ((id, value, color), left) in pair.iter().zip([MARGIN, MARGIN + (RIGHT - MARGIN + 20) / 2]) {
                let right = left + (RIGHT - MARGIN - 20) / 2;
                self.block((left, self.y), (right, self.y + 132), TRACK)?;
                let value = value.as_deref().unwrap_or("–");
                self.text(value, (left + 24, self.y + 38), At::Left, right - left - 48, style(54, *color, true))?;
                let about = (left + 24, self.y + 92);
                self.text(&told.word(id), about, At::Left, right - left - 36, style(28, GREY, false))?;
            }
            self.y += 152;
        }
        Ok(())
    }

    /// A row of a table: a name, a bar, and what is said at its end.
    fn row(&mut self, name: &str, share: Share, color: RGBColor, said: &str) -> Result<(), PictureError> {
        const FROM: i32 = 400;
        const TO: i32 = 800;
        let middle = self.y + 24;
        self.text(name, (MARGIN, middle), At::Left, FROM - MARGIN - 20, style(30, INK, false))?;
        self.block((FROM, self.y + 6), (TO, self.y + 42), TRACK)?;
        let long = (TO - FROM) * i32::try_from(share.part * 1000 / share.of.max(1)).unwrap_or(0) / 1000;
        if share.part > 0 {
            self.block((FROM, self.y + 6), (FROM + long.max(4), self.y + 42), color)?;
        }
        self.text(said, (RIGHT, middle), At::Right, RIGHT - TO - 16, style(30, INK, true))?;
        self.y += 56;
        Ok(())
    }

    fn more(&mut self, rows: usize) -> Result<(), PictureError> {
        if rows > MOST_ROWS {
            let text = self.told.more(rows - MOST_ROWS);
            self.text(&text, (MARGIN, self.y + 24), At::Left, RIGHT - MARGIN, style(28, GREY, false))?;
            self.y += 56;
        }
        Ok(())
    }

    fn funnel(&mut self) -> Result<(), PictureError> {
        let funnel = &self.told.figures.funnel;
        let Some((_, came)) = funnel.first().filter(|(_, came)| *came > 0) else { return Ok(()) };
        self.heading("funnel")?;
        let shown = if funnel.len() > MOST_ROWS { MOST_ROWS - 1 } else { funnel.len() };
        let last = funnel.last().filter(|_| funnel.len() > MOST_ROWS);
        for (place, count) in funnel[..shown].iter().chain(last) {
            let share = Share { part: *count, of: *came };
            let said = percent(share).map_or_else(String::new, |percent| format!("{count} · {percent}"));
            self.row(&self.told.place(*place), share, BLUE, &said)?;
        }
        Ok(())
    }

    fn sources(&mut self) -> Result<(), PictureError> {
        let sources = &self.told.figures.sources;
        let most = sources.iter().map(|source| source.came()).max().unwrap_or(0);
        if most == 0 {
            return Ok(());
        }
        self.heading("sources-drawn")?;
        for source in sources.iter().take(MOST_ROWS) {
            let said = format!("{} / {}", source.requests, source.came());
            self.row(&self.told.source(source), Share { part: source.requests, of: most }, BLUE, &said)?;
        }
        self.more(sources.len())
    }

    fn managers(&mut self) -> Result<(), PictureError> {
        let managers = &self.told.figures.managers;
        if managers.is_empty() {
            return Ok(());
        }
        const COLUMNS: [i32; 3] = [600, 840, RIGHT];
        self.heading("managers")?;
        for (id, at) in ["column-leads", "column-half", "column-won"].into_iter().zip(COLUMNS) {
            self.text(&self.told.word(id), (at, self.y), At::Right, 230, style(26, GREY, false))?;
        }
        self.y += 28;
        for one in managers.iter().take(MOST_ROWS) {
            let color = if one.name.is_some() { INK } else { GREY };
            let name = self.told.manager(one.name.as_deref());
            self.text(&name, (MARGIN, self.y + 24), At::Left, 400, style(32, color, false))?;
            let cells = [one.leads.to_string(), self.told.time(one.median), one.won.to_string()];
            for (cell, at) in cells.iter().zip(COLUMNS) {
                self.text(cell, (at, self.y + 24), At::Right, 230, style(32, color, true))?;
            }
            self.y += 56;
        }
        self.more(managers.len())
    }
}
