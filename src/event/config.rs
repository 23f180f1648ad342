//! Configuration: that it changed, for whoever shows or caches it.

use super::table::{About, domain};

domain! {
    /// Configuration: that it changed, for whoever shows or caches it.
    ConfigEvent = "config" about About::Anything;

    /// The configuration changed.
    Changed = "changed" ConfigChanged {
        /// What kind of change it was.
        change_type: String,
    }
}
