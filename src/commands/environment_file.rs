//! The settings' file of a systemd unit, read as systemd reads it (`EnvironmentFile=` in systemd.exec(5);
//! `parse_env_file_internal` of its env-file.c), so that a command has the settings that its service has.

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    /// Names with their values, in the order of the file; the last of two counts.
    pub values: Vec<(String, String)>,
    /// Lines that neither systemd nor this makes anything of, counted from 1.
    pub passed_over: Vec<usize>,
}

/// What is being read.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Nothing,
    Name,
    /// Behind the `=`, or behind a quote that was closed.
    BeforeValue,
    Value,
    ValueEscape,
    Single,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

/// Reads a whole file.
pub fn parse(text: &str) -> Assignments {
    let mut read = Assignments::default();
    let (mut name, mut value) = (String::new(), String::new());
    // Blanks at the end of a value are none of it, unless they are escaped or quoted.
    let mut kept = 0;
    let (mut line, mut begun) = (1, 1);
    let mut within = Within::Nothing;
    // The end of the file ends a line, too.
    for sign in text.trim_start_matches('\u{feff}').chars().chain(['\n']) {
        let ends_line = matches!(sign, '\n' | '\r');
        let is_blank = matches!(sign, ' ' | '\t');
        within = match within {
            Within::Nothing if ends_line || is_blank => Within::Nothing,
            Within::Nothing if matches!(sign, '#' | ';') => Within::Comment,
            Within::Nothing => {
                (name, value, kept, begun) = (String::from(sign), String::new(), 0, line);
                if sign == '=' { Within::BeforeValue } else { Within::Name }
            }
            Within::Name if ends_line => {
                read.passed_over.push(begun);
                Within::Nothing
            }
            Within::Name if sign == '=' => Within::BeforeValue,
            Within::Name => {
                name.push(sign);
                Within::Name
            }
            Within::BeforeValue | Within::Value if ends_line => {
                value.truncate(kept);
                read.take(name.trim_end(), &value, begun);
                Within::Nothing
            }
            Within::BeforeValue if sign == '\'' => Within::Single,
            Within::BeforeValue if sign == '"' => Within::Double,
            Within::BeforeValue if is_blank => Within::BeforeValue,
            Within::BeforeValue | Within::Value if sign == '\\' => Within::ValueEscape,
            Within::BeforeValue | Within::Value => {
                value.push(sign);
                if !is_blank {
                    kept = value.len();
                }
                Within::Value
            }
            // An escaped end of the line is none.
            Within::ValueEscape => {
                if !ends_line {
                    value.push(sign);
                }
                kept = value.len();
                Within::Value
            }
            Within::Single if sign == '\'' => Within::BeforeValue,
            Within::Double if sign == '"' => Within::BeforeValue,
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
            Within::Comment if ends_line => Within::Nothing,
            Within::Comment if sign == '\\' => Within::CommentEscape,
            Within::Comment | Within::CommentEscape => Within::Comment,
        };
        line += usize::from(sign == '\n');
    }
    // Quotes that nobody closes take the rest of the file, and systemd takes them as they are.
    if !matches!(within, Within::Nothing | Within::Comment | Within::CommentEscape | Within::Name) {
        read.take(name.trim_end(), &value, begun);
    }
    read
}

impl Assignments {
    fn take(&mut self, name: &str, value: &str, line: usize) {
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if is_name {
            self.values.push((name.to_owned(), value.to_owned()));
        } else {
            self.passed_over.push(line);
        }
    }
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
        ] {
            // A comment that ends in a backslash goes on in newer versions of systemd as in older ones, so the last case has
            // a line more.
            let text = if text.starts_with("# A=c") { text.replace("\\\nA", "\\\nX=1\nA") } else { text.to_owned() };
            let want = Assignments { values: vec![("A".into(), value.into())], passed_over: Vec::new() };
            assert_eq!(parse(&text), want, "{text:?}");
        }
    }

    #[test]
    fn the_last_of_two_counts_and_what_is_no_assignment_is_told_by_its_line() {
        let read = parse("A=1\n\nhush hush\nexport B=2\n3C=4\n=5\nA=6\nB='7");
        assert_eq!(
            read.values,
            [("A", "1"), ("A", "6"), ("B", "7\n")].map(|(name, value)| (name.into(), value.into()))
        );
        assert_eq!(read.passed_over, [3, 4, 5, 6]);
        assert_eq!(parse(""), Assignments::default());
    }

    #[test]
    fn the_example_is_read_without_a_word() {
        let read = parse(include_str!("../../.env.example"));
        assert_eq!(read.passed_over, [0; 0]);
        assert!(read.values.iter().any(|(name, value)| name == "BOT_TOKEN" && value.is_empty()));
    }
}
