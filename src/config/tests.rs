//! What an operator sees of a configuration, right or wrong.

use std::time::Duration;

use super::*;

fn load(toml: &str, environment: &[(&str, &str)], flags: &[Flag]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foldback.toml");
    std::fs::write(&path, toml).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(&Inputs { file: Some(path), environment, flags: flags.to_vec() })
}

/// The sentence, with the file's changing path shortened.
fn sentence(toml: &str, environment: &[(&str, &str)]) -> String {
    let text = load(toml, environment, &[]).unwrap_err().to_string();
    let words = text.split(' ').map(|word| match word.find("/foldback.toml") {
        Some(at) => word[at + 1..].to_owned(),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn nothing_given_gives_the_defaults() {
    let config = Config::load(&Inputs::default()).unwrap();
    assert_eq!(config.kafka.group, "foldback");
    assert_eq!(config.kafka.orders_topic, "provider-orders");
    assert_eq!(config.redis.prefix, "provider_automation:");
    assert_eq!(config.batch.linger, Duration::from_millis(10));
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert!((1..=4).contains(&config.workers.count));
    assert!(config.postgres.url.is_none());
}

#[test]
fn flags_go_over_the_environment_over_the_file() {
    let toml = "[batch]\nlinger_ms = 1\nrecords_max = 1\nbytes_max = 2048";
    let environment = [("FOLDBACK__BATCH__LINGER_MS", "2"), ("FOLDBACK__BATCH__RECORDS_MAX", "2"), ("PATH", "/bin")];
    let flag = Flag { flag: "--linger", key: "batch.linger_ms", value: "3".to_owned() };
    let batch = load(toml, &environment, &[flag]).unwrap().batch;
    assert_eq!((batch.linger.as_millis(), batch.records_max, batch.bytes_max), (3, 2, 2048));
}

#[test]
fn librdkafka_settings_by_any_spelling() {
    let toml = "[kafka.properties]\nsasl.mechanism = \"PLAIN\"\n\"fetch.min.bytes\" = 5\nenable.ssl.certificate.verification = true";
    let environment = [("FOLDBACK__KAFKA__PROPERTIES__SASL_USERNAME", "me")];
    let properties = load(toml, &environment, &[]).unwrap().kafka.properties;
    let seen: Vec<(&str, &str)> = properties.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(
        seen,
        [
            ("enable.ssl.certificate.verification", "true"),
            ("fetch.min.bytes", "5"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "me"),
        ]
    );
}

#[test]
fn a_secret_can_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "postgres://u:s3cret@db/x\n").unwrap();
    let path = path.to_str().unwrap();
    let by_variable = load("", &[("FOLDBACK__POSTGRES__URL_FILE", path)], &[]).unwrap();
    assert_eq!(by_variable.postgres.url().unwrap().expose(), "postgres://u:s3cret@db/x");
    let by_file = load(&format!("[postgres]\nurl_file = \"{path}\""), &[], &[]).unwrap();
    assert_eq!(by_file.postgres.url().unwrap().expose(), "postgres://u:s3cret@db/x");
    let property = load("", &[("FOLDBACK__KAFKA__PROPERTIES__SASL_PASSWORD_FILE", path)], &[]).unwrap();
    assert_eq!(property.kafka.properties["sasl.password"].expose(), "postgres://u:s3cret@db/x");
}

#[test]
fn no_secret_is_shown() {
    let toml = "[postgres]\nurl = \"postgres://u:s3cret@db:5432/x?password=s3cret\"\n[redis]\nurl = \"redis://:s3cret@r\"\n\
                [kafka.properties]\nsasl.password = \"s3cret\"\nssl.key.pem = \"s3cret\"\nsasl.mechanism = \"PLAIN\"";
    let config = load(toml, &[], &[]).unwrap();
    let shown = format!("{config:?}{}{}", config.to_toml(), serde_json::to_string(&config.settings()).unwrap());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(config.to_toml().contains("url = \"postgres://db:5432/x\" # file "));
    assert!(config.to_toml().contains("properties.\"sasl.mechanism\" = \"PLAIN\""));
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let url = "postgres://u:s3cret@h/d";
    for key in ["workers.count", "http.listen", "kafka.brokers", "log.level", "kafka.orders_topic", "http.token"] {
        let (section, name) = key.split_once('.').unwrap();
        let text = sentence(&format!("[{section}]\n{name} = \"{url}\""), &[]);
        assert!(text.starts_with(&format!("{key} is (hidden) (file ")), "{text}");
    }
    assert!(sentence("[kafka]\nbrokers = \"u:s3cret@h:9092\"", &[]).starts_with("kafka.brokers is (hidden) "));
    let shown = |toml: &str| load(toml, &[], &[]).unwrap().to_toml();
    let group = shown(&format!("[kafka]\ngroup = \"{url}\"\n[redis]\nprefix = \"{url}\""));
    assert!(group.contains("group = \"postgres://h/d\"") && !group.contains("s3cret"), "{group}");
    let endpoint = "[kafka.properties]\nsasl.oauthbearer.token.endpoint.url = \"https://u:s3cret@h/o?t=s3cret\"";
    assert!(shown(endpoint).contains("url\" = \"https://h/o\" #"), "{}", shown(endpoint));
}

#[test]
fn a_value_of_an_unknown_setting_is_secret_whatever_its_name_looks_like() {
    for name in ["sasl.passwrod", "sasl.passwrod.ms", "sasl.passwrod.location", "sasl.passwrod.file", "debgu"] {
        let toml = format!("[kafka.properties]\n\"{name}\" = \"s3cret\"");
        let shown = load(&toml, &[], &[]).unwrap().to_toml();
        assert!(shown.contains(&format!("properties.\"{name}\" = \"(hidden)\"")), "{shown}");
    }
    let toml = "[kafka.properties]\nssl.key.location = \"-----BEGIN\\ns3cret\"";
    assert!(!load(toml, &[], &[]).unwrap().to_toml().contains("s3cret"));
    let toml = "[kafka.properties]\nssl.key.location = \"/etc/key\"\nsocket.timeout.ms = \"100\"";
    let shown = load(toml, &[], &[]).unwrap().to_toml();
    assert!(shown.contains("location\" = \"/etc/key\"") && shown.contains("ms\" = \"100\""), "{shown}");
}

#[test]
fn a_secret_given_instead_of_its_file_is_not_shown() {
    for secret in ["s3cret", "postgres://u:s3cret@h/d", "/s3cret+/=", "token s3cret"] {
        for variable in ["POSTGRES__URL_FILE", "HTTP__TOKEN_FILE", "KAFKA__PROPERTIES__SASL_PASSWORD_FILE"] {
            let text = sentence("", &[(&format!("FOLDBACK__{variable}"), secret)]);
            assert!(text.contains(variable) && !text.contains("s3cret"), "{text}");
        }
    }
}

#[test]
fn an_address_is_shown_whole_or_not_at_all() {
    assert_eq!(Secret::new("postgres://u:p@h:1/d?x=y").address(), "postgres://h:1/d");
    assert_eq!(Secret::new("redis://h").address(), "redis://h");
    assert_eq!(Secret::new("postgres://u:p/w@h/d").address(), "(hidden)");
    assert_eq!(Secret::new("postgres://u:p?w@h/d").address(), "(hidden)");
    assert_eq!(Secret::new("s3cret").address(), "(hidden)");
    assert_eq!(Secret::new("postgres://u:s3cret").address(), "(hidden)", "a forgotten @host");
    assert_eq!(Secret::new("postgres://u@h:s3?cret@h/d").address(), "(hidden)");
    assert_eq!(Secret::new("postgres://u:p@[::1]:5432/d").address(), "postgres://[::1]:5432/d");
    assert_eq!(Secret::new("postgres://u:p@%2Fvar%2Frun/d").address(), "postgres://%2Fvar%2Frun/d");
}

#[test]
fn a_wrong_value_is_told_with_its_place_and_what_is_allowed() {
    assert_eq!(
        sentence("[batch]\nlinger_ms = -1", &[]),
        "batch.linger_ms is -1 (file foldback.toml), but must be a whole number of milliseconds from 0 to 60000"
    );
    assert_eq!(
        sentence("", &[("FOLDBACK__WORKERS__COUNT", "many")]),
        "workers.count is \"many\" (environment variable FOLDBACK__WORKERS__COUNT), but must be a whole number of \
         workers from 1 to 64"
    );
    assert_eq!(
        sentence("[log]\nlevel = \"loud\"", &[]),
        "log.level is \"loud\" (file foldback.toml), but must be one of error, warn, info, debug, trace"
    );
    assert_eq!(
        sentence("[http]\nlisten = \"8080\"", &[]),
        "http.listen is \"8080\" (file foldback.toml), but must be an IP address and a port, such as 127.0.0.1:8080 or \
         [::1]:8080"
    );
    assert_eq!(
        sentence("", &[("FOLDBACK__POSTGRES__URL", "mysql://u:s3cret@h")]),
        "postgres.url is (hidden) (environment variable FOLDBACK__POSTGRES__URL), but must be a URL that starts with \
         postgres:// or postgresql://"
    );
    assert_eq!(
        sentence("", &[("FOLDBACK__HTTP__TOKEN", "fifteen-letters")]),
        "http.token is (hidden) (environment variable FOLDBACK__HTTP__TOKEN), but must be 1 to 10 tokens, each on a line \
         of its own, of 16 to 512 letters, digits or -._~+/="
    );
    assert!(sentence("[http]\ntoken = \"a token with spaces\"", &[]).starts_with("http.token is (hidden) (file "));
    assert_eq!(
        sentence("[retry]\ninitial_ms = 9000", &[]),
        "retry.initial_ms is 9000 (file foldback.toml), but must be at most retry.max_ms (5000)"
    );
    assert!(
        sentence("[kafka]\nbrokers = \"localhost\"", &[])
            .ends_with("must be host:port, or several separated by commas")
    );
    assert!(sentence("[kafka]\norders_topic = \"a b\"", &[]).contains("must be a topic name"));
    assert!(
        sentence("[kafka]\nruns_topic = \"provider-orders\"", &[])
            .ends_with("a different topic from kafka.orders_topic")
    );
}

#[test]
fn an_unknown_key_is_an_error_with_a_guess() {
    assert_eq!(
        sentence("[batch]\nlinger = 5", &[]),
        "there is no key batch.linger (file foldback.toml); did you mean batch.linger_ms?"
    );
    assert_eq!(
        sentence("", &[("FOLDBACK__BATCHES", "5")]),
        "there is no key batches (environment variable FOLDBACK__BATCHES); `foldback config show` lists all keys"
    );
    assert!(sentence("[nothing]", &[]).starts_with("there is no key nothing "));
    assert!(sentence("[batch]\nlinger_ms_file = \"x\"", &[]).starts_with("there is no key batch.linger_ms_file "));
}

#[test]
fn settings_that_correctness_rests_on_are_refused() {
    assert_eq!(
        sentence("", &[("FOLDBACK__KAFKA__PROPERTIES__GROUP_ID", "x")]),
        "kafka.properties must not set group.id (environment variable FOLDBACK__KAFKA__PROPERTIES__GROUP_ID): use \
         kafka.group instead"
    );
    for name in ["enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "isolation.level", "check.crcs"]
    {
        let text = sentence(&format!("[kafka.properties]\n\"{name}\" = \"x\""), &[]);
        assert!(text.starts_with(&format!("kafka.properties must not set {name} ")), "{text}");
    }
    let text = sentence("[kafka.properties]\n\"group.protocol\" = \"consumer\"", &[]);
    assert!(text.contains("must be classic"), "{text}");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    assert_eq!(
        sentence("", &[("FOLDBACK__POSTGRES__URL_FILE", "/nowhere/x")]),
        "postgres.url_file (environment variable FOLDBACK__POSTGRES__URL_FILE) names the file /nowhere/x, which cannot \
         be read: No such file or directory (os error 2)"
    );
    assert!(
        sentence("[a]\nb = = 1", &[]).starts_with("the configuration file foldback.toml is not valid TOML, line 2: ")
    );
    let both = [("FOLDBACK__REDIS__URL", "redis://a"), ("FOLDBACK__REDIS__URL_FILE", "/dev/null")];
    assert_eq!(
        sentence("", &both),
        "redis.url is set twice, by environment variable FOLDBACK__REDIS__URL and by file /dev/null, named by \
         environment variable FOLDBACK__REDIS__URL_FILE: remove one"
    );
    let missing = Inputs { file: Some("/nowhere/foldback.toml".into()), ..Inputs::default() };
    assert_eq!(
        Config::load(&missing).unwrap_err().to_string(),
        "the configuration file /nowhere/foldback.toml cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_missing_url_is_told_with_its_variable() {
    let error = Config::from_toml("x", "").unwrap().postgres.url().unwrap_err();
    assert_eq!(
        error.to_string(),
        "postgres.url is not set: give it in the configuration file, as FOLDBACK__POSTGRES__URL, or in a file named by \
         FOLDBACK__POSTGRES__URL_FILE"
    );
}
