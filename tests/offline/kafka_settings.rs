//! What Kafka's client can't do is said by `config check`, before anything connects.

use std::process::Command;

const SECRET: &str = "S3CR3T-k4";

/// What `config check` says of these settings below `kafka.properties`, and its exit code.
fn check(settings: &[(&str, &str)]) -> (String, Option<i32>) {
    let variable = |name: &str| format!("FOLDBACK__KAFKA__PROPERTIES__{}", name.to_uppercase().replace('.', "_"));
    let output = Command::new(env!("CARGO_BIN_EXE_foldback"))
        .args(["config", "check"])
        .env("FOLDBACK__POSTGRES__URL", "postgres://foldback@127.0.0.1:1/foldback")
        .envs(settings.iter().map(|(name, value)| (variable(name), *value)))
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(!text.contains(SECRET), "{text}");
    (text, output.status.code())
}

fn is_valid(settings: &[(&str, &str)]) {
    assert_eq!(check(settings), ("the configuration is valid\n".to_owned(), Some(0)), "{settings:?}");
}

const BUILT: &str = "set one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER";

#[test]
fn a_mechanism_that_this_build_lacks_is_named_with_those_that_it_has() {
    // Without a SASL protocol it has no effect, but it is still a mistake.
    for protocol in ["SASL_SSL", "SASL_PLAINTEXT", "PLAINTEXT"] {
        for mechanism in ["GSSAPI", "NONSENSE", "scram-sha-512"] {
            let (text, code) = check(&[("security.protocol", protocol), ("sasl.mechanism", mechanism)]);
            assert!(text.contains(&format!("sasl.mechanism {mechanism} is not in this build")), "{text}");
            assert!(text.contains(BUILT) && code == Some(2), "{text}");
        }
    }
    let (text, code) = check(&[("security.protocol", "SASL_SSL")]);
    assert!(text.contains("GSSAPI") && text.contains("if none is set") && text.contains(BUILT), "{text}");
    assert_eq!(code, Some(2));
}

#[test]
fn a_mechanism_that_this_build_has_is_valid() {
    let user = [("sasl.username", "foldback"), ("sasl.password", SECRET)];
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let protocol = [("security.protocol", "SASL_SSL"), ("sasl.mechanism", mechanism)];
        is_valid(&[&protocol[..], &user].concat());
        is_valid(&[&[("security.protocol", "sasl_ssl"), ("sasl.mechanisms", mechanism)][..], &user].concat());
    }
}

#[test]
fn tokens_are_fetched_from_an_oidc_server_whose_settings_are_all_there() {
    let bearer = [("security.protocol", "SASL_SSL"), ("sasl.mechanism", "OAUTHBEARER")];
    let (text, code) = check(&bearer);
    assert!(text.contains("needs a token: set sasl.oauthbearer.method to oidc") && code == Some(2), "{text}");
    let oidc = [
        ("sasl.oauthbearer.method", "oidc"),
        ("sasl.oauthbearer.client.id", "foldback"),
        ("sasl.oauthbearer.client.secret", SECRET),
        ("sasl.oauthbearer.token.endpoint.url", "https://identity.example.com/token"),
    ];
    is_valid(&[&bearer[..], &oidc].concat());
    for left_out in 1..oidc.len() {
        let mut some = oidc.to_vec();
        let (name, _) = some.remove(left_out);
        let (text, code) = check(&[&bearer[..], &some].concat());
        assert!(text.contains(name) && code == Some(2), "without {name}: {text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_by_its_setting() {
    let ssl = ("security.protocol", "SSL");
    for name in ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "https.ca.location"] {
        let (text, code) = check(&[ssl, (name, "/nowhere/file.pem")]);
        assert!(text.contains(&format!("what {name} names can't be read: No such file")) && code == Some(2), "{text}");
        let (text, _) = check(&[ssl, (name, SECRET)]);
        assert!(text.contains(name), "{text}");
    }
    is_valid(&[ssl, ("ssl.ca.location", "probe")]);
}
