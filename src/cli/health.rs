//! `foldback health`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::config::tls::choose_cryptography;

use super::Failure;
use super::context::Context;
use super::output::{plain, print};

/// Below the time that orchestrators give a check.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const BODY_CHARS_MAX: usize = 2_000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ask whether it is ready (/readyz), not only whether it is alive (/livez)
    #[arg(long)]
    ready: bool,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let path = if args.ready { "readyz" } else { "livez" };
    let url = format!("http://{}/{path}", reachable(config.http.listen));
    let failed = |why: &str| Failure::failed(format!("{url}: {why}"));
    choose_cryptography();
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).no_proxy().build();
    let client = client.map_err(|error| failed(&error.to_string()))?;
    let answer = client.get(&url).send().await.map_err(|_| {
        failed(&format!(
            "`foldback run` doesn't answer within {} s; is http.listen the same there?",
            ANSWER_MAX.as_secs()
        ))
    })?;
    let status = answer.status();
    let body = answer.text().await.unwrap_or_default();
    if status.is_success() { print(&body) } else { Err(failed(&format!("{status}: {}", plain(&body, BODY_CHARS_MAX)))) }
}

/// A server that listens on every address is asked on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_asked_on_loopback() {
        let reached = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(reached("[::]:8080"), "[::1]:8080");
        assert_eq!(reached("10.1.2.3:80"), "10.1.2.3:80");
    }
}
