//! Finds an address in a buyer's words and knows encar's.

use url::{Host, Url};

use super::super::text;

/// The first http(s) address in a text, without a login.
pub(super) fn first_address(text: &str) -> Option<Url> {
    text.split(|c: char| c.is_whitespace() || "<>\"«»“”„`|".contains(c))
        .find_map(|word| with_scheme(word).or_else(|| without_scheme(word)))
}

/// `https://…`, also behind other text (`ссылка:https://…`).
fn with_scheme(word: &str) -> Option<Url> {
    let lower = word.to_ascii_lowercase();
    let start = [lower.find("http://"), lower.find("https://")]
        .into_iter()
        .flatten()
        .min()?;
    let is_other_scheme = lower[..start].ends_with(['+', '.', '-']);
    (!is_other_scheme)
        .then(|| address(&word[start..]))
        .flatten()
}

/// `encar.com/…`, `www.example.com` or `example.com/cars/1`: a host alone could be any two words with a dot.
fn without_scheme(word: &str) -> Option<Url> {
    let word = without_trailing_punctuation(word);
    let end = word.find(['/', '?', '#']).unwrap_or(word.len());
    let start = word[..end]
        .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'))
        .map_or(0, |last| {
            last + word[last..].chars().next().map_or(0, char::len_utf8)
        });
    let is_mail_address = word[..start].ends_with('@');
    let bare = word[start..].trim_start_matches(['.', '-']);
    let host_length = bare.find(['/', '?', '#']).unwrap_or(bare.len());
    let (host, path) = bare.split_at(host_length);
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_domain = host.split('.').count() > 1
        && host.split('.').all(|label| !label.is_empty())
        && host
            .rsplit('.')
            .next()
            .is_some_and(|top| top.len() > 1 && top.bytes().all(|b| b.is_ascii_alphabetic()));
    let has_path = path.len() > 1 && path.starts_with('/');
    let is_meant = has_path || host.starts_with("www.") || is_encar(&host);
    if is_mail_address || !is_domain || !is_meant {
        return None;
    }
    address(&format!("https://{bare}"))
}

fn address(text: &str) -> Option<Url> {
    let mut url = Url::parse(without_trailing_punctuation(text)).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let is_reachable = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.trim_matches('.').contains('.'),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    };
    if !is_reachable {
        return None;
    }
    // Both fail only for addresses without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(url)
}

/// Drops what belongs to the sentence around an address; a closing bracket stays if it closes one in the address.
fn without_trailing_punctuation(text: &str) -> &str {
    let mut rest = text;
    while let Some(last) = rest.chars().next_back() {
        let is_punctuation = match last {
            ')' => rest.matches(')').count() > rest.matches('(').count(),
            ']' => rest.matches(']').count() > rest.matches('[').count(),
            '}' => rest.matches('}').count() > rest.matches('{').count(),
            c => ".,:;!?…'’‘*_~)]}（）".contains(c) || text::is_invisible(c),
        };
        if !is_punctuation {
            break;
        }
        rest = &rest[..rest.len() - last.len_utf8()];
    }
    rest
}

fn is_encar(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "encar.com" || host.ends_with(".encar.com")
}

/// The id in encar's desktop (`…?carid=1`), mobile (`…?carId=1`) and present (`/cars/detail/1`) addresses.
pub(super) fn encar_id(url: &Url) -> Option<String> {
    if !url.host_str().is_some_and(is_encar) {
        return None;
    }
    let is_id = |id: &str| (1..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    let segments: Vec<&str> = url.path().split('/').filter(|s| !s.is_empty()).collect();
    if let ["cars", "detail", id, ..] | ["cars", "report", _, id, ..] = segments.as_slice()
        && is_id(id)
    {
        return Some((*id).to_owned());
    }
    url.query_pairs()
        .find(|(name, id)| {
            // `&amp;carid=1` is what an address copied out of a page's source looks like.
            name.trim_start_matches("amp;")
                .eq_ignore_ascii_case("carid")
                && is_id(id)
        })
        .map(|(_, id)| id.into_owned())
}
