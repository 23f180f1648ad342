//! The stream client at `/debug/stream`: its files, their policy, and who may have them.

use std::io::Read as _;

use crate::support::Server;

/// Status line, headers in lower case, and body.
fn ask(server: &Server, method: &str, path: &str) -> (String, String, String) {
    let mut raw = server.raw(&format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    let mut text = String::new();
    raw.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    (status.to_owned(), headers.to_lowercase(), body.to_owned())
}

#[test]
fn the_page_comes_with_its_script_and_style_under_a_strict_policy() {
    let server = Server::start();
    let (status, headers, page) = ask(&server, "GET", "/debug/stream");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(headers.contains("content-type: text/html; charset=utf-8"), "{headers}");
    let policy = headers.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|has| has == part), "{part}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    for dialect in ["agentos", "liveops", "sessions", "trader", "mesh"] {
        assert!(page.contains(&format!("<option value=\"{dialect}\">")), "{dialect}");
    }
    assert!(page.contains("<span id=\"most\">500</span>"), "the bound is on the page");
    for (path, kind) in [("/debug/stream.js", "text/javascript"), ("/debug/stream.css", "text/css")] {
        assert!(page.contains(&format!("\"{path}\"")), "{path}");
        let (status, headers, file) = ask(&server, "GET", path);
        assert_eq!(status, "HTTP/1.1 200 OK", "{path}");
        assert!(headers.contains(&format!("content-type: {kind}; charset=utf-8")), "{headers}");
        assert!(headers.contains("x-content-type-options: nosniff"), "{headers}");
        assert!(file.len() > 1_000, "{path}");
    }
    assert!(server.text("/api/docs", &[]).1.contains("href=\"/debug/stream\""), "the reference leads there");
}

#[test]
fn it_is_only_to_be_read() {
    let server = Server::start();
    for path in ["/debug/stream", "/debug/stream.js", "/debug/stream.css"] {
        let (status, headers, body) = ask(&server, "HEAD", path);
        assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", ""), "{path}");
        assert!(headers.contains("content-type: text/"), "{headers}");
        for method in ["POST", "PUT", "DELETE"] {
            let (status, headers, body) = ask(&server, method, path);
            assert_eq!(status, "HTTP/1.1 405 Method Not Allowed", "{method} {path}");
            assert!(headers.contains("allow: get,head") && headers.contains("application/problem+json"), "{headers}");
            assert!(body.contains(&format!("{path} has no {method}")), "{body}");
        }
    }
    assert_eq!(server.text("/debug/other", &[]).0, 404);
}

#[test]
fn a_token_guards_it_as_everything_else() {
    let server = Server::with(&["--token", "secret-token"]);
    for path in ["/debug/stream", "/debug/stream.js", "/debug/stream.css"] {
        assert_eq!(server.text(path, &[]).0, 401, "{path}");
        assert_eq!(server.text(path, &[("cookie", "swarmdeck_token=secret-token")]).0, 200, "{path}");
    }
}
