//! Section 5.4: messages in fragments.

use super::case::{Case, QUESTION, Want, close, pong};
use super::wire::Frame;

pub(super) fn cases() -> Vec<Case> {
    [whole(), between(), out_of_order()].concat()
}

/// A text in fragments that end at these places.
pub(super) fn parts(text: impl AsRef<[u8]>, places: impl IntoIterator<Item = usize>) -> Vec<Frame> {
    let bytes = text.as_ref();
    let (mut frames, mut start) = (Vec::new(), 0);
    for place in places.into_iter().chain([bytes.len()]) {
        let part = &bytes[start..place];
        frames.push(if frames.is_empty() { Frame::text(part) } else { Frame::more(part) });
        start = place;
    }
    let last = frames.len() - 1;
    frames.into_iter().enumerate().map(|(n, frame)| if n == last { frame } else { frame.part() }).collect()
}

fn whole() -> Vec<Case> {
    let length = QUESTION.len();
    let mut cases: Vec<Case> = (0..=length)
        .map(|place| Case::new("5.4", format!("a text in two, cut at {place}"), &parts(QUESTION, [place]), [Want::Answer]))
        .collect();
    for (what, places) in [
        ("a text in single bytes", (1..length).collect()),
        ("a text with an empty first fragment", vec![0, 0]),
        ("a text with empty fragments within", vec![5, 5, 5, 5]),
        ("a text with an empty last fragment", vec![length, length]),
        ("a text with a thousand empty fragments", vec![3; 1_000]),
    ] {
        cases.push(Case::new("5.4", what, &parts(QUESTION, places), [Want::Answer]));
    }
    cases.push(Case::new("5.4", "an empty text in fragments", &parts("", [0, 0, 0]), []));
    let binary = [Frame::binary([0xff]).part(), Frame::more([0xfe]).part(), Frame::more([0xfd]), Frame::text(QUESTION)];
    cases.push(Case::new("5.4", "a binary message in fragments", &binary, [Want::Answer]));
    let two = [parts(QUESTION, [9]), parts(QUESTION, [4, 8])].concat();
    cases.push(Case::new("5.4", "two texts in fragments", &two, [Want::Answer, Want::Answer]));
    cases
}

/// Control frames may come between fragments.
fn between() -> Vec<Case> {
    let (one, two) = QUESTION.split_at(11);
    let (one, two) = (Frame::text(one).part(), Frame::more(two));
    let mut cases = vec![
        Case::new("5.4", "a ping between fragments", [&one, &Frame::ping("x"), &two], [pong("x"), Want::Answer]),
        Case::new("5.4", "a pong between fragments", [&one, &Frame::pong("x"), &two], [Want::Answer]),
        Case::new("5.4", "an empty ping between fragments", [&one, &Frame::ping(""), &two], [pong(""), Want::Answer]),
        Case::new(
            "5.4",
            "the longest ping between fragments",
            [&one, &Frame::ping([7; 125]), &two],
            [pong([7; 125]), Want::Answer],
        ),
        Case::new("5.4", "a ping in a message that never ends", [&one, &Frame::ping("x")], [pong("x")]),
    ];
    let fragments = parts(QUESTION, 1..QUESTION.len());
    let (mut frames, mut wants) = (Vec::new(), Vec::new());
    for (n, fragment) in fragments.into_iter().enumerate() {
        frames.extend([Frame::ping([n as u8]), fragment]);
        wants.push(pong([n as u8]));
    }
    wants.push(Want::Answer);
    cases.push(Case::new("5.4", "a ping before every byte of a text", &frames, wants));
    cases
}

fn out_of_order() -> Vec<Case> {
    let mut cases = Vec::new();
    for payload in ["", "x"] {
        let length = payload.len();
        for (what, frame) in [("last", Frame::more(payload)), ("further", Frame::more(payload).part())] {
            let what = format!("a {what} fragment of {length} bytes");
            cases.push(Case::new("5.4", [&what, " and no first"].concat(), [&frame], [close(1002)]));
            let frames = [Frame::text(QUESTION), frame.clone()];
            cases.push(Case::new("5.4", [&what, " after a whole text"].concat(), &frames, [Want::Answer, close(1002)]));
            let frames = [parts(QUESTION, [5]), vec![frame.clone()]].concat();
            cases.push(Case::new("5.4", [&what, " after the last"].concat(), &frames, [Want::Answer, close(1002)]));
            let frames = [Frame::ping("p"), frame];
            cases.push(Case::new("5.4", [&what, " after a ping"].concat(), &frames, [pong("p"), close(1002)]));
        }
    }
    for (what, first) in [("text", Frame::text("x").part()), ("binary message", Frame::binary("x").part())] {
        for (other, second) in [
            ("a text", Frame::text(QUESTION)),
            ("a binary message", Frame::binary("x")),
            ("the first fragment of a text", Frame::text("x").part()),
            ("the first fragment of a binary message", Frame::binary("x").part()),
        ] {
            let what = format!("{other} within a {what}");
            cases.push(Case::new("5.4", what, [&first, &second, &Frame::more("x")], [close(1002)]));
        }
    }
    // The header says enough: neither its length nor a wait for its payload changes that.
    for length in [1, 70_000, 1 << 40] {
        let what = format!("of {length} bytes that do not come");
        let frame = Frame::more("").declaring(length);
        cases.push(Case::new("5.4", format!("a last fragment {what}, and no first"), [&frame], [close(1002)]));
        let frames = [Frame::text("x").part(), Frame::text("").declaring(length)];
        cases.push(Case::new("5.4", format!("a text {what}, within a text"), &frames, [close(1002)]));
    }
    let frames = [Frame::text("x").part(), Frame::ping("p"), Frame::text(QUESTION)];
    cases.push(Case::new("5.4", "a text within a text, after a ping", &frames, [pong("p"), close(1002)]));
    cases
}
