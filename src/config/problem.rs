use std::{borrow::Cow, fmt};

use crate::called::Called;

/// One variable that is missing or wrong; prints as one line and never holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Name of the variable.
    pub variable: Cow<'static, str>,
    /// What is wrong.
    pub problem: String,
    /// Where to get a right one.
    pub remedy: Cow<'static, str>,
}

impl ConfigProblem {
    /// A problem with this variable.
    pub fn new(
        variable: impl Into<Cow<'static, str>>,
        problem: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { variable: variable.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}", self.variable, self.problem, Called::now().words(&self.remedy))
    }
}
