//! The schema, its file and its layers agree.

use super::value::Auto;
use super::*;
use std::collections::BTreeSet;

fn laid(file: &str) -> Result<Config, ConfigError> {
    let mut settings = Settings::default();
    settings.lay_file("test.toml", file)?;
    Config::read(settings)
}

fn refused(file: &str) -> String {
    let error = laid(file).expect_err(file);
    crate::cli::error::CliError::from(error).to_string()
}

#[test]
fn the_default_file_is_valid_and_complete() {
    let config = Config::read(Settings::default()).expect("defaults are valid");
    assert_eq!(
        config.to_toml(),
        DEFAULT_TOML,
        "defaults print as they are written"
    );
    // One key a line: what a TOML reader sees in the file is what the line scan sees.
    let table: toml::Table = DEFAULT_TOML.parse().expect("the default file is TOML");
    let mut keys = BTreeSet::new();
    for (name, value) in &table {
        match value {
            toml::Value::Table(section) => {
                keys.extend(section.keys().map(|key| format!("{name}.{key}")));
            }
            _ => drop(keys.insert(name.clone())),
        }
    }
    let known: BTreeSet<String> = config.settings().keys().map(str::to_owned).collect();
    assert_eq!(keys, known);
}

#[test]
fn every_setting_has_a_comment() {
    let mut previous = "";
    for line in DEFAULT_TOML.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(previous.starts_with("# "), "no comment above {line:?}");
        }
        previous = line;
    }
}

#[test]
fn every_setting_is_read() {
    // A key that nothing reads would be accepted and ignored, whatever its value.
    for key in Settings::default().keys() {
        let mut settings = Settings::default();
        let (section, name) = key.split_once('.').unwrap_or(("", key));
        let header = if section.is_empty() {
            String::new()
        } else {
            format!("[{section}]\n")
        };
        settings
            .lay_file("test.toml", &format!("{header}{name} = [1]\n"))
            .expect("the key is known");
        assert!(Config::read(settings).is_err(), "nothing reads `{key}`");
    }
}

#[test]
fn later_layers_win() {
    let mut settings = Settings::default();
    settings
        .lay_file("a.toml", "seed = 1\n[runtime]\ncores = 1\nbudget = 10")
        .expect("valid");
    settings.lay_override("runtime.cores=2").expect("valid");
    settings.lay_override("seed=2").expect("valid");
    settings
        .lay_text("seed", "3", Origin::Flag("--seed"))
        .expect("valid");
    let config = Config::read(settings).expect("valid");
    assert_eq!((config.seed, config.runtime.budget), (3, Auto::Given(10)));
    assert_eq!(config.runtime.cores, Auto::Given(2));
    assert_eq!(
        config.settings().origin("runtime.budget"),
        &Origin::File("a.toml".into(), 4)
    );
}

#[test]
fn the_resolved_configuration_reads_back_to_itself() {
    let mut settings = Settings::default();
    for assignment in [
        "runtime.cores=2",
        "source.trace=a \"b\" é.csv",
        "load.rate=1.5M",
        "runtime.pin=false",
        "seed=7",
    ] {
        settings.lay_override(assignment).expect(assignment);
    }
    let text = Config::read(settings).expect("valid").to_toml();
    let again = laid(&text).expect("its own output is valid");
    assert_eq!(again.to_toml(), text);
    assert_eq!(again.source.trace.to_str(), Some("a \"b\" é.csv"));
    assert!(!again.runtime.pin);
}

#[test]
fn unknown_names_get_the_nearest_and_the_whole_list() {
    let message = refused("[runtime]\ncore = 2");
    assert!(
        message.contains("test.toml:2") && message.contains("`runtime.cores`"),
        "{message}"
    );
    assert!(
        message.contains("ring_slots"),
        "the section's keys are listed: {message}"
    );
    let message = refused("\n[runtme]\ncores = 2");
    assert!(
        message.contains("test.toml:2") && message.contains("`runtime`"),
        "{message}"
    );
    let message = refused("cores = 2");
    assert!(
        message.contains("runtime.cores"),
        "the right section is named: {message}"
    );
    let message = refused("report = 2");
    assert!(message.contains("[report]"), "{message}");
}

#[test]
fn values_outside_their_limits_name_key_value_limits_and_remedy() {
    for (file, parts) in [
        (
            "[runtime]\npartitions = 1000000",
            ["runtime.partitions", "1000000", "1 to 1024", "four a core"],
        ),
        (
            "[runtime]\ncores = 0",
            ["runtime.cores", "0", "1 to 1024", "auto"],
        ),
        (
            "[load]\nrate = 0",
            ["load.rate", "0", "events a second", "no event"],
        ),
        (
            "[load]\nduration = \"0s\"",
            ["load.duration", "0s", "above 0", "10s"],
        ),
        (
            "[runtime]\nring_slots = \"1G\"",
            ["runtime.ring_slots", "1G", "1 to 1048576", "L2"],
        ),
        (
            "[state]\nexpected_keys = \"1T\"",
            ["state.expected_keys", "1T", "4294967296", "grows"],
        ),
        (
            "[cache]\nanswers = 0",
            ["cache.answers", "1 to 67108864", "none", "bytes"],
        ),
        (
            "[runtime]\npin = \"yes\"",
            ["runtime.pin", "yes", "true or false", "quotes"],
        ),
        (
            "[runtime]\nidle = \"busi\"",
            ["runtime.idle", "busi", "adaptive", "`busy`"],
        ),
        ("app = 3", ["app", "3", "recommend", ""]),
        (
            "[report]\ngoal = \"p98=1us\"",
            ["report.goal", "p98", "p99.9", ""],
        ),
    ] {
        let message = refused(file);
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }
}

#[test]
fn text_that_is_not_toml_names_its_line() {
    let message = refused("app = \"recommend\"\nseed 42\n");
    assert!(message.contains("test.toml:2"), "{message}");
}
