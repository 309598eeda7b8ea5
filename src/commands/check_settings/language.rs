use clap::ValueEnum;

/// In which language a command speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    En,
    /// Russian.
    Ru,
}

impl Language {
    /// That of the terminal: the first of these variables that says anything (POSIX, 8.2).
    pub fn of_the_terminal() -> Self {
        let said = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
        Self::of_locale(said.into_iter().find(|locale| !locale.is_empty()).as_deref().unwrap_or_default())
    }

    /// `ru`, `ru_RU.UTF-8`; everything else is English.
    fn of_locale(locale: &str) -> Self {
        match locale.split(['_', '.', '@', '-']).next() {
            Some(language) if language.eq_ignore_ascii_case("ru") => Self::Ru,
            _ => Self::En,
        }
    }

    /// One of the two.
    pub fn of<T>(self, english: T, russian: T) -> T {
        match self {
            Self::En => english,
            Self::Ru => russian,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_says_the_language() {
        for (locale, want) in [
            ("ru_RU.UTF-8", Language::Ru),
            ("ru", Language::Ru),
            ("RU_UA", Language::Ru),
            ("en_US.UTF-8", Language::En),
            ("C.UTF-8", Language::En),
            ("run", Language::En),
            ("", Language::En),
        ] {
            assert_eq!(Language::of_locale(locale), want, "{locale}");
        }
    }
}
