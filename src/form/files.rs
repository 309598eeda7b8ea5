//! Files that a buyer sends, at any step: kept with the form, or said why not, and the question that is open asked again.
//!
//! An album comes as one message for each of its files. Each is a turn, and its answer tells of all of them until now: the
//! answer to an earlier one, which waits a moment before it is sent, is taken back for it (`telegram::storage`).

use super::{
    album::Album,
    answering::captioned,
    asking::{open_form, stay},
    conversation::{Conversation, Outcome, World},
    draft::Draft,
    noted::Noted,
};
use crate::{
    lead::{BuyerFile, Wish},
    notice::Say,
};

/// What came in one message with a file.
pub(super) struct Sent {
    pub file: BuyerFile,
    /// The album it is a part of.
    pub album: Option<String>,
    /// The words under it.
    pub caption: Option<String>,
    /// The addresses the message holds without showing them.
    pub links: Vec<String>,
}

/// Keeps a file with the form that is open, or opens one with it, and with the words under it.
pub(super) fn keep(conversation: Conversation, sent: Sent, world: &World) -> Outcome {
    let Sent { file, album: id, caption, links } = sent;
    let known = conversation.draft.as_ref().and_then(|draft| draft.album.clone());
    let known = known.filter(|album| id.is_some() && album.id == id);
    let caption = caption.unwrap_or_default();
    let Outcome { conversation, mut replies, .. } = said_under(conversation, &caption, &links, world);
    let mut conversation = conversation;
    let Some(draft) = &mut conversation.draft else { return stay(conversation, vec![Say::OnlyText], world) };
    let is_more = known.is_some();
    let mut album = known.unwrap_or_else(|| Album { id, only_photos: true, ..Album::default() });
    album.take(&mut draft.files, file);
    let says = album.says(draft.files.len());
    // The question that is open, or the card, as it stands now.
    let open = stay(conversation.clone(), Vec::new(), world).replies.pop().and_then(|mut last| last.pop());
    if let Some(last) = replies.last_mut() {
        last.pop();
    }
    let before: Vec<Say> = replies.iter().flatten().cloned().collect();
    if is_more {
        album.first.extend(before);
        replies = vec![album.first.iter().cloned().chain(says).chain(open).collect()];
    } else {
        album.first = before;
        match replies.last_mut() {
            Some(last) => last.extend(says.into_iter().chain(open)),
            None => replies = vec![says.into_iter().chain(open).collect()],
        }
    }
    if let Some(draft) = &mut conversation.draft {
        draft.album = Some(album);
    }
    Outcome { conversation, replies, lead: None }
}

/// Whether a turn has taken another part of an album whose answer so far tells all that there is to say, but for its number.
pub fn album_goes_on(before: &Conversation, after: &Conversation) -> bool {
    let album = |conversation: &Conversation| conversation.draft.as_ref().and_then(|draft| draft.album.clone());
    let (Some(before), Some(after)) = (album(before), album(after)) else { return false };
    let told = |album: &Album| (album.too_many, album.too_large, album.first.len());
    before.id.is_some() && before.id == after.id && before.added < after.added && told(&before) == told(&after)
}

/// What the words under a file lead to, with a form open in any case; the last thing said is what is asked now. Words in which
/// nothing is understood are for the manager.
fn said_under(conversation: Conversation, caption: &str, links: &[String], world: &World) -> Outcome {
    if !caption.trim().is_empty() || !links.is_empty() {
        let outcome = captioned(conversation.clone(), caption, links, world);
        let is_understood = !outcome.replies.iter().flatten().any(|say| *say == Say::OnlyText);
        if is_understood && outcome.conversation.draft.is_some() {
            return outcome;
        }
    }
    let is_open = conversation.draft.is_some();
    let mut outcome = match is_open {
        true => stay(conversation, Vec::new(), world),
        false => open_form(conversation, world, Some(Say::Welcome)),
    };
    let noted = Noted::default().with_wish(Wish::under_a_file(caption));
    if let Some(told) = noted.keep(&mut outcome.conversation, &world.form)
        && let Some(reply) = outcome.replies.last_mut()
    {
        reply.insert(reply.len().saturating_sub(1), told);
    }
    outcome
}

/// Removes all files from the form.
pub(super) fn drop_all(mut conversation: Conversation, world: &World) -> Outcome {
    let dropped = conversation.draft.as_mut().map(Draft::drop_files);
    match dropped {
        Some(true) => stay(conversation, vec![Say::FilesDropped], world),
        Some(false) | None => stay(conversation, vec![Say::OldButton], world),
    }
}

impl Draft {
    /// Forgets all files; `false` when there was none.
    fn drop_files(&mut self) -> bool {
        self.album = None;
        !std::mem::take(&mut self.files).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        form::{Form, Input, Press, turn},
        lead::{Buyer, FileKind, LARGEST_FILE, MOST_FILES, Region, Sources},
        notice::Ask,
        wording::Lang,
    };

    fn world() -> World {
        World {
            now: chrono::Utc::now(),
            sent_at: None,
            has_buttons: true,
            region: Region::default(),
            consent: crate::form::ConsentRule::Nothing,
            buyer: Buyer::default(),
            form: Form::default(),
            sources: Sources::default(),
            words: Lang::all_words,
            request: None,
            keys: Lang::typed_by_key,
            utc_offset: chrono::TimeDelta::hours(3),
            message: None,
            first_name: None,
            last_request: None,
        }
    }

    fn file(id: &str, kind: FileKind, size: u64) -> BuyerFile {
        let (file_id, unique_id) = (id.to_owned(), id.to_owned());
        BuyerFile { file_id, unique_id, kind, name: None, mime: None, size: Some(size), message_id: 1 }
    }

    fn media(id: &str, album: Option<&str>, caption: Option<&str>) -> Input {
        Input::Media {
            caption: caption.map(str::to_owned),
            links: Vec::new(),
            file: Some(file(id, FileKind::Photo, 1000)),
            album: album.map(str::to_owned),
        }
    }

    fn text(text: &str) -> Input {
        Input::Text { text: text.into(), links: Vec::new() }
    }

    fn play(inputs: impl IntoIterator<Item = Input>) -> (Conversation, Vec<Vec<Say>>) {
        inputs.into_iter().fold((Conversation::idle(None), Vec::new()), |(conversation, _), input| {
            let outcome = turn(conversation, input, &world());
            (outcome.conversation, outcome.replies)
        })
    }

    fn names(conversation: &Conversation) -> Vec<&str> {
        let files = conversation.draft.iter().flat_map(|draft| &draft.files);
        files.map(|file| file.file_id.as_str()).collect()
    }

    fn kept(added: usize, total: usize) -> Say {
        Say::FilesKept { added, total, only_photos: true }
    }

    #[test]
    fn a_file_opens_a_form_and_is_kept_at_every_step_of_it() {
        let (conversation, replies) = play([media("a", None, None)]);
        assert_eq!(names(&conversation), ["a"]);
        assert!(
            matches!(&replies[..], [reply] if matches!(&reply[..], [Say::Welcome, said, Say::Ask(_)] if *said == kept(1, 1))),
            "{replies:?}"
        );
        let answers = ["Иван", "89991234567", "2 млн", "нет"];
        for until in 0..=answers.len() {
            let before = [Input::Start].into_iter().chain(answers[..until].iter().map(|answer| text(answer)));
            let (before, _) = play(before);
            let outcome = turn(before.clone(), media("b", None, None), &world());
            assert_eq!(outcome.conversation.step, before.step, "it moves nothing");
            assert_eq!(names(&outcome.conversation), ["b"]);
            let Some([said, last]) = outcome.replies.last().map(Vec::as_slice) else { panic!("{:?}", outcome.replies) };
            assert_eq!(*said, kept(1, 1));
            match last {
                Say::Ask(_) => assert!(until < answers.len()),
                Say::Card(card) => assert_eq!((until, card.files), (answers.len(), 1)),
                other => panic!("{other:?}"),
            }
            // With a draft that was stored and read again.
            let json = super::super::stored::draft_json(
                outcome.conversation.draft.as_ref().expect("one"),
                &world().form,
                Lang::all_words,
            );
            let read = super::super::stored::read_draft(&json, &world().form, Lang::all_words);
            assert_eq!(read, outcome.conversation.draft);
        }
    }

    #[test]
    fn an_albums_answer_tells_of_all_of_it_so_far_with_what_was_said_at_its_first() {
        let album = |id| media(id, Some("g"), None);
        let (conversation, replies) = play([album("a"), album("b"), album("c")]);
        assert_eq!(names(&conversation), ["a", "b", "c"]);
        let ask = Say::Ask(Ask { question: "name".into(), editing: false, kept: None, offered: None });
        assert_eq!(replies, [[Say::Welcome, kept(3, 3), ask.clone()]]);
        // A part that comes when the answer was sent has nothing more to say, unless there is more to it.
        let parts = [album("a"), album("b"), media("c", Some("g"), Some("салон"))];
        let after = |count: usize| play(parts[..count].iter().cloned()).0;
        assert!(album_goes_on(&after(1), &after(2)) && !album_goes_on(&after(0), &after(1)));
        assert!(!album_goes_on(&after(2), &after(3)) && !album_goes_on(&after(2), &play([media("x", None, None)]).0));
        let (conversation, replies) =
            play([album("a"), album("b"), media("c", Some("h"), None), media("d", None, None)]);
        assert_eq!(names(&conversation), ["a", "b", "c", "d"]);
        assert_eq!(replies, [[kept(1, 4), ask]]);
    }

    #[test]
    fn words_under_a_file_are_taken() {
        let caption = "Kia K5 https://fem.encar.com/cars/detail/38427498";
        for before in [vec![], vec![Input::Start]] {
            let (conversation, _) = play(before.into_iter().chain([media("a", Some("g"), Some(caption))]));
            let draft = conversation.draft.as_ref().expect("a form");
            assert!(draft.answers.contains_key("car_link"), "{draft:?}");
            assert_eq!(names(&conversation), ["a"]);
        }
        // Nothing said is lost, whatever is asked.
        let form = [Input::Start, text("Иван"), text("89991234567"), text("2 млн"), text("нет")];
        for (until, caption) in [(0, "царапина слева"), (1, "вот мои права"), (3, "салон"), (5, "хочу белую с люком")]
        {
            let (conversation, _) = play(form[..until].iter().cloned().chain([media("a", None, Some(caption))]));
            let draft = conversation.draft.as_ref().expect("a form");
            assert_eq!(draft.wish.as_ref().map(Wish::as_str), Some(caption));
            assert_eq!(names(&conversation), ["a"]);
        }
    }

    #[test]
    fn no_more_than_ten_and_none_that_a_bot_cannot_have() {
        let many = (0..MOST_FILES).map(|at| media(&at.to_string(), None, None));
        let (conversation, _) = play(many);
        assert_eq!(names(&conversation).len(), MOST_FILES);
        let outcome = turn(conversation.clone(), media("x", None, None), &world());
        assert_eq!(names(&outcome.conversation).len(), MOST_FILES);
        assert_eq!(outcome.replies[0][0], Say::TooManyFiles { most: MOST_FILES });
        // The same once more is no more.
        let outcome = turn(conversation, media("3", None, None), &world());
        assert_eq!(outcome.replies[0][0], kept(1, MOST_FILES));
        for (size, is_kept) in [(LARGEST_FILE, true), (LARGEST_FILE + 1, false), (3_000_000_000, false)] {
            let file = Some(file("a", FileKind::Document, size));
            let input = Input::Media { caption: None, links: Vec::new(), file, album: None };
            let outcome = turn(Conversation::idle(None), input, &world());
            assert_eq!(names(&outcome.conversation).len(), usize::from(is_kept), "{size}");
            let said = outcome.replies[0].contains(&Say::FileTooLarge { megabytes: 20 });
            assert_eq!(said, !is_kept, "{:?}", outcome.replies);
        }
    }

    #[test]
    fn all_are_removed_at_once_and_the_lead_has_those_that_are_left() {
        let form =
            [Input::Start, media("a", None, None), text("Иван"), text("89991234567"), text("2 млн"), text("нет")];
        let (conversation, _) = play(form.clone());
        let outcome = turn(conversation.clone(), Input::Press(Press::Submit), &world());
        assert_eq!(outcome.lead.map(|lead| lead.files.len()), Some(1));
        let outcome = turn(conversation, Input::Press(Press::DropFiles), &world());
        let [reply] = &outcome.replies[..] else { panic!("{:?}", outcome.replies) };
        assert!(matches!(&reply[..], [Say::FilesDropped, Say::Card(card)] if card.files == 0), "{reply:?}");
        let again = turn(outcome.conversation.clone(), Input::Press(Press::DropFiles), &world());
        assert_eq!(again.replies[0][0], Say::OldButton);
        let sent = turn(outcome.conversation, Input::Press(Press::Submit), &world());
        assert_eq!(sent.lead.map(|lead| lead.files.len()), Some(0));
    }
}
