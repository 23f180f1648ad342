//! Section 5.5 and 7: pings, pongs, and how a connection is closed.

use super::case::{Case, NO_CODE, QUESTION, Want, close, pong};
use super::wire::{CLOSE, Frame, PING, PONG};

pub(super) fn cases() -> Vec<Case> {
    [pings(), malformed(), codes(), closing()].concat()
}

fn pings() -> Vec<Case> {
    let mut cases = Vec::new();
    for length in [0, 1, 2, 3, 4, 5, 124, 125] {
        let bytes: Vec<u8> = (0..length).collect();
        cases.push(Case::new("5.5.2", format!("a ping of {length} bytes"), [&Frame::ping(&bytes)], [pong(&bytes)]));
        cases.push(Case::new("5.5.3", format!("a pong of {length} bytes is not answered"), [&Frame::pong(&bytes)], []));
    }
    let no_text = [0xff, 0xfe, 0xc0, 0x80];
    cases.push(Case::new("5.5.2", "a ping that is not UTF-8", [&Frame::ping(no_text)], [pong(no_text)]));
    cases.push(Case::new("5.5.3", "a pong that is not UTF-8", [&Frame::pong(no_text)], []));
    let many: Vec<Frame> = (0..10).map(|n| Frame::ping([n])).collect();
    cases.push(Case::new("5.5.2", "ten pings", &many, (0..10).map(|n| pong([n]))));
    let frames = [Frame::ping("a"), Frame::text(QUESTION), Frame::pong("b"), Frame::ping("c")];
    cases.push(Case::new("5.5.2", "answers come in order", &frames, [pong("a"), Want::Answer, pong("c")]));
    cases
}

fn malformed() -> Vec<Case> {
    let mut cases = Vec::new();
    for (opcode, what) in [(CLOSE, "close"), (PING, "ping"), (PONG, "pong")] {
        let payload = if opcode == CLOSE { [&[3, 0xe8][..], &[b'x'; 124]].concat() } else { vec![b'x'; 126] };
        let long = Frame::new(opcode, &payload);
        cases.push(Case::new("5.5", format!("a {what} of 126 bytes"), [&long], [close(1002)]));
        let huge = Frame::new(opcode, vec![b'x'; 65_536]);
        cases.push(Case::new("5.5", format!("a {what} of 65,536 bytes"), [&huge], [close(1002)]));
        let part = Frame::new(opcode, "").part();
        cases.push(Case::new("5.5", format!("an empty {what} that goes on"), [&part], [close(1002)]));
        let parts = [Frame::new(opcode, [3, 0xe8]).part(), Frame::more("x")];
        cases.push(Case::new("5.5", format!("a {what} in two fragments"), &parts, [close(1002)]));
        let between = [Frame::text("x").part(), part, Frame::more("x")];
        cases.push(Case::new("5.5", format!("a {what} that goes on, between fragments"), &between, [close(1002)]));
    }
    cases
}

/// Section 7.4: which codes may be sent; they are sent back.
fn codes() -> Vec<Case> {
    let mut cases = Vec::new();
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        let what = format!("a close with {code} is answered with it");
        cases.push(Case::new("7.4", what, [&Frame::close(code, "")], [close(code)]).closes());
    }
    for code in [0, 1, 125, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32_768, 65_535] {
        let what = format!("a close with {code}, which may not be sent");
        cases.push(Case::new("7.4", what, [&Frame::close(code, "")], [close(1002)]));
    }
    cases
}

fn closing() -> Vec<Case> {
    let bye = || Frame::close(1000, "");
    let long = "x".repeat(123);
    let mut cases = vec![
        Case::new("5.5.1", "a close without a code", [&Frame::new(CLOSE, "")], [Want::Close(vec![1000, NO_CODE])]).closes(),
        Case::new("5.5.1", "a close of one byte", [&Frame::new(CLOSE, [3])], [close(1002)]),
        Case::new("5.5.1", "a close with a reason", [&Frame::close(1000, "gone fishing")], [close(1000)]).closes(),
        Case::new("5.5.1", "a close with a reason in UTF-8", [&Frame::close(4000, "κ€🐝")], [close(4000)]).closes(),
        Case::new("5.5.1", "a close with the longest reason", [&Frame::close(1000, long)], [close(1000)]).closes(),
        Case::new("5.5.1", "a text after a close", [&bye(), &Frame::text(QUESTION)], [close(1000)]).closes(),
        Case::new("5.5.1", "a ping after a close", [&bye(), &Frame::ping("x")], [close(1000)]).closes(),
        Case::new("5.5.1", "a close after a close", [&bye(), &Frame::close(1001, "")], [close(1000)]).closes(),
        Case::new("5.5.1", "a fault after a close", [&bye(), &Frame::text("x").unmasked()], [close(1000)]).closes(),
        Case::new("5.5.1", "much after a close", [&bye(), &Frame::binary(vec![0; 60_000])], [close(1000)]).closes(),
        Case::new("5.5.1", "a close after a text", [&Frame::text(QUESTION), &bye()], [Want::Answer, close(1000)]).closes(),
        Case::new("5.5.1", "a close after a ping", [&Frame::ping("x"), &bye()], [pong("x"), close(1000)]).closes(),
        Case::new("5.5.1", "a close between fragments", [&Frame::text("x").part(), &bye(), &Frame::more("")], [close(1000)])
            .closes(),
        Case::new("7.1.7", "a ping after a fault", [&Frame::text("x").reserved(1), &Frame::ping("x")], [close(1002)]),
        Case::new("7.1.7", "a close after a fault", [&Frame::new(0x3, ""), &bye()], [close(1002)]),
    ];
    for (what, reason) in [
        ("a byte that never occurs", &[0xff][..]),
        ("a character that is cut off", &[b'x', 0xe2, 0x82]),
        ("half of a surrogate pair", &[0xed, 0xa0, 0x80]),
        ("an overlong character", &[0xc0, 0xaf]),
    ] {
        let frame = Frame::close(1000, reason);
        cases.push(Case::new("8.1", format!("a close whose reason has {what}"), [&frame], [close(1007)]));
    }
    cases
}
