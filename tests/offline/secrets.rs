//! No command shows a secret, however its setting is misspelled; and what Kafka's client can't take is found before a
//! command begins.

use std::process::Command;

const SECRET: &str = "S3CR3T-x7";

/// Standard output and error, and the exit code.
fn foldback(args: &[&str], env: &[(&str, &str)]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_foldback"))
        .args(args)
        .env("FOLDBACK__POSTGRES__URL", "postgres://foldback@127.0.0.1:1/foldback")
        .env("FOLDBACK__KAFKA__BROKERS", "127.0.0.1:1")
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (text, output.status.code())
}

#[test]
fn a_secret_of_kafka_is_never_shown() {
    let misspelled = [
        ("FOLDBACK__KAFKA__PROPERTIES__SASL_PASSWROD", "sasl.passwrod"),
        ("FOLDBACK__KAFKA__PROPERTIES__SASL_JAAS_CONFIG", "sasl.jaas.config"),
        ("FOLDBACK__KAFKA__PROPERTIES__SSL_TRUSTSTORE_PASSWORD", "ssl.truststore.password"),
        ("FOLDBACK__KAFKA__PROPERTIES__SASL_OAUTHBEARER_CLIENT_SECRT", "sasl.oauthbearer.client.secrt"),
        ("FOLDBACK__KAFKA__PROPERTIES__SOCKET_TIMEOUT_MS", "socket.timeout.ms"),
    ];
    let commands: [&[&str]; 7] = [
        &["run"],
        &["doctor"],
        &["publish", "--count", "1"],
        &["rebuild", "--plan"],
        &["verify"],
        &["generations", "promote", "2"],
        &["config", "check"],
    ];
    for (variable, name) in misspelled {
        for command in commands {
            let (text, code) = foldback(command, &[(variable, SECRET)]);
            assert!(!text.contains(SECRET), "{command:?} shows the value of {name}:\n{text}");
            assert!(text.contains(name), "{command:?} doesn't name {name}:\n{text}");
            assert_eq!(code, Some(2), "{command:?}, {name}:\n{text}");
        }
        if name != "socket.timeout.ms" {
            let (text, _) = foldback(&["config", "show"], &[(variable, SECRET)]);
            assert!(text.contains(name) && !text.contains(SECRET), "{text}");
        }
    }
}

#[test]
fn a_parameter_of_the_database_url_that_would_be_ignored_is_refused() {
    for (parameter, named) in [("sslpassword", true), ("target_session_attrs", true), ("sslpasswrod", false)] {
        let url = format!("postgres://foldback:{SECRET}@127.0.0.1:1/foldback?{parameter}={SECRET}");
        for command in [&["run"][..], &["status"], &["migrate"], &["doctor"], &["config", "check"]] {
            let (text, code) = foldback(command, &[("FOLDBACK__POSTGRES__URL", &url)]);
            assert!(!text.contains(SECRET), "{command:?}:\n{text}");
            assert_eq!((text.contains(parameter), code), (named, Some(2)), "{command:?}:\n{text}");
        }
    }
}
