//! The environment with `.env`, of which every command reads what it needs: what is wrong elsewhere is not in its way.

use super::{
    ConfigProblem, Reader, SETTINGS, database,
    dotenv::{self, BrokenLine},
    names,
};

/// A variable's value by its name.
type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Variables, as a command finds them.
pub struct Environment<'a> {
    lookup: Box<Lookup<'a>>,
    /// Settings whose values are no text.
    not_text: Vec<&'static str>,
    /// What looks wrong without being in the way, such as a misspelt name.
    odd: Vec<ConfigProblem>,
    /// Lines of `.env` that cannot be read: whatever is in them, no command works without it.
    broken: Vec<BrokenLine>,
}

impl<'a> Environment<'a> {
    /// Puts what `.env` in the working directory says (where there is one) into the environment.
    ///
    /// # Errors
    /// The file belongs to somebody else, or cannot be read.
    pub fn load() -> Result<Self, ConfigProblem> {
        let dotenv::Loaded { warnings: mut odd, broken } = dotenv::load()?;
        let names: Vec<String> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        odd.extend(names::misspelt(names.iter().map(String::as_str), is_set));
        let is_no_text = |name: &&str| matches!(std::env::var(name), Err(std::env::VarError::NotUnicode(_)));
        let not_text = SETTINGS.iter().copied().filter(is_no_text).collect();
        Ok(Self { not_text, odd, broken, ..Self::of(|name| std::env::var(name).ok()) })
    }

    /// Variables that `lookup` knows.
    pub fn of(lookup: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self { lookup: Box::new(lookup), not_text: Vec::new(), odd: Vec::new(), broken: Vec::new() }
    }

    /// Reads what `part` asks for, and says besides what looks wrong without being in the way.
    ///
    /// # Errors
    /// All that is missing or wrong among what was asked for, one line each.
    pub fn read<T>(
        &self,
        part: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> Result<(T, Vec<ConfigProblem>), Vec<ConfigProblem>> {
        let mut reader = Reader::new(&*self.lookup, &self.not_text);
        let value = part(&mut reader);
        let odd = self.odd.iter().cloned();
        if reader.problems.is_empty() && self.broken.is_empty() {
            return Ok((value, odd.chain(reader.warnings).collect()));
        }
        // What is wrong with a setting whose line cannot be read is only that.
        let is_broken = |name: &str| self.broken.iter().any(|line| line.setting == Some(name));
        let problems = reader.problems.into_iter().filter(|problem| !is_broken(&problem.variable));
        // What is missing may be there under a misspelt name.
        Err(self.broken.iter().map(|line| line.problem.clone()).chain(problems).chain(odd).collect())
    }

    /// What `part` asks for, as far as it can be read, whatever is wrong.
    pub fn peek<T>(&self, part: impl FnOnce(&mut Reader<'_>) -> T) -> T {
        part(&mut Reader::new(&*self.lookup, &self.not_text))
    }

    /// The value of a variable, where it has one.
    pub fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    /// Whether a variable has a value.
    pub fn has(&self, name: &str) -> bool {
        (self.lookup)(name).is_some_and(|value| !value.trim().is_empty())
    }

    /// The same with a value for a variable that has none.
    pub fn with<'b>(&'b self, name: &'b str, value: &'b str) -> Environment<'b>
    where
        'a: 'b,
    {
        let given = move |asked: &str| (asked == name && !self.has(name)).then(|| value.to_owned());
        Environment {
            lookup: Box::new(move |asked| given(asked).or_else(|| (self.lookup)(asked))),
            not_text: self.not_text.clone(),
            odd: self.odd.clone(),
            broken: self.broken.clone(),
        }
    }

    /// The address of a database that was given as an option: checked like `DATABASE_URL`.
    ///
    /// # Errors
    /// What is wrong with it, without the password.
    pub fn database_url(&self, option: &'static str, url: &str) -> Result<String, Vec<ConfigProblem>> {
        let (checked, _) = self.read(|reader| {
            let platform = database::Platform::of(reader);
            database::checked(option, url, &reader.plaintext, platform)
        })?;
        checked.map_err(|problem| vec![problem])
    }
}
