//! Where `dealer.toml` is found, and that it is a file that can be read.

use std::path::{Path, PathBuf};

use super::{ConfigProblem, Dealer, Reader};

/// The file's name.
const FILE: &str = "dealer.toml";

/// More is something else.
const LARGEST_FILE: u64 = 1024 * 1024;

impl Reader<'_> {
    /// What `dealer.toml` says, wherever it is: `SETTINGS_FILE`, else in `DATA_DIR`, else in the working directory.
    pub fn dealer(&mut self) -> Dealer {
        if let Some(dealer) = &self.dealer {
            return dealer.clone();
        }
        let dealer = self.read_dealer().unwrap_or_default();
        self.warnings.extend(dealer.odd.iter().cloned());
        self.dealer.insert(dealer).clone()
    }

    fn read_dealer(&mut self) -> Option<Dealer> {
        const NAME: &str = "SETTINGS_FILE";
        let named = self.text(NAME).map(PathBuf::from);
        let is_named = named.is_some();
        let path = match named {
            Some(path) => path,
            None => {
                let in_data_dir = self.data_dir().join(FILE);
                let places = [in_data_dir, PathBuf::from(FILE)];
                places.into_iter().find(|path| path.exists())?
            }
        };
        let shown = path.display().to_string();
        match text_of(&path) {
            Ok(text) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                match Dealer::parse(&shown, &text, folder) {
                    Ok(dealer) => Some(Dealer { file: Some(path), ..dealer }),
                    Err(problems) => {
                        self.problems.extend(problems);
                        None
                    }
                }
            }
            Err(why) if is_named => {
                self.wrong(NAME, format!("names {shown}, which {why}"), "The path of a dealer.toml, or leave it out");
                None
            }
            Err(why) => {
                self.problems.push(ConfigProblem::new(shown, why, "Mend it, or take it away"));
                None
            }
        }
    }
}

fn text_of(path: &Path) -> Result<String, String> {
    let about = std::fs::metadata(path).map_err(|error| format!("cannot be read ({error})"))?;
    if !about.is_file() {
        return Err("is no file".into());
    }
    if about.len() > LARGEST_FILE {
        return Err("is larger than any settings".into());
    }
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read ({error})"))?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text; save it as UTF-8".into())
}
