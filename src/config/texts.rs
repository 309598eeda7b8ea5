//! Where the dealer's texts are: a folder `texts` beside `dealer.toml`, with one file for each language.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::Reader;

/// The folder's name.
const FOLDER: &str = "texts";

/// More than all texts of a language, many times.
const LARGEST: u64 = 1 << 20;

/// One file of the dealer's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// As it is told to people.
    pub path: String,
    /// The language that its name says: an IETF tag in small letters.
    pub code: String,
    /// What is in it.
    pub text: String,
}

/// One thing that is wrong with the dealer's texts; prints as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextProblem {
    /// The file, as it is told to people.
    pub path: String,
    /// Line and column, from 1, where the trouble is at one place.
    pub at: Option<(usize, usize)>,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl fmt::Display for TextProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.path, self.problem),
            None => write!(f, "{}: {}", self.path, self.problem),
        }
    }
}

impl Reader<'_> {
    /// Where a folder of texts may be: beside `dealer.toml`, and without one wherever that is looked for.
    pub fn text_places(&mut self) -> Vec<PathBuf> {
        if let Some(file) = self.dealer().file {
            return vec![file.parent().unwrap_or(Path::new("")).to_owned()];
        }
        // The file that is named is where the texts are, also where something in it is wrong.
        if let Some(named) = self.text("SETTINGS_FILE").map(PathBuf::from).filter(|named| named.is_file()) {
            return vec![named.parent().unwrap_or(Path::new("")).to_owned()];
        }
        let places = [self.store().data_dir, PathBuf::from(".")];
        let beside = places.iter().find(|place| place.join("dealer.toml").is_file());
        beside.map_or_else(|| places.to_vec(), |place| vec![place.clone()])
    }
}

/// The files of the first of these folders that has a folder `texts`, in the order of their names; and what is wrong with
/// those that cannot be used.
pub fn read_texts(places: &[PathBuf]) -> (Vec<TextFile>, Vec<TextProblem>) {
    let Some(folder) = places.iter().map(|place| folder_in(place)).find(|folder| folder.is_dir()) else {
        return Default::default();
    };
    let told = |path: &Path| path.display().to_string();
    let unreadable = |path: &Path, error: &io::Error| TextProblem {
        path: told(path),
        at: None,
        problem: format!("cannot be read: {error}"),
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => return (Vec::new(), vec![unreadable(&folder, &error)]),
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let problem = |problem: &str| TextProblem { path: told(&path), at: None, problem: problem.to_owned() };
        let code = match name.strip_suffix(".ftl") {
            // Editors and systems leave files of their own beside; what a Windows editor has named is meant.
            _ if name.starts_with('.') => continue,
            None if name.ends_with(".ftl.txt") => {
                problems.push(problem("ends in .txt: its name has to end in .ftl"));
                continue;
            }
            None => continue,
            Some(code) if is_language_code(code) => code.replace('_', "-"),
            Some(_) => {
                problems.push(problem("is not named after a language: ru.ftl, en.ftl, kk.ftl"));
                continue;
            }
        };
        match read(&path) {
            Ok(bytes) => match in_utf8(bytes) {
                Ok(text) => files.push(TextFile { path: told(&path), code, text }),
                Err(at) => {
                    let problem = "is not UTF-8 text; save the file once more, in the encoding UTF-8".to_owned();
                    problems.push(TextProblem { path: told(&path), at: Some(at), problem });
                }
            },
            Err(error) => problems.push(unreadable(&path, &error)),
        }
    }
    (files, problems)
}

fn folder_in(place: &Path) -> PathBuf {
    // People look for `texts/ru.ftl`, not for `./texts/ru.ftl`.
    if place == Path::new(".") { PathBuf::from(FOLDER) } else { place.join(FOLDER) }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > LARGEST {
        return Err(io::Error::other("larger than 1 MB"));
    }
    std::fs::read(path)
}

/// The text without a mark at its beginning; else line and column of what is no text.
fn in_utf8(bytes: Vec<u8>) -> Result<String, (usize, usize)> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let good = String::from_utf8_lossy(good);
            let column = good.rsplit('\n').next().unwrap_or_default().chars().count();
            Err((good.matches('\n').count() + 1, column + 1))
        }
    }
}

/// `ru`, `kk`, `pt-br`, `uz_latn`.
pub(crate) fn is_language_code(name: &str) -> bool {
    let mut parts = name.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    let is_of = |part: &str, shortest, longest| {
        (shortest..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    is_of(language, 2, 3)
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| is_of(part, 2, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &[u8])]) -> (Vec<TextFile>, Vec<TextProblem>) {
        let folder = tempfile::tempdir().expect("a folder");
        let texts = folder.path().join(FOLDER);
        std::fs::create_dir(&texts).expect("a folder");
        for (name, bytes) in files {
            std::fs::write(texts.join(name), bytes).expect("a file");
        }
        let elsewhere = folder.path().join("elsewhere");
        read_texts(&[elsewhere, folder.path().to_owned()])
    }

    #[test]
    fn files_are_named_after_their_language() {
        let all: [(&str, &[u8]); 7] = [
            ("ru.ftl", b"\xef\xbb\xbfa = b"),
            ("pt-BR.ftl", b""),
            ("uz_latn.ftl", b""),
            ("notes.txt", b"\xff"),
            (".ru.ftl.swp", b"\xff"),
            ("ru.ftl~", b"\xff"),
            ("README", b""),
        ];
        let (files, problems) = read(&all);
        assert_eq!(problems, []);
        let found: Vec<_> = files.iter().map(|file| (file.code.as_str(), file.text.as_str())).collect();
        assert_eq!(found, [("pt-br", ""), ("ru", "a = b"), ("uz-latn", "")]);
    }

    #[test]
    fn every_file_that_cannot_be_used_is_told() {
        let all: [(&str, &[u8]); 5] = [
            ("ru.ftl.txt", b""),
            ("russian.ftl", b""),
            ("r.ftl", b""),
            ("kk.ftl", "welcome = Сәлем\nhelp = ".as_bytes()),
            ("en.ftl", b"a = b\nhelp = \xcf\xf0\xe8"),
        ];
        let (files, problems) = read(&all);
        assert_eq!(files.len(), 1, "the others are looked at all the same");
        let told: Vec<_> =
            problems.iter().map(|told| (told.path.rsplit('/').next().expect("a name"), told.at)).collect();
        assert_eq!(told, [("en.ftl", Some((2, 8))), ("r.ftl", None), ("ru.ftl.txt", None), ("russian.ftl", None)]);
    }

    #[test]
    fn the_folder_may_be_missing() {
        assert_eq!(read_texts(&[]), (vec![], vec![]));
        assert_eq!(read_texts(&[PathBuf::from("/nowhere")]), (vec![], vec![]));
    }
}
