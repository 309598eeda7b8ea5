//! Takes the pictures of the sandbox's page that README shows, into `docs/pictures`: `docs/pictures/make`.
//!
//! The sandbox plays its story by itself, and a browser without a window looks at it. Needs chromium, and for how it looks there
//! the fonts Inter and Noto Color Emoji.

use std::{
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use testkit::browser::{self, Browser};

fn main() -> io::Result<()> {
    let program = browser::installed().ok_or_else(|| io::Error::other("there is no chromium"))?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    std::fs::create_dir_all(&folder)?;
    let sandbox = std::env::current_exe()?.with_file_name("sandbox");
    let mut sandbox = Command::new(sandbox)
        .args(["--page", "--no-open", "--port", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::other(format!("cargo build --example sandbox: {error}")))?;
    let first = BufReader::new(sandbox.stdout.take().expect("it is piped")).lines().next();
    let address = first.transpose()?.unwrap_or_default().rsplit(' ').next().unwrap_or_default().to_owned();
    let mut browser = Browser::start(&program, 1440, 1000)?;
    let taken = takes(&mut browser, &address, &folder);
    let _ = sandbox.kill();
    let _ = sandbox.wait();
    taken
}

fn takes(browser: &mut Browser, address: &str, folder: &Path) -> io::Result<()> {
    browser.prefers_dark(false)?;
    browser.open(address)?;
    browser.until("document.body.dataset.ready === 'true'")?;
    browser.value("(language === 'ru' || document.querySelector('#language').click(), true)")?;
    browser.value("orders({do: 'play', fast: true}).then(() => true)")?;
    browser.until("seen.play && (seen.play.failed || seen.play.over)")?;
    // A photo that the buyer sends afterwards, on its way to the managers.
    browser.click("#phone-buyer .attach summary")?;
    browser.click("#phone-buyer .sample")?;
    browser.until("[...document.querySelectorAll('#phone-managers .picture img')].some(image => image.complete && image.naturalWidth > 0)")?;
    // What was talked about stands under the lead.
    browser.until("seen.board.cards.some(card => card.files.length > 0)")?;
    let card = "[data-stage='7100012'] summary";
    if browser.value(&format!("document.querySelector(\"{card}\").parentElement.open"))? == false {
        browser.click(card)?;
    }
    for (dark, tail) in [(false, ""), (true, "-dark")] {
        browser.prefers_dark(dark)?;
        browser.resize(1440, 1000, 1.0)?;
        shows(browser, folder, &format!("sandbox{tail}.png"))?;
    }
    browser.prefers_dark(false)?;
    browser.resize(390, 844, 2.0)?;
    for pane in ["buyer", "admin", "managers", "board", "below"] {
        browser.click(&format!(".panes [data-to={pane}]"))?;
        shows(browser, folder, &format!("phone-{pane}.png"))?;
    }
    Ok(())
}

/// The screen as it is once everything has come to rest.
fn shows(browser: &mut Browser, folder: &Path, name: &str) -> io::Result<()> {
    browser
        .value("Promise.all(document.getAnimations().map(one => one.finished.catch(() => null))).then(() => true)")?;
    browser.value("(scrollTo(0, 0), document.querySelectorAll('.chat').forEach(chat => (chat.scrollTop = chat.scrollHeight)), document.activeElement.blur(), true)")?;
    let path = folder.join(name);
    std::fs::write(&path, browser.screenshot()?)?;
    println!("{} {} KB", path.display(), std::fs::metadata(&path)?.len() / 1024);
    Ok(())
}
