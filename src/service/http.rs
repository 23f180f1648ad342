//! The one outgoing HTTP client of the services.

use std::sync::LazyLock;
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The client: connections are kept and shared. Each request sets its own time-out.
pub(super) fn client() -> reqwest::Client {
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        // Of several crates that bring TLS, whoever comes first has chosen already.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let built = reqwest::Client::builder()
            .user_agent(concat!("swarmdeck/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::limited(3))
            .build();
        built.expect("a client of fixed settings can be built")
    });
    CLIENT.clone()
}
