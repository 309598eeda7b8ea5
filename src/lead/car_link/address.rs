//! Finds the addresses in a buyer's words, and where each of them ends.
//!
//! People type on behind an address without a space. What cannot be in an address (emoji, dashes, quotes, Chinese
//! punctuation) ends it anywhere; a letter of another script ends it unless it begins a word of the address's own, as in
//! `…/wiki/Камри`. Sites whose addresses are ASCII alone end at the first other character.

use std::{net::Ipv4Addr, ops::Range};

use url::{Host, Url};

use super::super::text;
use super::site::{has_ascii_addresses, is_chat, is_known};

/// Top-level domains in Cyrillic: an address without `https://` is only believed to be one with such an end, since any
/// two words with a dot between them look alike.
const CYRILLIC_TOP_LEVELS: &[&str] = &["рф", "рус", "бел", "укр", "қаз", "москва"];

/// An address in a text.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) url: Url,
    /// Where it stands, in bytes.
    pub(super) span: Range<usize>,
}

/// Ends of names that only one machine or network knows.
const PRIVATE_TOP_LEVELS: &[&str] = &[".localhost", ".localdomain", ".local", ".internal", ".lan", ".home.arpa"];

/// All http(s) addresses in a text without soft hyphens, in order, without logins.
pub(super) fn found(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    for piece in text.split_inclusive(|c| !may_be_in_address(c)) {
        in_piece(piece.trim_end_matches(|c| !may_be_in_address(c)), at, &mut found);
        at += piece.len();
    }
    found.into_iter().flat_map(led_to).collect()
}

/// All http(s) addresses in a text, in order, without logins.
pub(super) fn addresses(text: &str) -> Vec<Url> {
    // A soft hyphen is where a page broke the address, not where the address ends.
    found(&text.replace('\u{AD}', "")).into_iter().map(|found| found.url).collect()
}

/// Where an address leads to: a messenger's way out (`t.me/share/url?url=…`, `vk.com/away.php?to=…`) to the one in it.
fn led_to(found: Found) -> Vec<Found> {
    if !is_chat(&found.url) {
        return vec![found];
    }
    let values = found.url.query_pairs().map(|(_, value)| value.into_owned());
    let inner = values.filter(|value| scheme_at(value, 0) == Some(0));
    let inner: Vec<Found> = inner
        .filter_map(|value| Some(Found { url: address(&value[..end_of(&value)])?, span: found.span.clone() }))
        .collect();
    if inner.is_empty() { vec![found] } else { inner }
}

/// ASCII that addresses are made of, and the letters and digits of every script.
fn may_be_in_address(c: char) -> bool {
    match c {
        '<' | '>' | '"' | '`' | '|' | '\\' => false,
        '!'..='~' => true,
        c => is_word(c) && !text::is_invisible(c),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36F}')
}

/// The addresses in a piece of a text, which begins at byte `at` of it.
fn in_piece(piece: &str, at: usize, found: &mut Vec<Found>) {
    let end_of_piece = at + piece.len();
    let mut rest = piece;
    while let Some(scheme) = scheme_at(rest, 0) {
        let begin = end_of_piece - rest.len();
        let before = &rest[..scheme];
        if before.ends_with(['+', '.', '-']) {
            return;
        }
        without_scheme(before, begin, found);
        // `https://https://…`
        let behind = scheme + rest[scheme..].find("//").map_or(0, |slashes| slashes + 2);
        if scheme_at(rest, behind) == Some(behind) {
            rest = &rest[behind..];
            continue;
        }
        let end = scheme + end_of(&rest[scheme..]);
        let span = begin + scheme..begin + scheme + without_trailing_punctuation(&rest[scheme..end]).len();
        found.extend(address(&rest[scheme..end]).map(|url| Found { url, span }));
        rest = &rest[end..];
    }
    without_scheme(rest, end_of_piece - rest.len(), found);
}

/// Where `http://` or `https://` begins, at `from` or later.
fn scheme_at(text: &str, from: usize) -> Option<usize> {
    let begins = |at: usize, scheme: &str| {
        text.as_bytes().get(at..at + scheme.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    (from..text.len()).find(|at| begins(*at, "http://") || begins(*at, "https://"))
}

/// `encar.com/…`, `www.example.com` or `example.com/cars/1`: a host alone could be any two words with a dot.
fn without_scheme(stretch: &str, at: usize, found: &mut Vec<Found>) {
    let end_of_stretch = at + stretch.len();
    let mut rest = match stretch.split_once("://") {
        None => stretch,
        Some((scheme, behind)) if is_misspelt(scheme) => behind,
        Some(_) => return,
    };
    while !rest.is_empty() {
        let mut host_end = rest.find(['/', '?', '#', ',', ';']).unwrap_or(rest.len());
        let mut start = host_start(&rest[..host_end]);
        // The second part of a mail address is no host, nor is what follows it.
        if rest[..start].ends_with('@') {
            return;
        }
        // In `www.example.comвот` the host ends where the script changes.
        if start > 0 && !is_domain(&rest[start..host_end]) && rest[..start].ends_with(is_word) {
            host_end = start;
            start = host_start(&rest[..start]);
        }
        let candidate = &rest[start..];
        let end = end_of(candidate);
        let is_taken = !rest[..start].ends_with('@') && is_meant(&candidate[..end]);
        match is_taken.then(|| address(&format!("https://{}", &candidate[..end]))).flatten() {
            Some(url) => {
                let begin = end_of_stretch - rest.len() + start;
                let span = begin..begin + without_trailing_punctuation(&candidate[..end]).len();
                found.push(Found { url, span });
                rest = &rest[start + end..];
            }
            None => rest = &rest[host_end + rest[host_end..].chars().next().map_or(0, char::len_utf8)..],
        }
    }
}

/// `htps`, `hhttps`, `ttps`: no scheme of something else.
fn is_misspelt(scheme: &str) -> bool {
    let word = scheme.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_ascii_lowercase();
    let is_apart =
        !scheme.ends_with(['+', '.', '-']) && !scheme[..scheme.len() - word.len()].ends_with(['+', '.', '-']);
    is_apart && (3..=7).contains(&word.len()) && word.contains('p') && word.chars().all(|c| "htps".contains(c))
}

/// Where the host begins that a stretch ends with: behind whatever no host has in it, or where the script changes.
fn host_start(stretch: &str) -> usize {
    let mut start = stretch.len();
    let mut script = None;
    for (at, c) in stretch.char_indices().rev() {
        match (Script::of(c), script) {
            (Some(this), None) => script = Some(this),
            (Some(this), Some(before)) if this == before => {}
            (Some(_), Some(_)) => break,
            (None, _) if c.is_ascii_digit() || matches!(c, '.' | '-') => {}
            _ => break,
        }
        start = at;
    }
    start + (stretch.len() - start - stretch[start..].trim_start_matches(['.', '-']).len())
}

fn is_meant(candidate: &str) -> bool {
    let candidate = without_trailing_punctuation(candidate);
    let host_length = candidate.find(['/', '?', '#']).unwrap_or(candidate.len());
    let (host, path) = candidate.split_at(host_length);
    let host = host.trim_end_matches('.').to_lowercase();
    let has_path = path.len() > 1 && path.starts_with('/');
    is_domain(&host) && (has_path || host.starts_with("www.") || is_known(&host))
}

fn is_domain(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_lowercase();
    let top = host.rsplit('.').next().unwrap_or_default();
    host.split('.').count() > 1
        && host.split('.').all(|label| !label.is_empty())
        && (top.len() > 1 && top.bytes().all(|b| b.is_ascii_alphabetic()) || CYRILLIC_TOP_LEVELS.contains(&top))
}

fn address(text: &str) -> Option<Url> {
    let mut url = Url::parse(without_trailing_punctuation(text)).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let is_public = match url.host()? {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name.trim_start_matches('.').contains('.') && !PRIVATE_TOP_LEVELS.iter().any(|top| name.ends_with(top))
        }
        Host::Ipv4(ip) => is_public(ip),
        Host::Ipv6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public(ip),
            None => !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()),
        },
    };
    // Nobody sells a car there, and no manager can open it.
    if !is_public {
        return None;
    }
    // Both fail only for addresses without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(url)
}

fn is_public(ip: Ipv4Addr) -> bool {
    // 100.64.0.0/10 is shared by the subscribers of a network (RFC 6598).
    let is_shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xC0 == 64;
    let is_this_network = ip.octets()[0] == 0;
    !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_broadcast() || is_shared || is_this_network)
}

/// Where the address ends that a text begins with, in bytes: before the words that are glued to it.
fn end_of(text: &str) -> usize {
    let host_start = text.find("://").map_or(0, |at| at + 3);
    let host_end = text[host_start..].find(['/', '?', '#']).map_or(text.len(), |at| host_start + at);
    let cut = glued_to_host(&text[host_start..host_end]).map(|at| host_start + at);
    if let Some(cut) = cut {
        return cut;
    }
    let host = text[host_start..host_end].rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let path = &text[host_end..];
    let ascii_alone = has_ascii_addresses(&host);
    let mut end =
        if ascii_alone { path.find(|c: char| !c.is_ascii()) } else { glued_to_path(path) }.unwrap_or(path.len());
    // A second address begins, unless it is this one's parameter or, as in archives, its path.
    if let Some(second) = scheme_at(&path[..end], 1)
        && !path[..second].ends_with('=')
        && (ascii_alone || !path[..second].ends_with('/'))
    {
        end = second;
    }
    if let Some(second) = path[..end].to_ascii_lowercase().find("www.")
        && path[..second].ends_with(|c: char| c.is_ascii_digit())
    {
        end = second;
    }
    host_end + end
}

/// Where words begin that are glued to a host, as in `example.comвот` or `example.com,look`; a label that is of one
/// script is the host's own.
fn glued_to_host(authority: &str) -> Option<usize> {
    let login = authority.rfind('@').map_or(0, |at| at + 1);
    let host = &authority[login..];
    if host.starts_with('[') {
        return None;
    }
    let mut script = None;
    let mut labels = 0;
    let cut = host.char_indices().find_map(|(at, c)| {
        match (c, Script::of(c), script) {
            ('.', ..) if host[at + 1..].starts_with('.') => return Some(at),
            // A sentence goes on behind the full stop.
            ('.', _, Some(Script::Latin)) if labels > 0 && is_foreign_label(&host[at + 1..]) => return Some(at),
            ('.', ..) => (labels, script) = (labels + 1, None),
            ('-' | '_', _, Some(Script::Latin))
                if labels > 0 && host[at + 1..].starts_with(|c: char| !c.is_ascii()) =>
            {
                return Some(at);
            }
            (':', ..) if host[at + 1..].starts_with(|c: char| c.is_ascii_digit()) => script = Some(Script::Latin),
            ('-' | '_' | '%', ..) => {}
            (c, ..) if !is_word(c) => return Some(at),
            (_, Some(this), Some(before)) if this != before && labels > 0 => return Some(at),
            (_, Some(this), _) => script = Some(this),
            (_, None, _) => {}
        }
        None
    });
    cut.map(|cut| login + cut)
}

/// Whether a label is in another script than Latin and no top-level domain.
fn is_foreign_label(host: &str) -> bool {
    let label = host.split(['.', ':']).next().unwrap_or_default().to_lowercase();
    label.chars().next().and_then(Script::of).is_some_and(|script| script != Script::Latin)
        && !CYRILLIC_TOP_LEVELS.contains(&label.as_str())
}

/// Where words begin that are glued to a path, query or fragment.
fn glued_to_path(path: &str) -> Option<usize> {
    // The word being read: its first character's script; digits count as Latin, the script of addresses.
    let mut script = None;
    let mut segment = 0;
    let mut before = None;
    for (at, c) in path.char_indices() {
        if !is_word(c) {
            script = None;
            if matches!(c, '/' | '?' | '&' | '#' | '=') {
                segment = at + 1;
            }
            before = Some((at, c));
            continue;
        }
        // `%20` is a delimiter.
        if c.is_ascii_hexdigit() && matches!(before, Some((percent, '%')) if at - percent <= 2) {
            continue;
        }
        let this = Script::of(c).unwrap_or(Script::Latin);
        match script {
            // Digits within a word of any script, and Latin letters behind another one, are the word's.
            Some(word) if word == this || this == Script::Latin => {}
            Some(_) => return Some(at),
            None if this != Script::Latin && !may_begin_word(path, segment, at, before) => {
                return Some(before.map_or(at, |(at, _)| at));
            }
            None => script = Some(this),
        }
    }
    None
}

/// Whether a word in another script may stand at `at`, behind the delimiter `before`.
fn may_begin_word(path: &str, segment: usize, at: usize, before: Option<(usize, char)>) -> bool {
    let Some((delimiter, c)) = before else { return false };
    match c {
        '/' | '=' | '#' | '%' | '+' => true,
        // A parameter has a value; a question mark behind which there is none ends a question.
        '?' | '&' => path[at..].chars().find(|c| !is_word(*c) && *c != '_').is_some_and(|c| c == '='),
        // `…/Toyota_Камри`, but not `…/38427498-вот`.
        '-' | '_' => {
            let word = &path[segment..delimiter];
            word.len() < 5 || !word.bytes().all(|b| b.is_ascii_digit())
        }
        '(' | ',' | '.' => {
            path[segment..delimiter].ends_with(['_', '-', ','])
                || path[segment..delimiter].chars().next_back().is_some_and(|c| !c.is_ascii() && is_word(c))
        }
        _ => false,
    }
}

/// What letters are told apart by: nobody writes one word in two of these.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    EastAsian,
    Other,
}

impl Script {
    /// `None` for digits and whatever is no letter.
    fn of(c: char) -> Option<Self> {
        match c {
            'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{24F}' => Some(Self::Latin),
            '\u{400}'..='\u{52F}' => Some(Self::Cyrillic),
            '\u{3040}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' => Some(Self::EastAsian),
            c if is_word(c) && !c.is_ascii_digit() && !matches!(c, '\u{300}'..='\u{36F}') => Some(Self::Other),
            _ => None,
        }
    }
}

/// Drops what belongs to the sentence around an address; a closing bracket stays if it closes one in the address, and
/// what stands behind an opening one that is never closed goes with it.
fn without_trailing_punctuation(text: &str) -> &str {
    let mut rest = text;
    loop {
        let open = [('(', ')'), ('[', ']'), ('{', '}')]
            .into_iter()
            .filter(|(open, close)| rest.matches(*open).count() > rest.matches(*close).count())
            .filter_map(|(open, _)| rest.rfind(open))
            .min();
        if let Some(open) = open {
            rest = &rest[..open];
            continue;
        }
        let Some(last) = rest.chars().next_back() else { break };
        let is_punctuation = match last {
            ')' => rest.matches(')').count() > rest.matches('(').count(),
            ']' => rest.matches(']').count() > rest.matches('[').count(),
            '}' => rest.matches('}').count() > rest.matches('{').count(),
            c => ".,:;!?'*_~".contains(c),
        };
        if !is_punctuation {
            break;
        }
        rest = &rest[..rest.len() - last.len_utf8()];
    }
    rest
}
