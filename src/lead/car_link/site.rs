//! Which of several addresses is the car's: what is known of the sites that buyers send.

use url::Url;

/// Sites that sell cars; all of them name their pages in ASCII alone.
const CAR_SITES: &[&str] = &[
    "auto.ru",
    "autohome.com.cn",
    "autoscout24.com",
    "autoscout24.de",
    "autowini.com",
    "av.by",
    "avito.ru",
    "beforward.jp",
    "bobaedream.co.kr",
    "carfromjapan.com",
    "carmanager.co.kr",
    "carsensor.net",
    "carview.co.jp",
    "che168.com",
    "copart.com",
    "dongchedi.com",
    "drom.ru",
    "dubicars.com",
    "dubizzle.com",
    "encar.com",
    "glovis.net",
    "goo-net.com",
    "goo-net-exchange.com",
    "guazi.com",
    "iaai.com",
    "japancar.ru",
    "kbchachacha.com",
    "kcar.com",
    "kolesa.kz",
    "lotteautoauction.net",
    "mobile.de",
    "mashina.kg",
    "myauto.ge",
    "renrenche.com",
    "sbtjapan.com",
    "tcv.com",
    "truecar.com",
];

/// Messengers and social networks: an address there is rather where the car was seen than the car.
const CHATS: &[&str] = &[
    "dzen.ru",
    "facebook.com",
    "fb.com",
    "instagram.com",
    "max.ru",
    "ok.ru",
    "rutube.ru",
    "t.me",
    "telegram.dog",
    "telegram.me",
    "telegram.org",
    "tiktok.com",
    "viber.com",
    "vk.com",
    "vk.me",
    "vkontakte.ru",
    "wa.me",
    "whatsapp.com",
    "x.com",
    "youtu.be",
    "youtube.com",
];

/// How likely an address is the car's; the greatest wins, of equals the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A channel, a profile.
    Chat,
    /// A host alone.
    Host,
    /// A car site alone.
    CarSite,
    /// One message of a channel, one video.
    ChatPost,
    /// A page.
    Page,
    /// A page with an id.
    PageOfOne,
    /// A page of a car site.
    CarSitePage,
    /// A page of a car site with an id.
    CarPage,
    /// A car at encar.
    EncarCar,
}

impl Rank {
    pub(super) fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let has_path = url.path().len() > 1 || url.query().is_some_and(|query| !query.is_empty());
        let has_id = has_id(url, 5);
        match () {
            () if encar_id(url).is_some() => Self::EncarCar,
            () if is_one_of(host, CAR_SITES) => match (has_path, has_id) {
                (true, true) => Self::CarPage,
                (true, false) => Self::CarSitePage,
                (false, _) => Self::CarSite,
            },
            () if is_one_of(host, CHATS) => match has_id_or_post(url) {
                true => Self::ChatPost,
                false => Self::Chat,
            },
            () if !has_path => Self::Host,
            () if has_id => Self::PageOfOne,
            () => Self::Page,
        }
    }
}

fn has_id(url: &Url, least_digits: usize) -> bool {
    let is_id = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= least_digits);
    is_id(url.path()) || url.query().is_some_and(is_id)
}

/// `t.me/channel/123`, `vk.com/wall-1_2`, `youtube.com/watch?v=…`; a phone (`wa.me/7999…`) is no post.
fn has_id_or_post(url: &Url) -> bool {
    let segments = url.path().split('/').filter(|segment| !segment.is_empty()).count();
    segments > 1 && has_id(url, 1)
        || segments == 1 && (url.path().contains('_') && has_id(url, 1) || url.path() == "/watch")
}

/// Whether a host is so well known that it is an address without `https://` or a path.
pub(super) fn is_known(host: &str) -> bool {
    is_one_of(host, &["encar.com", "che168.com", "autohome.com.cn", "dongchedi.com", "bobaedream.co.kr", "guazi.com"])
}

/// Whether an address is a messenger's or a social network's.
pub(super) fn is_chat(url: &Url) -> bool {
    url.host_str().is_some_and(|host| is_one_of(host, CHATS))
}

/// Whether a site's addresses are ASCII alone, so that any other character is not the address's.
pub(super) fn has_ascii_addresses(host: &str) -> bool {
    is_one_of(host, CAR_SITES) || is_one_of(host, CHATS)
}

fn is_one_of(host: &str, sites: &[&str]) -> bool {
    let host = host.trim_end_matches('.').split(':').next().unwrap_or_default();
    sites.iter().any(|site| host.strip_suffix(site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// The id in encar's desktop (`…?carid=1`), mobile (`…?carId=1`) and present (`/cars/detail/1`) addresses.
pub(super) fn encar_id(url: &Url) -> Option<String> {
    if !url.host_str().is_some_and(|host| is_one_of(host, &["encar.com"])) {
        return None;
    }
    let segments: Vec<&str> = url.path().split('/').filter(|s| !s.is_empty()).collect();
    if let ["cars", "detail", id, ..] | ["cars", "report", _, id, ..] = segments.as_slice()
        && let Some(id) = leading_id(id)
    {
        return Some(id);
    }
    url.query_pairs().find_map(|(name, id)| {
        // `&amp;carid=1` is what an address copied out of a page's source looks like.
        name.trim_start_matches("amp;").eq_ignore_ascii_case("carid").then(|| leading_id(&id)).flatten()
    })
}

/// The digits an id begins with; what is glued behind them (`38427498look`) must leave enough to be a car's id.
fn leading_id(text: &str) -> Option<String> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let least = if length == text.len() { 1 } else { 6 };
    (least..=20).contains(&length).then(|| text[..length].to_owned())
}
