//! A cut: where a release's code is taken apart, so that the browser fetches what lies behind it on
//! its own, after what every page needs.
//!
//! A release for the browser is built with the feature `split` and taken apart at these places.
//! Everywhere else (server, tests, `cargo leptos watch`) what lies behind a cut is simply there.

/// Cuts at a function: a module of the given name, with `here()`, the function once its code is here,
/// and `fetch()`, which fetches the code and says whether it is here now. The name is the chunk's, in
/// the list of files that a release is cut into.
macro_rules! cut {
    ($(#[$about:meta])* $name:ident: $kind:ty = $function:path;) => {
        $(#[$about])*
        #[allow(clippy::module_inception, reason = "a module may be a chunk, named as it is")]
        #[cfg(not(all(feature = "split", target_family = "wasm")))]
        mod $name {
            use super::*;

            /// The function behind the cut.
            #[allow(clippy::unnecessary_wraps, reason = "in a release the code may not be here yet")]
            pub fn here() -> Option<$kind> {
                Some($function)
            }

            /// Fetches the code; whether it is here now.
            pub async fn fetch() -> bool {
                true
            }
        }

        $(#[$about])*
        #[allow(clippy::module_inception, reason = "a module may be a chunk, named as it is")]
        #[cfg(all(feature = "split", target_family = "wasm"))]
        #[allow(unsafe_code, reason = "what cuts the code declares the functions at the cut as foreign ones")]
        mod $name {
            use leptos::wasm_split::{SplitLoaderError, wasm_split};

            use super::*;

            thread_local! {
                static HERE: std::cell::Cell<Option<$kind>> = const { std::cell::Cell::new(None) };
            }

            #[wasm_split($name, wasm_split_path = leptos::wasm_split, fallible)]
            fn $name() -> Result<$kind, SplitLoaderError> {
                Ok($function as $kind)
            }

            /// The function behind the cut, once its code is here.
            pub fn here() -> Option<$kind> {
                HERE.get()
            }

            /// Fetches the code; whether it is here now.
            pub async fn fetch() -> bool {
                if let Ok(function) = $name().await {
                    HERE.set(Some(function));
                }
                HERE.get().is_some()
            }
        }
    };
}
