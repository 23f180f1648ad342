//! The server embeds the built site: it is built anew when the site is.

fn main() {
    println!("cargo::rerun-if-changed=target/site");
    println!("cargo::rerun-if-changed=build.rs");
}
