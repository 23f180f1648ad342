//! Section 8.1: a text is UTF-8, as RFC 3629 has it, and so taken or refused.

use super::case::{Case, Want, close};
use super::fragments::parts;
use super::wire::Frame;

pub(super) fn cases() -> Vec<Case> {
    [valid(), invalid(), fragmented()].concat()
}

fn valid() -> Vec<Case> {
    let texts: [(&str, &[u8]); 22] = [
        ("U+0000", &[0]),
        ("U+007F", &[0x7f]),
        ("U+0080", &[0xc2, 0x80]),
        ("U+07FF", &[0xdf, 0xbf]),
        ("U+0800", &[0xe0, 0xa0, 0x80]),
        ("U+0FFF", &[0xe0, 0xbf, 0xbf]),
        ("U+1000", &[0xe1, 0x80, 0x80]),
        ("U+D7FF", &[0xed, 0x9f, 0xbf]),
        ("U+E000", &[0xee, 0x80, 0x80]),
        ("U+FDD0, no character", &[0xef, 0xb7, 0x90]),
        ("U+FEFF, a byte order mark", &[0xef, 0xbb, 0xbf]),
        ("U+FFFD", &[0xef, 0xbf, 0xbd]),
        ("U+FFFE, no character", &[0xef, 0xbf, 0xbe]),
        ("U+FFFF, no character", &[0xef, 0xbf, 0xbf]),
        ("U+10000", &[0xf0, 0x90, 0x80, 0x80]),
        ("U+1FFFF, no character", &[0xf0, 0x9f, 0xbf, 0xbf]),
        ("U+3FFFF", &[0xf0, 0xbf, 0xbf, 0xbf]),
        ("U+40000", &[0xf1, 0x80, 0x80, 0x80]),
        ("U+FFFFF", &[0xf3, 0xbf, 0xbf, 0xbf]),
        ("U+100000", &[0xf4, 0x80, 0x80, 0x80]),
        ("U+10FFFF", &[0xf4, 0x8f, 0xbf, 0xbf]),
        ("words", "κόσμε, 世界, 🐝".as_bytes()),
    ];
    texts.iter().map(|(what, text)| Case::new("8.1", format!("{what} is taken"), [&Frame::text(text)], [])).collect()
}

const INVALID: [(&str, &[u8]); 46] = [
    ("a continuation, 80", &[0x80]),
    ("a continuation, BF", &[0xbf]),
    ("two continuations", &[0x80, 0xbf]),
    ("six continuations", &[0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf]),
    ("a continuation too many", &[0xc2, 0x80, 0x80]),
    ("C0 alone", &[0xc0]),
    ("C1 alone", &[0xc1]),
    ("C2 alone", &[0xc2]),
    ("DF alone", &[0xdf]),
    ("E0 alone", &[0xe0]),
    ("EF alone", &[0xef]),
    ("F0 alone", &[0xf0]),
    ("F4 alone", &[0xf4]),
    ("F5 alone", &[0xf5]),
    ("F8 alone", &[0xf8]),
    ("FC alone", &[0xfc]),
    ("FE alone", &[0xfe]),
    ("FF alone", &[0xff]),
    ("FE FE FF FF", &[0xfe, 0xfe, 0xff, 0xff]),
    ("a character of two, cut at the end", &[b'x', 0xdf]),
    ("a character of three, cut to one", &[b'x', 0xe1]),
    ("a character of three, cut to two", &[b'x', 0xe1, 0x80]),
    ("a character of four, cut to two", &[b'x', 0xf1, 0x80]),
    ("a character of four, cut to three", &[b'x', 0xf1, 0x80, 0x80]),
    ("a character of two, cut by a letter", &[0xc2, b'x']),
    ("a character of three, cut by a letter", &[0xe1, 0x80, b'x']),
    ("a character of four, cut by a letter", &[0xf1, 0x80, 0x80, b'x']),
    ("a character cut by another", &[0xe1, 0x80, 0xc2, 0x80]),
    ("an overlong slash in two", &[0xc0, 0xaf]),
    ("an overlong U+007F in two", &[0xc1, 0xbf]),
    ("an overlong U+0000 in two", &[0xc0, 0x80]),
    ("an overlong U+0000 in three", &[0xe0, 0x80, 0x80]),
    ("an overlong U+07FF in three", &[0xe0, 0x9f, 0xbf]),
    ("an overlong U+0000 in four", &[0xf0, 0x80, 0x80, 0x80]),
    ("an overlong U+FFFF in four", &[0xf0, 0x8f, 0xbf, 0xbf]),
    ("the surrogate U+D800", &[0xed, 0xa0, 0x80]),
    ("the surrogate U+DBFF", &[0xed, 0xaf, 0xbf]),
    ("the surrogate U+DC00", &[0xed, 0xb0, 0x80]),
    ("the surrogate U+DFFF", &[0xed, 0xbf, 0xbf]),
    ("a pair of surrogates", &[0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]),
    ("U+110000", &[0xf4, 0x90, 0x80, 0x80]),
    ("U+13FFFF", &[0xf4, 0xbf, 0xbf, 0xbf]),
    ("U+1FFFFF", &[0xf7, 0xbf, 0xbf, 0xbf]),
    ("a character of five", &[0xf8, 0x88, 0x80, 0x80, 0x80]),
    ("a character of six", &[0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]),
    ("Latin-1", b"na\xefve"),
];

fn invalid() -> Vec<Case> {
    let mut cases: Vec<Case> = INVALID
        .iter()
        .map(|(what, text)| Case::new("8.1", format!("{what} is refused"), [&Frame::text(text)], [close(1007)]))
        .collect();
    let far = [&[b'x'; 60_000][..], &[0xff]].concat();
    cases.push(Case::new("8.1", "a fault after 60,000 letters", [&Frame::text(far)], [close(1007)]));
    cases.push(Case::new("5.6", "bytes that are no text may be anything", [&Frame::binary([0xff, 0xc0, 0x80])], []));
    cases
}

/// Only a whole message is a text: a character may be cut by a fragment's end, a fault may not.
fn fragmented() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, text) in [("two", "κ"), ("three", "€"), ("four", "🐝")] {
        for place in 1..text.len() {
            let what = format!("a character of {what}, cut by a fragment's end at {place}, is taken");
            cases.push(Case::new("8.1", what, &parts(text, [place]), []));
        }
        let question = format!(r#"{{"type":"ping","pad":"{text}"}}"#);
        let all = parts(&question, 1..question.len());
        cases.push(Case::new("8.1", format!("a character of {what} in single bytes is taken"), &all, [Want::Answer]));
        let first = &text.as_bytes()[..text.len() - 1];
        let cut = [Frame::text(first).part(), Frame::more("")];
        cases.push(Case::new("8.1", format!("a character of {what}, cut by the message's end, is refused"), &cut, [close(1007)]));
    }
    for (what, frames) in [
        ("in the first fragment", vec![Frame::text([0xff]).part(), Frame::more("x")]),
        ("in the middle fragment", vec![Frame::text("x").part(), Frame::more([0xc0, 0x80]).part(), Frame::more("x")]),
        ("in the last fragment", vec![Frame::text("x").part(), Frame::more([0xff])]),
        ("across two fragments", vec![Frame::text([0xed]).part(), Frame::more([0xa0, 0x80])]),
        ("and a ping between", vec![Frame::text([0xf4]).part(), Frame::pong(""), Frame::more([0x90, 0x80, 0x80])]),
    ] {
        cases.push(Case::new("8.1", format!("a fault {what} is refused"), &frames, [close(1007)]));
    }
    cases
}
