//! The state's canonical hash: equal states have equal hashes, in the server and in the browser.

use super::SwarmState;
use crate::event::wire::to_text;

/// FNV-1a, 64 bits, over the state's JSON text as 16 hexadecimal digits.
///
/// The text is canonical: fields in the order of their tables, keys sorted, numbers in shortest
/// form. Parameters of FNV: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
pub fn hash(state: &SwarmState) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in to_text(state).bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}
