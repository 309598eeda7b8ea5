//! What the product is built from: licences that allow it, one source, and the large crates once.

use std::process::Command;

use serde_json::Value;

/// The licences that ask for no more than to be named, and MPL-2.0, which concerns changes to the crate itself.
const LICENCES: [&str; 16] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Twice they would be built twice, and types of one would not fit the other.
const ONCE: [&str; 16] = [
    "axum",
    "chrono",
    "futures-util",
    "http",
    "hyper",
    "libsqlite3-sys",
    "reqwest",
    "ring",
    "rlibphonenumber",
    "rustls",
    "serde",
    "serde_json",
    "sqlx-core",
    "takecell",
    "teloxide-core",
    "tokio",
];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Whether one may choose such that every part is allowed: `(MIT OR Apache-2.0) AND Unicode-3.0`. Old manifests write `/`
/// for `OR`.
fn is_allowed(licence: &str) -> bool {
    let licence = licence.replace(['(', ')'], "").replace(" / ", " OR ").replace('/', " OR ");
    licence.split(" AND ").all(|part| part.split(" OR ").any(|one| LICENCES.contains(&one.trim())))
}

/// What is built for this machine, from `Cargo.lock` and the crates that the build has fetched.
fn packages() -> Vec<Value> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let mut metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let used: Vec<Value> =
        metadata["resolve"]["nodes"].as_array().expect("nodes").iter().map(|node| node["id"].clone()).collect();
    let packages = metadata["packages"].as_array_mut().expect("packages");
    packages.drain(..).filter(|package| used.contains(&package["id"])).collect()
}

#[test]
fn every_crate_may_be_used_comes_from_the_registry_and_the_large_ones_come_once() {
    let packages = packages();
    assert!(packages.len() > 100, "{} packages", packages.len());
    for package in &packages {
        let (name, version, licence) = (&package["name"], &package["version"], &package["license"]);
        assert!(licence.as_str().is_some_and(is_allowed), "{name} {version}: {licence}");
        let source = package["source"].as_str();
        assert!(source.is_none_or(|source| source == REGISTRY), "{name} {version} is from {source:?}");
    }
    for name in ONCE {
        let versions: Vec<&Value> =
            packages.iter().filter(|package| package["name"] == name).map(|package| &package["version"]).collect();
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
}

#[test]
fn a_licence_with_conditions_is_noticed() {
    for allowed in ["MIT", "MIT/Apache-2.0", "GPL-2.0-only OR Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in ["GPL-3.0-only", "MIT AND AGPL-3.0-only", "LGPL-2.1-or-later / SSPL-1.0", ""] {
        assert!(!is_allowed(refused), "{refused}");
    }
}
