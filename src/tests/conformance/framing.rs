//! Section 5.1 to 5.3: headers, lengths, masks, reserved bits and opcodes.

use super::case::{Case, QUESTION, Want, close, pong, question};
use super::wire::{BINARY, CLOSE, CONTINUATION, Form, Frame, PING, PONG, TEXT};

pub(super) fn cases() -> Vec<Case> {
    [lengths(), forms(), breaks(), masks(), unmasked(), reserved_bits(), opcodes()].concat()
}

fn lengths() -> Vec<Case> {
    let mut cases = vec![
        Case::new("5.6", "an empty text", [&Frame::text("")], []),
        Case::new("5.6", "a text", [&Frame::text(QUESTION)], [Want::Answer]),
        Case::new("5.6", "a binary message is taken", [&Frame::binary([0, 0xff]), &Frame::text(QUESTION)], [Want::Answer]),
        Case::new("5.2", "a hundred messages at once", &vec![Frame::text(QUESTION); 100], vec![Want::Answer; 100]),
    ];
    for length in [24, 25, 26, 27, 28, 29, 30, 31, 32, 124, 125, 126, 127, 128, 1_023, 1_024, 1_025, 4_096, 65_535] {
        cases.push(Case::new("5.2", format!("a text of {length} bytes"), [&Frame::text(question(length))], [Want::Answer]));
    }
    for length in [0, 1, 125, 126, 127, 65_535] {
        cases.push(Case::new("5.2", format!("a binary message of {length} bytes"), [&Frame::binary(vec![0xfe; length])], []));
    }
    cases
}

/// The shortest form of a length is the only one.
fn forms() -> Vec<Case> {
    let mut cases = Vec::new();
    for (length, form) in [
        (0, Form::Sixteen),
        (1, Form::Sixteen),
        (125, Form::Sixteen),
        (0, Form::SixtyFour),
        (125, Form::SixtyFour),
        (126, Form::SixtyFour),
        (65_535, Form::SixtyFour),
    ] {
        let frame = Frame::binary(vec![b'x'; length]).form(form);
        cases.push(Case::new("5.2", format!("a length of {length} is not written in {form:?}"), [&frame], [close(1002)]));
    }
    for (what, length) in [("alone", 1 << 63), ("before a small length", (1 << 63) | 5), ("before the largest", u64::MAX)] {
        let frame = Frame::text("").declaring(length);
        cases.push(Case::new("5.2", format!("the highest bit of a length {what}"), [&frame], [close(1002)]));
    }
    for opcode in [CLOSE, PING, PONG] {
        for form in [Form::Sixteen, Form::SixtyFour] {
            let frame = Frame::new(opcode, b"\x03\xe8").form(form);
            let what = format!("the length of a control frame, {opcode:#x}, is not written in {form:?}");
            cases.push(Case::new("5.5", what, [&frame], [close(1002)]));
        }
    }
    cases
}

/// A header may come in any pieces.
fn breaks() -> Vec<Case> {
    let mut cases = Vec::new();
    for (length, header) in [(28, 6), (200, 8), (65_536, 14)] {
        for place in 1..=header {
            let what = format!("a header of {header} bytes broken at {place}");
            cases.push(Case::new("5.2", what, [&Frame::text(question(length))], [Want::Answer]).broken_at(place));
        }
    }
    cases
}

fn masks() -> Vec<Case> {
    let mut cases = Vec::new();
    for mask in [[0; 4], [0xff; 4], [0, 0, 0, 1], [1, 0, 0, 0], [0x80, 0x7f, 0x80, 0x7f]] {
        let frames = [Frame::text(QUESTION).masked(mask), Frame::ping(b"\x00\xff").masked(mask)];
        cases.push(Case::new("5.3", format!("the mask {mask:02x?}"), &frames, [Want::Answer, pong(b"\x00\xff")]));
    }
    let (one, two) = QUESTION.split_at(7);
    let frames = [Frame::text(one).part().masked([1, 2, 3, 4]), Frame::more(two).masked([0xf0, 0xe0, 0xd0, 0xc0])];
    cases.push(Case::new("5.3", "each fragment has its own mask", &frames, [Want::Answer]));
    cases
}

/// Section 5.1: a server closes when a frame is not masked.
fn unmasked() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, frame) in [
        ("text", Frame::text(QUESTION)),
        ("empty text", Frame::text("")),
        ("text of 126 bytes", Frame::text(question(126))),
        ("text of 65,536 bytes", Frame::text(question(65_536))),
        ("binary message", Frame::binary("x")),
        ("first fragment", Frame::text("x").part()),
        ("ping", Frame::ping("x")),
        ("empty ping", Frame::ping("")),
        ("pong", Frame::pong("x")),
        ("close", Frame::close(1000, "")),
    ] {
        cases.push(Case::new("5.1", format!("an unmasked {what}"), [&frame.unmasked()], [close(1002)]));
    }
    let frames = [Frame::text("x").part(), Frame::more("x").unmasked()];
    cases.push(Case::new("5.1", "an unmasked continuation", &frames, [close(1002)]));
    let frames = [Frame::text(QUESTION), Frame::text(QUESTION).unmasked(), Frame::text(QUESTION)];
    cases.push(Case::new("5.1", "an unmasked text after a masked one", &frames, [Want::Answer, close(1002)]));
    cases
}

/// Without an extension the reserved bits are 0.
fn reserved_bits() -> Vec<Case> {
    let mut cases = Vec::new();
    for bits in 1..8 {
        let frame = Frame::text(QUESTION).reserved(bits);
        cases.push(Case::new("5.2", format!("reserved bits {bits:03b} of a text"), [&frame], [close(1002)]));
    }
    for bits in [0b001, 0b010, 0b100] {
        for (what, frame) in [
            ("binary message", Frame::binary("")),
            ("ping", Frame::ping("x")),
            ("pong", Frame::pong("x")),
            ("close", Frame::close(1000, "")),
        ] {
            let what = format!("reserved bits {bits:03b} of a {what}");
            cases.push(Case::new("5.2", what, [&frame.reserved(bits)], [close(1002)]));
        }
        let frames = [Frame::text("x").part(), Frame::more("x").reserved(bits)];
        cases.push(Case::new("5.2", format!("reserved bits {bits:03b} of a continuation"), &frames, [close(1002)]));
    }
    let frames = [Frame::text(QUESTION), Frame::text(QUESTION).reserved(1), Frame::ping("x")];
    cases.push(Case::new("5.2", "reserved bits after a message, and a ping behind", &frames, [Want::Answer, close(1002)]));
    cases
}

fn opcodes() -> Vec<Case> {
    let mut cases = Vec::new();
    let known = [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG];
    for opcode in (0..16).filter(|opcode| !known.contains(opcode)) {
        for payload in ["", "x"] {
            let what = format!("the opcode {opcode:#x} with {} bytes", payload.len());
            cases.push(Case::new("5.2", what, [&Frame::new(opcode, payload)], [close(1002)]));
        }
    }
    for opcode in [0x3, 0xb] {
        let frames = [Frame::text("x").part(), Frame::new(opcode, ""), Frame::more("x")];
        cases.push(Case::new("5.2", format!("the opcode {opcode:#x} between fragments"), &frames, [close(1002)]));
        let frames = [Frame::text(QUESTION), Frame::new(opcode, ""), Frame::ping("x")];
        cases.push(Case::new("5.2", format!("the opcode {opcode:#x} after a text"), &frames, [Want::Answer, close(1002)]));
    }
    cases
}
