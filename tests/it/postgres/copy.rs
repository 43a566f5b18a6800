//! COPY … TO STDOUT, byte for byte as PostgreSQL 15 sends it.

use super::client::{Message, Server, kinds};

fn copied(messages: &[Message]) -> Vec<u8> {
    let data = messages.iter().filter(|message| message.kind == 'd');
    data.flat_map(|message| message.body.clone()).collect()
}

const ROWS: &str = "SELECT * FROM (VALUES (1::bigint, 'a b', NULL::float8), \
                    (2, E'tab\\there\\\\back\\nnl\\r', 1.5), (3, '', 2)) t(a, b, c) ORDER BY a";

#[test]
fn rows_are_copied_as_text_and_csv() {
    let server = Server::start();
    let mut client = server.session();
    let messages = client.query(&format!("COPY ({ROWS}) TO STDOUT"));
    assert_eq!(kinds(&messages), "HdddcCZ");
    assert_eq!(messages[5].tag(), "COPY 3");
    let text = String::from_utf8(copied(&messages)).unwrap();
    assert_eq!(text, "1\ta b\t\\N\n2\ttab\\there\\\\back\\nnl\\r\t1.5\n3\t\t2\n");
    let sql = "COPY (SELECT * FROM (VALUES (1, 'a b', NULL::float8), (2, E'q\"u,o\\nnl', 1.5), (3, '', 2), (4, '\\.', 2)) \
               t(a, b, c) ORDER BY a) TO STDOUT (FORMAT csv, HEADER)";
    let text = String::from_utf8(copied(&client.query(sql))).unwrap();
    assert_eq!(text, "a,b,c\n1,a b,\n2,\"q\"\"u,o\nnl\",1.5\n3,\"\",2\n4,\\.,2\n");
    let sql = "COPY (SELECT '' AS a, NULL AS b) TO STDOUT (FORMAT csv, NULL 'NULL', DELIMITER ';')";
    assert_eq!(copied(&client.query(sql)), b";NULL\n");
}

#[test]
fn rows_are_copied_in_binary() {
    let server = Server::start();
    let mut client = server.session();
    for options in ["(FORMAT binary)", "WITH BINARY"] {
        let messages = client.query(&format!(
            "COPY (SELECT 1::bigint, 'x', NULL::float8) TO STDOUT {options}"
        ));
        let expected =
            b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\x08\0\0\0\0\0\0\0\x01\0\0\0\x01x\xff\xff\xff\xff\xff\xff";
        assert_eq!(copied(&messages), expected, "{options}");
        assert_eq!(messages[0].body, b"\x01\0\x03\0\x01\0\x01\0\x01");
    }
    let nothing = client.query("COPY (SELECT 1 WHERE false) TO STDOUT (FORMAT binary)");
    assert_eq!(copied(&nothing), b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\xff\xff");
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let server = Server::start();
    let mut client = server.session();
    for (options, sqlstate) in [
        ("(FORMAT xml)", "22023"),
        ("(FORMAT binary, DELIMITER ',')", "42601"),
        ("(QUOTE '''')", "0A000"),
    ] {
        let messages = client.query(&format!("COPY (SELECT 1) TO STDOUT {options}"));
        assert_eq!(messages[0].sqlstate(), sqlstate, "{options}");
    }
    assert_eq!(client.query("COPY nowhere TO STDOUT")[0].sqlstate(), "42P01");
}
