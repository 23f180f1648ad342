//! Section 10.4: how long a message may be, and 1009 for a longer one.

use super::case::{Case, LIMIT, QUESTION, Want, close, pong, question};
use super::fragments::parts;
use super::wire::Frame;

pub(super) fn cases() -> Vec<Case> {
    [taken(), over()].concat()
}

fn taken() -> Vec<Case> {
    let longest = question(LIMIT);
    let mut cases = vec![
        Case::new("10.4", "the longest text", [&Frame::text(&longest)], [Want::Answer]),
        Case::new("10.4", "the longest binary message", [&Frame::binary(vec![0; LIMIT])], []),
        Case::new("10.4", "the longest text, three times", &vec![Frame::text(&longest); 3], vec![Want::Answer; 3]),
    ];
    for (what, places) in [
        ("in two", vec![LIMIT / 2]),
        ("in two, the last empty", vec![LIMIT]),
        ("in 64 fragments", (1..64).map(|n| n * 1_024).collect()),
    ] {
        cases.push(Case::new("10.4", format!("the longest text {what}"), &parts(&longest, places), [Want::Answer]));
    }
    let [one, two] = &parts(&longest, [LIMIT - 1])[..] else { unreachable!("one cut makes two") };
    let ping = Frame::ping([1; 125]);
    cases.push(Case::new("10.4", "a ping does not count", [one, &ping, two], [pong([1; 125]), Want::Answer]));
    cases
}

fn over() -> Vec<Case> {
    let over = question(LIMIT + 1);
    let next = Frame::text(QUESTION);
    let mut cases = vec![
        Case::new("10.4", "a text of a byte too many", [&Frame::text(&over), &next], [Want::TooLong, Want::Answer]),
        Case::new(
            "10.4",
            "a binary message of a byte too many",
            [&Frame::binary(vec![0; LIMIT + 1]), &next],
            [Want::TooLong, Want::Answer],
        ),
        Case::new("10.4", "a text of twice the limit", [&Frame::text(question(2 * LIMIT)), &next], [Want::TooLong, Want::Answer]),
        Case::new("10.4", "a text after an answer", [&next, &Frame::text(&over)], [Want::Answer, Want::TooLong]),
        Case::new("10.4", "a first fragment of a byte too many", [&Frame::text(&over).part(), &Frame::more("")], [close(1009)]),
        Case::new("10.4", "a message that never ends", &endless(), [close(1009)]),
    ];
    for (what, places) in [("in the last fragment", vec![LIMIT]), ("in 65 fragments", (1..65).map(|n| n * 1_024).collect())] {
        cases.push(Case::new("10.4", format!("a byte too many {what}"), &parts(&over, places), [close(1009)]));
    }
    for length in [LIMIT as u64 + 1, 1 << 32, 1 << 53, (1 << 63) - 1] {
        let alone = Frame::text("").declaring(length);
        let what = format!("a text that is to have {length} bytes");
        cases.push(Case::new("10.4", &what, [&alone], [close(1009)]).endless());
        let part = [Frame::text("x").part(), Frame::more("").declaring(length)];
        cases.push(Case::new("10.4", [&what, ", in its second fragment"].concat(), &part, [close(1009)]));
    }
    cases
}

fn endless() -> Vec<Frame> {
    let mut frames = vec![Frame::text([b'x'; 1_024]).part()];
    frames.extend(vec![Frame::more([b'x'; 1_024]).part(); 100]);
    frames
}
