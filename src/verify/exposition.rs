//! The /metrics of an instance.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};

use crate::config::Secret;
use crate::config::tls::choose_cryptography;
use crate::observe::cause::innermost;
use crate::observe::scrape::leads;

const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Where an instance serves its metrics. No text of it shows more of the URL than the address: the rest may be secret.
pub struct Exposition {
    client: Client,
    url: Url,
    shown: String,
    token: Option<Secret>,
}

impl Exposition {
    /// `http://host:port` means its `/metrics`.
    pub fn at(address: &Secret, token: Option<Secret>) -> Result<Exposition, String> {
        let invalid = |error| format!("--metrics-url {} is not a URL: {error}", address.address());
        let mut url = Url::parse(address.expose()).map_err(invalid)?;
        if url.path() == "/" {
            url.set_path("/metrics");
        }
        let shown = Secret::new(url.as_str()).address();
        choose_cryptography();
        let client = Client::builder().timeout(ANSWER_MAX).build();
        let client = client.map_err(|error| error.without_url().to_string())?;
        Ok(Exposition { client, url, shown, token })
    }

    /// The metrics text of a leading instance.
    pub async fn scrape(&self) -> Result<String, String> {
        let shown = &self.shown;
        let away = |error: reqwest::Error| {
            let why = innermost(&error.without_url());
            format!("{shown} serves no metrics: {why}; use the address of an instance's http.listen")
        };
        let request = self.client.get(self.url.clone());
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        let answer = request.send().await.map_err(away)?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Err(format!("{shown} wants a token: set http.token to one that the instance holds"));
        }
        let text = answer.error_for_status().map_err(away)?.text().await.map_err(away)?;
        if !leads(&text) {
            return Err(format!(
                "the instance at {shown} doesn't lead the publisher, and only the leader exports the gauges"
            ));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Result<Exposition, String> {
        Exposition::at(&Secret::new(address), None)
    }

    #[test]
    fn an_address_alone_means_its_metrics() {
        assert_eq!(at("http://127.0.0.1:8080").unwrap().url.path(), "/metrics");
        assert_eq!(at("http://127.0.0.1:8080/").unwrap().url.path(), "/metrics");
        assert_eq!(at("http://proxy/a/metrics").unwrap().url.path(), "/a/metrics");
        assert!(at("127.0.0.1:x").is_err());
    }

    #[tokio::test]
    async fn an_address_is_named_without_its_secrets() {
        let silent = at("http://u:S3CR3T@127.0.0.1:1/?token=S3CR3T").unwrap().scrape().await.unwrap_err();
        assert!(silent.starts_with("http://127.0.0.1:1/metrics serves no metrics: "), "{silent}");
        let invalid = at("http://u:S3CR3T@h:x").map(drop).unwrap_err();
        assert!(!invalid.contains("S3CR3T"), "{invalid}");
    }
}
