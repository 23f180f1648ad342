//! A view as HTML, on the server and in tests.
//!
//! Between two texts that touch stands an empty comment, and a part or a list ends with the comment
//! `/`: by these the browser finds the nodes again.

use super::{Node, Parts, Rows, Value};

/// What an empty element is: it has no end tag.
const VOID: [&str; 3] = ["input", "br", "hr"];

/// Appends a view. `after_text` says whether a text stands right before, and is kept.
pub(super) fn write(node: &Node, out: &mut String, after_text: &mut bool) {
    match node {
        Node::Nothing => {}
        Node::Words(words) => text(words, out, after_text),
        Node::Text(read) => text(&(read.0)(), out, after_text),
        Node::Element(it) => {
            element(&it.0, out);
            *after_text = false;
        }
        Node::Several(several) => several.iter().for_each(|node| write(node, out, after_text)),
        Node::Part(make) => {
            write(&make(), out, after_text);
            end(out, after_text);
        }
        Node::Rows(Rows { read, .. }) => {
            for row in read() {
                write(&(row.draw)(), out, after_text);
            }
            end(out, after_text);
        }
    }
}

fn end(out: &mut String, after_text: &mut bool) {
    out.push_str("<!--/-->");
    *after_text = false;
}

fn text(words: &str, out: &mut String, after_text: &mut bool) {
    if words.is_empty() {
        return;
    }
    if *after_text {
        out.push_str("<!---->");
    }
    escape(words, out);
    *after_text = true;
}

fn element(element: &Parts, out: &mut String) {
    out.push('<');
    out.push_str(element.tag);
    for (name, value) in &element.attributes {
        match value {
            Value::Words(words) => attribute(name, words, out),
            Value::Text(read) => attribute(name, &(read.0)(), out),
            Value::Flag(flag) if flag.get() => attribute(name, "", out),
            Value::Flag(_) | Value::Absent => {}
        }
    }
    out.push('>');
    if VOID.contains(&element.tag) {
        return;
    }
    // A line break right behind these tags is the parser's, not the text's.
    if matches!(element.tag, "pre" | "textarea") {
        out.push('\n');
    }
    match &element.drawing {
        Some(markup) => out.push_str(&(markup.0)()),
        None => {
            let mut after_text = false;
            element.children.iter().for_each(|child| write(child, out, &mut after_text));
        }
    }
    out.push_str("</");
    out.push_str(element.tag);
    out.push('>');
}

fn attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(value, out);
    out.push('"');
}

/// Appends text that is no markup, in an element as in an attribute.
///
/// What a parser would take for something else is written so that it comes out as it went in, but
/// for the NUL: it becomes the replacement character, as the parser would drop it.
pub fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\r' => out.push_str("&#13;"),
            '\0' => out.push('\u{fffd}'),
            plain => out.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::html::{Row, a, either, flag, input, noscript, p, part, pre, rows, svg, text, ul, when};
    use leptos::prelude::Owner;

    fn html(node: impl Into<Node>) -> String {
        let mut out = String::new();
        Owner::new().with(|| write(&node.into(), &mut out, &mut false));
        out
    }

    #[test]
    fn text_is_text_wherever_it_stands() {
        let hostile = "\"><script>alert('x')</script>&";
        let written = html(a(hostile).attr("title", text(move || hostile)).child(hostile).child(text(move || hostile)));
        assert!(!written.contains("<script"), "{written}");
        assert_eq!(written.matches("&lt;script&gt;").count(), 4, "{written}");
        assert_eq!(written.matches('"').count(), 4, "{written}");
    }

    #[test]
    fn touching_texts_are_kept_apart_and_parts_are_closed() {
        assert_eq!(html(p().child("a").child("").child("b")), "<p>a<!---->b</p>");
        assert_eq!(html(p().child("a").child(part(|| "b")).child("c")), "<p>a<!---->b<!--/-->c</p>");
        assert_eq!(html(p().child(p().child("a")).child("b")), "<p><p>a</p>b</p>");
        let row = |key: &'static str| Row::new(key, key, |key| p().child(key).into());
        assert_eq!(html(ul().child(rows(move || vec![row("a"), row("b")]))), "<ul><p>a</p><p>b</p><!--/--></ul>");
    }

    #[test]
    fn a_parser_takes_nothing_away() {
        assert_eq!(html(pre().child("\n a")), "<pre>\n\n a</pre>");
        assert_eq!(html(p().child("a\r\n\0")), "<p>a&#13;\n\u{fffd}</p>");
        assert_eq!(html(noscript().child(p().child("a"))), "<noscript><p>a</p></noscript>");
    }

    #[test]
    fn parts_are_chosen_and_closed() {
        Owner::new().with(|| {
            let shown = |yes: bool| html(ul().child(when(flag(move || yes), || "there")));
            assert_eq!([shown(true), shown(false)], ["<ul>there<!--/--></ul>", "<ul><!--/--></ul>"]);
            let chosen = |yes: bool| html(either(flag(move || yes), || p().child("one"), || part(|| "other")));
            assert_eq!([chosen(true), chosen(false)], ["<p>one</p><!--/-->", "other<!--/--><!--/-->"]);
        });
    }

    #[test]
    fn a_drawing_stands_in_place_of_children() {
        let drawn = svg("0 0 1 1").drawing(text(|| "<path d=\"M0 0\"/>")).child("not this");
        assert_eq!(html(drawn), "<svg viewBox=\"0 0 1 1\"><path d=\"M0 0\"/></svg>");
    }

    #[test]
    fn attributes_are_there_or_not() {
        let field = input().attr("type", "text").attr("disabled", flag(|| false)).attr("hidden", true).attr("open", false);
        assert_eq!(html(field.attr("title", None::<String>)), "<input type=\"text\" hidden=\"\">");
    }
}
