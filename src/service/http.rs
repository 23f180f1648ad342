//! The one outgoing HTTP client of the services.
//!
//! It follows no redirect: what it asks is what somebody wrote down, not where that points. The
//! environment's proxies (`HTTP_PROXY` and its kin) are used for what is beyond this machine only.

use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use reqwest::{Client, Url};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The client for an address: connections are kept and shared. Each request sets its own time-out.
pub(super) fn client(url: &Url) -> Client {
    static NEAR: LazyLock<Client> = LazyLock::new(|| build(true));
    static FAR: LazyLock<Client> = LazyLock::new(|| build(false));
    if url.host_str().is_some_and(is_loopback) { NEAR.clone() } else { FAR.clone() }
}

fn build(near: bool) -> Client {
    // Of several crates that bring TLS, whoever comes first has chosen already.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("swarmdeck/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none());
    let builder = if near { builder.no_proxy() } else { builder };
    builder.build().expect("a client of fixed settings can be built")
}

/// Whether a host, as an address has it, is this machine: `localhost`, `127.0.0.1`, `[::1]` and
/// their kin.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => {
            let host = host.to_ascii_lowercase();
            host == "localhost" || host.ends_with(".localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_names() {
        for (host, near) in [
            ("localhost", true),
            ("LOCALHOST.", true),
            ("deck.localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("10.0.0.1", false),
            ("localhost.example", false),
            ("[fe80::1]", false),
        ] {
            assert_eq!(is_loopback(host), near, "{host}");
        }
    }
}
