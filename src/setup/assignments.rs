//! Lines `NAME=value`, read as systemd reads them (`EnvironmentFile=` in systemd.exec(5); `parse_env_file_internal` of its
//! env-file.c): a command has the settings that its service has, and whoever changes one knows which lines it takes. Pure.

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    /// Names with their values, in the order of the file; the last of two counts.
    pub values: Vec<(String, String)>,
    /// Lines that neither systemd nor this makes anything of, counted from 1.
    pub passed_over: Vec<usize>,
}

/// What a text begins with.
#[derive(Debug)]
pub enum Piece<'a> {
    /// A line of nothing or of a comment.
    Nothing(&'a str),
    /// A line without `=`.
    Odd(&'a str),
    /// An assignment, over as many lines as its value takes.
    Assignment(Assignment<'a>),
}

/// A name gets a value.
#[derive(Debug)]
pub struct Assignment<'a> {
    /// As it stands in the file, with its line end.
    pub raw: &'a str,
    /// What stands before the `=`, be it a name or not.
    pub name: &'a str,
    pub value: String,
    /// Quotes that nobody closes take the rest of the file.
    pub is_closed: bool,
}

/// What of a value is being read.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    /// Behind the `=`, or behind a quote that was closed.
    Before,
    Plain,
    Escape,
    Single,
    Double,
    DoubleEscape,
}

impl Piece<'_> {
    /// As it stands in the file, with its line end.
    pub fn raw(&self) -> &str {
        match self {
            Self::Nothing(raw) | Self::Odd(raw) | Self::Assignment(Assignment { raw, .. }) => raw,
        }
    }
}

/// Reads a whole file.
pub fn read(text: &str) -> Assignments {
    let mut read = Assignments::default();
    let (mut rest, mut line) = (text, 1);
    while let Some(piece) = first_of(rest) {
        match &piece {
            Piece::Nothing(_) => {}
            Piece::Assignment(Assignment { name, value, .. }) if is_name(name) => {
                read.values.push(((*name).to_owned(), value.clone()));
            }
            Piece::Odd(_) | Piece::Assignment(_) => read.passed_over.push(line),
        }
        line += piece.raw().matches('\n').count();
        rest = &rest[piece.raw().len()..];
    }
    read
}

/// What a text begins with; `None` where there is nothing.
pub fn first_of(text: &str) -> Option<Piece<'_>> {
    let line = first_line(text);
    let shown = line.trim_start_matches(['\u{feff}', ' ', '\t']);
    if line.is_empty() {
        return None;
    }
    // A backslash at its end makes no comment longer since systemd 254; before, it took the next line along.
    if shown.starts_with(['#', ';', '\r', '\n']) || shown.is_empty() {
        return Some(Piece::Nothing(line));
    }
    let Some((name, _)) = shown.split_once('=') else { return Some(Piece::Odd(line)) };
    let begin = line.len() - shown.len() + name.len() + 1;
    let (value, length, is_closed) = value_of(&text[begin..]);
    let raw = &text[..begin + length];
    Some(Piece::Assignment(Assignment { raw, name: name.trim_end(), value, is_closed }))
}

/// What systemd takes for a name.
pub fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// The first line of a text, with its end.
pub fn first_line(text: &str) -> &str {
    text.find(['\n', '\r']).map_or(text, |at| &text[..behind_line_end(text, at)])
}

fn behind_line_end(text: &str, at: usize) -> usize {
    at + if text[at..].starts_with("\r\n") { 2 } else { 1 }
}

/// The value that begins behind a `=`, its length with the end of the line, and whether its quotes are closed.
fn value_of(text: &str) -> (String, usize, bool) {
    let mut value = String::new();
    // Blanks at the end of a value are none of it, unless they are escaped or quoted.
    let mut kept = 0;
    let mut within = Within::Before;
    for (at, sign) in text.char_indices() {
        let ends_line = matches!(sign, '\n' | '\r');
        let is_blank = matches!(sign, ' ' | '\t');
        within = match within {
            Within::Before | Within::Plain if ends_line => {
                value.truncate(kept);
                return (value, behind_line_end(text, at), true);
            }
            Within::Before if sign == '\'' => Within::Single,
            Within::Before if sign == '"' => Within::Double,
            Within::Before if is_blank => Within::Before,
            Within::Before | Within::Plain if sign == '\\' => {
                kept = value.len();
                Within::Escape
            }
            Within::Before | Within::Plain => {
                value.push(sign);
                if !is_blank {
                    kept = value.len();
                }
                Within::Plain
            }
            // An escaped end of the line is none.
            Within::Escape => {
                if !ends_line {
                    value.push(sign);
                }
                kept = value.len();
                Within::Plain
            }
            Within::Single if sign == '\'' => Within::Before,
            Within::Double if sign == '"' => Within::Before,
            Within::Double if sign == '\\' => Within::DoubleEscape,
            Within::Single | Within::Double => {
                value.push(sign);
                kept = value.len();
                within
            }
            Within::DoubleEscape => {
                if matches!(sign, '"' | '\\' | '`' | '$') {
                    value.push(sign);
                } else if sign != '\n' {
                    value.extend(['\\', sign]);
                }
                kept = value.len();
                Within::Double
            }
        };
    }
    value.truncate(kept);
    (value, text.len(), !matches!(within, Within::Single | Within::Double | Within::DoubleEscape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_that_systemd_reads() {
        for (text, value) in [
            ("A=b", "b"),
            ("A=b\r\n", "b"),
            ("  A = b c  \n", "b c"),
            ("A=", ""),
            ("A='b c'", "b c"),
            ("A=\"b c \"  ", "b c "),
            ("A=b#c", "b#c"),
            ("A=b # c", "b # c"),
            ("A='b' # c", "b# c"),
            ("A=$HOME `id` ${X}", "$HOME `id` ${X}"),
            ("A='a$b\\n'", "a$b\\n"),
            ("A=\"a\\$b\\n\\\"\\\\\"", "a$b\\n\"\\"),
            ("A=a\\ \\\\b", "a \\b"),
            ("A=a\\\nb", "ab"),
            ("A=\"a\nb\"", "a\nb"),
            ("A='it'\"'s\"", "it's"),
            ("A=don't", "don't"),
            ("A=b=c", "b=c"),
            ("\u{feff}A=b", "b"),
            ("A=Кириллица", "Кириллица"),
            ("A=b\\ ", "b "),
            ("# A=c\n; A=d\n#e \\\nA=b", "b"),
            ("A='b", "b"),
            ("A=b \\", "b "),
        ] {
            let want = Assignments { values: vec![("A".into(), value.into())], passed_over: Vec::new() };
            assert_eq!(read(text), want, "{text:?}");
        }
    }

    #[test]
    fn the_last_of_two_counts_and_what_is_no_assignment_is_told_by_its_line() {
        let read = read("A=1\n\nhush hush\nexport B=2\n3C=4\n=5\nA=6\nB='7");
        assert_eq!(read.values, [("A", "1"), ("A", "6"), ("B", "7")].map(|(name, value)| (name.into(), value.into())));
        assert_eq!(read.passed_over, [3, 4, 5, 6]);
        assert_eq!(super::read(""), Assignments::default());
    }

    #[test]
    fn the_example_is_read_without_a_word() {
        let read = read(include_str!("../../.env.example"));
        assert_eq!(read.passed_over, [0; 0]);
        assert!(read.values.iter().any(|(name, value)| name == "BOT_TOKEN" && value.is_empty()));
    }
}
