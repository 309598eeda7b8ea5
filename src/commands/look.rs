//! How a command looks on a terminal: colours, tables, and what moves while something takes long. Elsewhere nothing of it is there.

use std::{
    fmt::Display,
    io::{self, IsTerminal},
    pin::pin,
    sync::LazyLock,
    time::Duration,
};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use indicatif::{ProgressBar, ProgressStyle};

/// All is well.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Somebody should look at it.
pub const ODD: Style = AnsiColor::Yellow.on_default().bold();
/// Somebody has to do something.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is read last.
pub const DIM: Style = Style::new().dimmed();

/// Where a terminal does not say how wide it is; many are not wider.
const USUAL_WIDTH: u16 = 80;
/// Longer lines are hard to follow.
const WIDEST: u16 = 140;
/// What is over sooner needs no sign that it goes on.
const PATIENCE: Duration = Duration::from_millis(400);
const TICK: Duration = Duration::from_millis(120);

/// Whether standard output is in colours: on a terminal, or as NO_COLOR, CLICOLOR and CLICOLOR_FORCE say.
static COLOURS: LazyLock<bool> = LazyLock::new(|| AutoStream::choice(&io::stdout()) != ColorChoice::Never);

/// The text in this style, where standard output is in colours.
pub fn painted(style: Style, text: impl Display) -> String {
    if *COLOURS { format!("{style}{text}{style:#}") } else { text.to_string() }
}

/// Whether a person reads standard output.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Rows under a head, no wider than the terminal; what is too long in the last column goes on in the next line of its cell.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let width = console::Term::stdout().size_checked().map_or(USUAL_WIDTH, |(_, columns)| columns);
    table_of(width.min(WIDEST), head, rows)
}

fn table_of(width: u16, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(head.to_vec())
        .add_rows(rows)
        // The last one has what is long.
        .set_constraints(vec![ColumnConstraint::ContentWidth; head.len().saturating_sub(1)]);
    table.trim_fmt()
}

/// Does something that may take long, and says on a terminal that it goes on, and how long already.
pub async fn busy<T>(words: &'static str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, work.as_mut()).await {
        return done;
    }
    let spinner = ProgressBar::new_spinner().with_message(words);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(TICK);
    let done = work.await;
    spinner.finish_and_clear();
    done
}

/// How much of something countable is done, on a terminal.
pub fn bar(words: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(words);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_and_cuts_nothing() {
        let link = format!("https://fem.encar.com/cars/detail/{}", "1".repeat(120));
        let rows = [
            vec!["#ZVMER7S".to_owned(), "Иван 🚗🚗🚗 Петров-Водкин".to_owned(), link.clone()],
            vec!["#K7M2QXA".to_owned(), "김민수".to_owned(), "-".to_owned()],
        ];
        for width in [72, 80, 120] {
            let drawn = table_of(width, &["number", "имя", "ссылка"], rows.clone());
            for line in drawn.lines() {
                assert!(console::measure_text_width(line) <= width.into(), "{line}");
            }
            let kept: String = drawn.chars().filter(|sign| *sign == '1').collect();
            assert_eq!(kept.len(), 120, "{drawn}");
            assert!(drawn.contains("김민수"), "{drawn}");
        }
    }
}
