//! The parameters of `postgres.url`.

/// Those that foldback's driver knows. It ignores any other, and logs its value, which may be a secret.
const KNOWN: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];
/// Those that only libpq knows: safe to name. Anything else may be a part of a password with a `?` in it.
const OF_LIBPQ: &[&str] = &[
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslnegotiation",
    "sslpassword",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// Those that name a file.
const FILES: &[&str] = &["ssl-ca", "ssl-cert", "ssl-key", "ssl-root-cert", "sslcert", "sslkey", "sslrootcert"];

/// What the URL must be instead, if it has a parameter that would be ignored.
pub(super) fn objection(url: &str) -> Option<String> {
    let parameters = url.split_once('?')?.1.split('&').filter(|parameter| !parameter.is_empty());
    let parameters: Vec<(&str, &str)> =
        parameters.map(|parameter| parameter.split_once('=').unwrap_or((parameter, ""))).collect();
    if let Some((name, _)) = parameters.iter().find(|(name, _)| !is_known(name)) {
        let named =
            if OF_LIBPQ.contains(name) { format!(" {name}") } else { "s that foldback doesn't know".to_owned() };
        return Some(format!("a URL without the parameter{named}; these are understood: {}", KNOWN.join(", ")));
    }
    let unreadable = parameters.iter().find_map(|(name, path)| Some((name, unreadable(name, path)?)));
    unreadable.map(|(name, why)| format!("a URL whose {name} names a file that can be read ({why})"))
}

/// Why the file that a parameter names can't be read. One whose name is encoded is left to the driver.
fn unreadable(name: &str, path: &str) -> Option<std::io::Error> {
    let is_plain = FILES.contains(&name) && !path.contains('%');
    if is_plain { std::fs::File::open(path).err() } else { None }
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_would_be_ignored_is_refused_by_name_and_never_with_its_value() {
        assert_eq!(objection("postgres://u:p@h/d?sslmode=require&options[search_path]=x&options=-c%20a=b"), None);
        assert_eq!(objection("postgres://u:p@h/d"), None);
        let refused = objection("postgres://u:p@h/d?sslmode=require&sslpassword=S3CR3T").unwrap();
        assert!(refused.starts_with("a URL without the parameter sslpassword; "), "{refused}");
        let refused = objection("postgres://u:p@h/d?sslmode=verify-full&sslrootcert=/nowhere/S3CR3T").unwrap();
        assert!(refused.contains("sslrootcert names a file that can be read (No such file"), "{refused}");
        assert!(!refused.contains("CR3T"), "{refused}");
        let refused = objection("postgres://u:S3?CR3T=x@h/d").unwrap();
        assert!(!refused.contains("CR3T"), "{refused}");
    }
}
