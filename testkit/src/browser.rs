//! A real browser without a window, led through its DevTools protocol over a pair of pipes: no port, no other crate.
//! What is typed and pressed goes through its input, so that what a person cannot reach cannot be reached here.

use std::{
    collections::HashMap,
    io::{self, BufRead, Write},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use base64::Engine;
use serde_json::{Value, json};

use crate::world::PATIENCE;

/// Debian's and others' names of it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Where the browser is, if there is one.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// Where it is for a test; where there is none the test says what nobody has seen, except in CI, which has one.
#[must_use]
pub fn for_a_test(unseen: &str) -> Option<PathBuf> {
    let program = installed();
    if program.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no chromium: apt-get install chromium");
        crate::skipped(&format!("there is no chromium, so nobody has {unseen}. apt-get install chromium"));
    }
    program
}

/// A browser with one tab.
pub struct Browser {
    child: Child,
    orders: std::fs::File,
    answers: Answers,
    heard: mpsc::Receiver<()>,
    last: u64,
    session: String,
    _profile: tempfile::TempDir,
}

type Answers = Arc<Mutex<HashMap<u64, Value>>>;

/// Both ends of a pipe that no other process inherits: what is read, what is written.
fn pipe() -> io::Result<[OwnedFd; 2]> {
    let mut ends = [0; 2];
    // SAFETY: pipe2(2) fills in two integers; both are owned from here on.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(ends.map(|end| OwnedFd::from_raw_fd(end)))
    }
}

impl Browser {
    /// Starts it with a tab of this size, in pixels; on a phone-sized one fingers are used.
    pub fn start(program: &Path, width: u32, height: u32) -> io::Result<Self> {
        let profile = tempfile::tempdir()?;
        let ([its_orders, our_orders], [our_answers, its_answers]) = (pipe()?, pipe()?);
        let (reads, writes) = (its_orders.as_raw_fd(), its_answers.as_raw_fd());
        let mut command = Command::new(program);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-extensions", "--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--window-size={width},{height}"))
            .args(["--hide-scrollbars", "about:blank"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // SAFETY: only async-signal-safe calls between fork and exec: fcntl(2) and dup2(2). The browser reads from 3 and writes to 4.
        unsafe {
            use std::os::unix::process::CommandExt;
            command.pre_exec(move || {
                // Out of the way first, as either may be 3 or 4.
                let reads = libc::fcntl(reads, libc::F_DUPFD_CLOEXEC, 10);
                let writes = libc::fcntl(writes, libc::F_DUPFD_CLOEXEC, 10);
                if libc::dup2(reads, 3) < 0 || libc::dup2(writes, 4) < 0 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn()?;
        drop((its_orders, its_answers));
        let answers = Answers::default();
        let (rings, heard) = mpsc::channel();
        let (kept, source) = (answers.clone(), std::fs::File::from(our_answers));
        std::thread::spawn(move || listens(source, &kept, &rings));
        let orders = our_orders.into();
        let mut browser = Self { child, orders, answers, heard, last: 0, session: String::new(), _profile: profile };
        let target = browser.order("Target.createTarget", json!({"url": "about:blank"}))?["targetId"].clone();
        let attached = browser.order("Target.attachToTarget", json!({"targetId": target, "flatten": true}))?;
        browser.session = attached["sessionId"].as_str().unwrap_or_default().to_owned();
        browser.order("Page.enable", json!({}))?;
        browser.resize(width, height, 1.0)?;
        Ok(browser)
    }

    /// The tab gets another size, each of its pixels so many of a screenshot's.
    pub fn resize(&mut self, width: u32, height: u32, scale: f64) -> io::Result<()> {
        let phone = width < 600;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone});
        self.order("Emulation.setDeviceMetricsOverride", metrics)?;
        self.order("Emulation.setTouchEmulationEnabled", json!({"enabled": phone})).map(drop)
    }

    /// The person likes it dark, or light.
    pub fn prefers_dark(&mut self, dark: bool) -> io::Result<()> {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.order("Emulation.setEmulatedMedia", json!({"features": features})).map(drop)
    }

    /// Sends an order of the protocol and waits for its result.
    pub fn order(&mut self, method: &str, params: Value) -> io::Result<Value> {
        self.last += 1;
        let mut order = json!({"id": self.last, "method": method, "params": params});
        if !self.session.is_empty() && !method.starts_with("Target.") {
            order["sessionId"] = json!(self.session);
        }
        let mut bytes = order.to_string().into_bytes();
        bytes.push(0);
        self.orders.write_all(&bytes)?;
        let answer = self.kept(self.last)?;
        match answer.get("error") {
            Some(error) => Err(io::Error::other(format!("{method}: {error}"))),
            None => Ok(answer["result"].clone()),
        }
    }

    /// What the browser has said under a number, once it has.
    fn kept(&mut self, number: u64) -> io::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(&number);
            if let Some(said) = said {
                return Ok(said);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            self.heard.recv_timeout(left).map_err(|_| io::Error::other("the browser says nothing"))?;
        }
    }

    /// Opens an address.
    pub fn open(&mut self, address: &str) -> io::Result<()> {
        self.order("Page.navigate", json!({"url": address})).map(drop)
    }

    /// What an expression comes to in the page, which may be a promise.
    pub fn value(&mut self, expression: &str) -> io::Result<Value> {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.order("Runtime.evaluate", asked)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(io::Error::other(format!("{expression}: {thrown}"))),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Waits until an expression is true in the page; false while the page is on its way.
    pub fn until(&mut self, expression: &str) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.value(expression).is_ok_and(|value| value == true) {
            if Instant::now() > deadline {
                let text = self.value("document.body.innerText").unwrap_or_default();
                return Err(io::Error::other(format!(
                    "not so in time: {expression}\n{}",
                    text.as_str().unwrap_or_default()
                )));
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        Ok(())
    }

    /// Where the middle of an element is on the screen, once it is there and nothing lies upon it.
    pub fn place(&mut self, selector: &str) -> io::Result<(f64, f64)> {
        let found = format!(
            "(() => {{ const it = document.querySelector({selector:?}); if (!it) return null; \
             it.scrollIntoView({{block: 'nearest', inline: 'nearest'}}); const box = it.getBoundingClientRect(); \
             const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]; \
             const top = document.elementFromPoint(x, y); \
             return !it.disabled && top && (it.contains(top) || top.contains(it)) ? [x, y] : null }})()"
        );
        self.until(&format!("{found} !== null"))?;
        let at = self.value(&found)?;
        match (at[0].as_f64(), at[1].as_f64()) {
            (Some(x), Some(y)) => Ok((x, y)),
            // It has moved meanwhile.
            _ => self.place(selector),
        }
    }

    fn mouse(&mut self, kind: &str, (x, y): (f64, f64)) -> io::Result<()> {
        let event = json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1});
        self.order("Input.dispatchMouseEvent", event).map(drop)
    }

    /// Clicks on an element, once it can be.
    pub fn click(&mut self, selector: &str) -> io::Result<()> {
        let at = self.place(selector)?;
        self.mouse("mousePressed", at)?;
        self.mouse("mouseReleased", at)
    }

    /// Drags one element onto another: the events of it, as the mouse of a browser without a window drags nothing.
    pub fn drag(&mut self, what: &str, onto: &str) -> io::Result<()> {
        self.place(what)?;
        self.place(onto)?;
        self.until(&format!(
            "(() => {{ const dataTransfer = new DataTransfer(); const send = (place, kind) => \
             place.dispatchEvent(new DragEvent(kind, {{bubbles: true, cancelable: true, dataTransfer}})); \
             const [from, to] = [{what:?}, {onto:?}].map(selector => document.querySelector(selector)); \
             if (!from.closest('[draggable=true]')) return false; \
             send(from, 'dragstart'); send(to, 'dragenter'); const taken = !send(to, 'dragover'); \
             if (taken) send(to, 'drop'); send(from, 'dragend'); return taken }})()"
        ))
    }

    /// Types into whatever has the focus.
    pub fn types(&mut self, text: &str) -> io::Result<()> {
        self.order("Input.insertText", json!({"text": text})).map(drop)
    }

    /// Presses a key such as `Enter`.
    pub fn key(&mut self, key: &str) -> io::Result<()> {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "ArrowDown" => 40,
            "Tab" => 9,
            _ => 32,
        };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
            self.order("Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    /// Says yes to the question that stands open.
    pub fn agrees(&mut self) -> io::Result<()> {
        self.order("Page.handleJavaScriptDialog", json!({"accept": true})).map(drop)
    }

    /// The tab as a PNG.
    pub fn screenshot(&mut self) -> io::Result<Vec<u8>> {
        let shot = self.order("Page.captureScreenshot", json!({"format": "png"}))?;
        let data = shot["data"].as_str().unwrap_or_default();
        base64::engine::general_purpose::STANDARD.decode(data).map_err(io::Error::other)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps each answer under the number of its order; what happens by itself is passed over.
fn listens(source: std::fs::File, answers: &Mutex<HashMap<u64, Value>>, rings: &mpsc::Sender<()>) {
    for message in io::BufReader::new(source).split(0).map_while(Result::ok) {
        let Ok(message) = serde_json::from_slice::<Value>(&message) else { continue };
        if let Some(number) = message["id"].as_u64() {
            answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(number, message);
            if rings.send(()).is_err() {
                return;
            }
        }
    }
}
