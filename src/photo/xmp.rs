//! Keywords that a person wrote into a file's XMP packet: a tolerant scan for two lists, not an XML parser.

/// The keyword lists of a packet, in the order written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Keywords {
    /// `dc:subject`: flat keywords.
    pub flat: Vec<String>,
    /// `lr:hierarchicalSubject`: keywords with their path, parts joined by `|`.
    pub paths: Vec<String>,
}

pub(super) fn keywords(packet: &[u8]) -> Keywords {
    let text = String::from_utf8_lossy(packet);
    Keywords { flat: items(&text, "dc:subject"), paths: items(&text, "lr:hierarchicalSubject") }
}

/// The `rdf:li` texts inside the first element called `name`.
fn items(text: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}"), format!("</{name}"));
    let Some(start) =
        text.match_indices(&open).map(|(at, _)| at + open.len()).find(|&at| text[at..].starts_with(['>', ' ', '\n', '\r', '\t']))
    else {
        return Vec::new();
    };
    let body = &text[start..];
    let mut body = &body[..body.find(&close).unwrap_or(body.len())];
    let mut found = Vec::new();
    while let Some(at) = body.find("<rdf:li") {
        body = &body[at..];
        let Some(open_end) = body.find('>') else { break };
        let empty = body[..open_end].ends_with('/');
        body = &body[open_end + 1..];
        if empty {
            continue;
        }
        let Some(end) = body.find("</rdf:li") else { break };
        let item = unescape(body[..end].trim());
        if !item.is_empty() {
            found.push(item);
        }
        body = &body[end..];
    }
    found
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').filter(|&end| end <= 10).and_then(|end| Some((entity(&rest[1..end])?, end + 1)));
        let (character, length) = entity.unwrap_or(('&', 1));
        out.push(character);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out.chars().filter(|c| !c.is_control()).collect()
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_are_read_and_unescaped() {
        let packet = "<x:xmpmeta><lr:hierarchicalSubject> <rdf:Bag><rdf:li>mammif\u{e8}res|renard</rdf:li></rdf:Bag></lr:hierarchicalSubject>\
            <dc:subject><rdf:Bag><rdf:li xml:lang='x'>chien &amp; chat&#33;</rdf:li><rdf:li/><rdf:li>2</rdf:li></rdf:Bag></dc:subject>";
        let keywords = keywords(packet.as_bytes());
        assert_eq!(keywords.flat, ["chien & chat!", "2"]);
        assert_eq!(keywords.paths, ["mammif\u{e8}res|renard"]);
    }

    #[test]
    fn broken_packets_give_what_they_hold() {
        for packet in [
            "",
            "<dc:subject",
            "<dc:subject><rdf:li",
            "<dc:subject><rdf:li>a",
            "<dc:subjects><rdf:li>a</rdf:li>",
            "&",
            "<dc:subject>&</dc:subject>",
        ] {
            assert_eq!(keywords(packet.as_bytes()), Keywords::default(), "{packet}");
        }
        assert_eq!(keywords(b"<dc:subject><rdf:li>a &b</rdf:li>").flat, ["a &b"]);
    }
}
