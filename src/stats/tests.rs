use chrono::{DateTime, TimeDelta, Utc};

use super::{
    figures::{Figures, ManagerFigures, Reached, Share, Touch},
    words::Told,
    *,
};
use crate::{
    clock::{Clock, Millis},
    lead::ChatRef,
    store::{ImportedLead, Mark, NewLead, SourceFigures, Store},
    telegram::client::SendError,
};

fn moment(text: &str) -> Millis {
    text.parse::<DateTime<Utc>>().expect("a moment").timestamp_millis()
}

/// Made-up figures of so many days, with so many rows in each table.
fn sample(days: u32, rows: u64) -> Figures {
    let period = Period { first: "2026-11-20".parse().expect("a day"), days };
    let names = ["avito", "drom", "instagram", "наклейка", "other", "none"];
    let people = ["Анна Петрова", "Олег", "Мария-Антуанетта Константинопольская-Заболоцкая", "Игорь 🚗"];
    Figures {
        period,
        days: (0..days).map(|day| (period::forth(period.first, day), u64::from(day * 7 % 12))).collect(),
        leads: 42,
        before: 35,
        funnel: [
            (Reached::Came, 61),
            (Reached::Question("name"), 57),
            (Reached::Question("phone"), 52),
            (Reached::Question("budget"), 47),
            (Reached::Question("car_link"), 44),
            (Reached::Card, 43),
            (Reached::Sent, 42),
        ]
        .into(),
        sources: (0..rows)
            .map(|row| SourceFigures {
                label: names[row as usize % names.len()].to_owned(),
                requests: 20_u64.saturating_sub(row * 4),
                left: [("phone".to_owned(), 3 + row)].into(),
                ..SourceFigures::default()
            })
            .collect(),
        touch: Some(Touch {
            median: Some(TimeDelta::minutes(7)),
            ninety: Some(TimeDelta::minutes(83)),
            late: [Share { part: 8, of: 41 }, Share { part: 0, of: 40 }],
        }),
        managers: (0..rows)
            .map(|row| ManagerFigures {
                name: (row + 1 < rows).then(|| people[row as usize % people.len()].to_owned()),
                leads: 20_u64.saturating_sub(row),
                median: (row + 1 < rows).then(|| TimeDelta::minutes(4 + row as i64 * 31)),
                won: row,
            })
            .collect(),
        won: Some(Share { part: 3, of: 38 }),
    }
}

fn bare(days: u32) -> Figures {
    Figures { touch: None, won: None, managers: Vec::new(), sources: Vec::new(), before: 0, ..sample(days, 0) }
}

/// Everything that is said of figures, in a language.
pub(crate) fn say_everything(lang: Lang) {
    let form = Form::default();
    for figures in [sample(7, 4), sample(90, 30), sample(366, 1), bare(7)] {
        Told { figures: &figures, form: &form, lang }.text();
    }
    picture::draw(Told { figures: &sample(90, 30), form: &form, lang }).expect("a picture");
}

#[test]
fn the_picture_is_a_png_of_the_right_width_with_a_border_on_white() {
    let form = Form::default();
    for (name, figures) in [
        ("week", sample(7, 4)),
        ("month", sample(30, 3)),
        ("quarter", sample(90, 20)),
        ("year", sample(366, 1)),
        ("bare", bare(7)),
        ("day", bare(1)),
    ] {
        for lang in [Lang::ru(), Lang::en()] {
            let bytes = picture::draw(Told { figures: &figures, form: &form, lang }).expect("a picture");
            if let Some(folder) = std::env::var_os("STATS_PICTURES") {
                let file = std::path::Path::new(&folder).join(format!("{name}-{}.png", lang.code()));
                std::fs::write(file, &bytes).expect("a file");
            }
            let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().expect("a PNG");
            let (width, height) = reader.info().size();
            assert_eq!(width, WIDTH);
            assert!((300..4000).contains(&height), "{name}: {height}");
            let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
            reader.next_frame(&mut pixels).expect("pixels");
            let at = |x: u32, y: u32| {
                let from = ((y * width + x) * 3) as usize;
                [pixels[from], pixels[from + 1], pixels[from + 2]]
            };
            assert_eq!(at(10, 10), [255; 3], "{name}");
            for corner in [at(0, 0), at(width - 1, 0), at(0, height - 1), at(width - 1, height - 1)] {
                assert!(corner != [255; 3] && corner.iter().all(|part| *part > 100), "{name}: {corner:?}");
            }
            let dark = pixels.chunks(3).filter(|pixel| pixel.iter().all(|part| *part < 80)).count();
            assert!(dark > 2000, "{name}: {dark} dark pixels are no text");
            assert!(bytes.len() < 400_000, "{name}: {}", bytes.len());
        }
    }
}

#[test]
fn the_words_have_every_figure_and_those_under_the_picture_fit_there() {
    let form = Form::default();
    let week = sample(7, 4);
    let text = Told { figures: &week, form: &form, lang: Lang::ru() }.caption();
    for words in [
        "Заявки за 20.11 – 26.11.2026",
        "Всего заявок: 42",
        "за 13.11 – 19.11.2026 было 35",
        "По дням: 20.11: 0, 21.11: 7",
        "у половины 7 мин, у 90 % не больше 1 ч 23 мин",
        "15 мин и дольше: 20\u{a0}% (8 / 41); 60 мин и дольше: 0\u{a0}% (0 / 40)",
        "Куплено (этап 142): 8\u{a0}% (3 / 38)",
        "• Пришли: 61",
        "• Отправили: 42",
        "• avito: заявок 20 из 23 пришедших",
        "• Анна Петрова: заявок 20, ответ у половины 4 мин, куплено 0",
        "• никто не взял: заявок 17",
    ] {
        assert!(text.contains(words), "{words}\n\n{text}");
    }
    for (days, rows) in [(7, 4), (7, 30), (90, 12), (366, 30), (1, 1)] {
        for lang in [Lang::ru(), Lang::en()] {
            let figures = sample(days, rows);
            let told = Told { figures: &figures, form: &form, lang };
            let (caption, text) = (told.caption(), told.text());
            assert!(caption.encode_utf16().count() <= 1024, "{days} {rows}: {caption}");
            assert!(text.encode_utf16().count() <= 4096, "{days} {rows}: {text}");
            let is_told = |text: &str| !text.contains("admin-stats") && !text.contains("{") && text.contains("42");
            assert!(is_told(&caption) && is_told(&text), "{caption}\n\n{text}");
        }
    }
    let bare = bare(7);
    let text = Told { figures: &bare, form: &form, lang: Lang::en() }.text();
    assert!(text.contains("MANAGERS_CHAT_ID") && text.contains("[[status]]"), "{text}");
}

async fn store_at(folder: &tempfile::TempDir, at: &str) -> Store {
    let clock = Clock::following_tokio(moment(at));
    Store::open_file(&folder.path().join("store.sqlite"), clock).await.expect("a store")
}

async fn send_lead(store: &Store, number: &str, at: &str) {
    let lead = serde_json::from_value(serde_json::json!({
        "id": ulid::Ulid::new().to_string(), "number": number, "submitted_at": at, "name": "Иван Секретный",
        "phone": {"e164": "+79991234567", "typed": "", "origin": "typed"}, "budget": {"typed": "", "price": 0},
        "buyer": {"user_id": 5, "chat_id": 5},
    }))
    .expect("a lead");
    let new = ImportedLead { new: NewLead::fresh(lead), fingerprint: None };
    assert_eq!(store.leads().import(&[new]).await.expect("a commit"), 1);
}

/// A look at a moment by a process of its own: what it has sent, and whether nothing is left to be tried again.
async fn look_at(folder: &tempfile::TempDir, at: &str, answer: Result<(), SendError>) -> (bool, Option<String>) {
    let store = store_at(folder, at).await;
    let weekly = WeeklyStats {
        stats: Stats::new(store.leads(), &Dealer::default()),
        marks: store.marks(),
        chat: ChatRef::telegram(7),
    };
    let looked = match weekly.due().await.expect("a look") {
        None => (true, None),
        Some(due) => {
            let caption = due.picture().expect("a picture").1;
            (weekly.sent(due, answer).await.expect("a commit"), Some(caption))
        }
    };
    store.close().await;
    looked
}

#[tokio::test]
async fn every_monday_it_is_told_once_whoever_is_restarted() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_at(&folder, "2026-11-23T00:00:00Z").await;
    // By Moscow's clock: Sunday just before midnight, and Monday just after it.
    send_lead(&store, "K7M2QXA", "2026-11-29T20:59:00Z").await;
    send_lead(&store, "N7HR3T9", "2026-11-29T21:01:00Z").await;
    store.close().await;
    let late = || Err(SendError::Later { cause: "no answer".into(), after: None });
    for (at, answer, is_done, is_sent) in [
        ("2026-11-29T21:05:00Z", Ok(()), true, false),
        ("2026-11-30T05:59:30Z", Ok(()), true, false),
        ("2026-11-30T06:00:00Z", late(), false, true),
        ("2026-11-30T06:06:00Z", Ok(()), true, true),
        ("2026-11-30T06:07:00Z", Ok(()), true, false),
        ("2026-12-02T06:00:00Z", Ok(()), true, false),
        ("2026-12-07T05:00:00Z", Ok(()), true, false),
        // Whoever was away on Monday tells it on Wednesday.
        ("2026-12-09T20:00:00Z", Ok(()), true, true),
        // Nothing came that week, or it is too late.
        ("2026-12-14T06:00:00Z", Ok(()), true, false),
        ("2026-12-17T12:00:00Z", Ok(()), true, false),
    ] {
        let (done, caption) = look_at(&folder, at, answer).await;
        assert_eq!((done, caption.is_some()), (is_done, is_sent), "{at}");
        if let Some(caption) = caption {
            assert!(caption.contains("Всего заявок: 1"), "{caption}");
            assert!(!caption.contains("Иван") && !caption.contains("9991234567"), "{caption}");
        }
    }
}

#[tokio::test]
async fn whoever_wants_no_figures_on_mondays_gets_none_and_words_where_no_picture_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store_at(&folder, "2026-11-23T00:00:00Z").await;
    send_lead(&store, "K7M2QXA", "2026-11-24T09:00:00Z").await;
    store.marks().set(&Mark::WeeklyStats, "off").await.expect("a mark");
    store.close().await;
    assert_eq!(look_at(&folder, "2026-11-30T07:00:00Z", Ok(())).await, (true, None));
    let store = store_at(&folder, "2026-11-30T07:01:00Z").await;
    store.marks().set(&Mark::WeeklyStats, "on").await.expect("a mark");
    store.close().await;
    let refused = || Err(SendError::Refused("not enough rights to send photos".into()));
    assert!(look_at(&folder, "2026-11-30T07:02:00Z", refused()).await.1.is_some());
    assert_eq!(look_at(&folder, "2026-11-30T07:03:00Z", refused()).await, (true, None));
    let store = store_at(&folder, "2026-11-30T07:04:00Z").await;
    assert_eq!(store.outbox().count().await.expect("a count"), 1);
}
