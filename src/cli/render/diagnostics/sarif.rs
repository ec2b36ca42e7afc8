//! Diagnostics as SARIF 2.1.0, for code scanning.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Checked, Place, each, place};
use crate::diagnostic::codes;
use crate::diagnostic::{Code, Diagnostic, Severity, Sources, Span};

/// A log with one run of this program.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    help: Message,
    default_configuration: Configuration,
}

#[derive(Debug, Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Debug, Serialize)]
struct Message {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the standard names its fields so")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Debug, Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// The log of all findings, with the rules that they name.
pub(in crate::cli) fn log(files: &[Checked]) -> Log {
    let all = each(files);
    let codes: BTreeMap<_, _> = all.iter().map(|(_, d)| (d.code.id, d.code)).collect();
    let places: BTreeMap<_, _> = codes.keys().enumerate().map(|(place, id)| (*id, place)).collect();
    let results = all.iter().map(|(sources, d)| finding(sources, d, places.get(d.code.id).copied().unwrap_or(0))).collect();
    Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "trapline",
                    version: env!("CARGO_PKG_VERSION"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: codes.values().map(|code| rule(*code)).collect(),
                },
            },
            column_kind: "unicodeCodePoints",
            results,
        }],
    }
}

fn rule(code: Code) -> Rule {
    let explanation = codes::find(code.id).map_or(code.title, |explained| explained.explanation);
    let message = |text: &str| Message { text: text.to_owned() };
    Rule {
        id: code.id,
        short_description: message(code.title),
        full_description: message(explanation),
        help: message(&format!("{explanation}\n\nMore: trapline help {}", code.id)),
        default_configuration: Configuration { level: level(code.severity) },
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn finding(sources: &Sources, diagnostic: &Diagnostic, rule_index: usize) -> Finding {
    let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!("\n{help}"));
    let related = diagnostic.related.iter().enumerate();
    Finding {
        rule_id: diagnostic.code.id,
        rule_index,
        level: level(diagnostic.code.severity),
        message: Message { text: format!("{}{help}", diagnostic.message) },
        locations: vec![location(sources, diagnostic.span, None, None)],
        related_locations: related.map(|(id, (span, words))| location(sources, *span, Some(id), Some(words))).collect(),
    }
}

fn location(sources: &Sources, span: Span, id: Option<usize>, words: Option<&String>) -> Location {
    let Place { file, line, column, end_line, end_column } = place(sources, span);
    Location {
        id,
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: uri(&file) },
            region: Region { start_line: line, start_column: column, end_line, end_column },
        },
        message: words.map(|text| Message { text: text.clone() }),
    }
}

/// A path as a URI reference. A drive letter or a share needs the `file` scheme, or `E:` would be read as one.
fn uri(path: &str) -> String {
    let bytes = path.as_bytes();
    let lead = match bytes {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => "file:///",
        [b'/', b'/', ..] => "file:",
        [b'/', ..] => "file://",
        _ => "",
    };
    let mut uri = lead.to_owned();
    for (place, byte) in bytes.iter().enumerate() {
        let drive = place == 1 && lead == "file:///";
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) || drive {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_names_rules_and_regions() {
        let text = serde_json::to_string_pretty(&log(&[super::super::sample::checked()])).unwrap();
        insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"), @r#"
        {
          "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
          "version": "2.1.0",
          "runs": [
            {
              "tool": {
                "driver": {
                  "name": "trapline",
                  "version": "VERSION",
                  "semanticVersion": "VERSION",
                  "rules": [
                    {
                      "id": "TL0202",
                      "shortDescription": {
                        "text": "an unknown key"
                      },
                      "fullDescription": {
                        "text": "A key that nothing reads is a typing mistake more often than not, so it is refused."
                      },
                      "help": {
                        "text": "A key that nothing reads is a typing mistake more often than not, so it is refused.\n\nMore: trapline help TL0202"
                      },
                      "defaultConfiguration": {
                        "level": "error"
                      }
                    },
                    {
                      "id": "TL0402",
                      "shortDescription": {
                        "text": "a reference to a step that does not exist"
                      },
                      "fullDescription": {
                        "text": "`from:` names steps of this pipeline or of its fragments."
                      },
                      "help": {
                        "text": "`from:` names steps of this pipeline or of its fragments.\n\nMore: trapline help TL0402"
                      },
                      "defaultConfiguration": {
                        "level": "error"
                      }
                    },
                    {
                      "id": "TL0414",
                      "shortDescription": {
                        "text": "a step that nothing uses"
                      },
                      "fullDescription": {
                        "text": "Other steps write files or are bounded by `expect`, this one ends in nothing: was it meant to be wired?"
                      },
                      "help": {
                        "text": "Other steps write files or are bounded by `expect`, this one ends in nothing: was it meant to be wired?\n\nMore: trapline help TL0414"
                      },
                      "defaultConfiguration": {
                        "level": "warning"
                      }
                    }
                  ]
                }
              },
              "columnKind": "unicodeCodePoints",
              "results": [
                {
                  "ruleId": "TL0414",
                  "ruleIndex": 2,
                  "level": "warning",
                  "message": {
                    "text": "nothing uses `bilder_på_øya`"
                  },
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "pipeline.yaml"
                        },
                        "region": {
                          "startLine": 3,
                          "startColumn": 3,
                          "endLine": 3,
                          "endColumn": 16
                        }
                      }
                    }
                  ]
                },
                {
                  "ruleId": "TL0202",
                  "ruleIndex": 0,
                  "level": "error",
                  "message": {
                    "text": "unknown key `wiht` in step `bilder_på_øya`\ndid you mean `with`?"
                  },
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "pipeline.yaml"
                        },
                        "region": {
                          "startLine": 5,
                          "startColumn": 5,
                          "endLine": 5,
                          "endColumn": 9
                        }
                      }
                    }
                  ]
                },
                {
                  "ruleId": "TL0402",
                  "ruleIndex": 1,
                  "level": "error",
                  "message": {
                    "text": "there is no step `imges`\nthe steps are `bilder_på_øya` and `names`"
                  },
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "pipeline.yaml"
                        },
                        "region": {
                          "startLine": 8,
                          "startColumn": 11,
                          "endLine": 8,
                          "endColumn": 16
                        }
                      }
                    }
                  ],
                  "relatedLocations": [
                    {
                      "id": 0,
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "pipeline.yaml"
                        },
                        "region": {
                          "startLine": 6,
                          "startColumn": 3,
                          "endLine": 6,
                          "endColumn": 8
                        }
                      },
                      "message": {
                        "text": "wanted by this step"
                      }
                    }
                  ]
                }
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("a b/ø.yaml"), "a%20b/%C3%B8.yaml");
        assert_eq!(uri("/srv/p.yaml"), "file:///srv/p.yaml");
        assert_eq!(uri("E:/p.yaml"), "file:///E:/p.yaml");
        assert_eq!(uri("//nas/p.yaml"), "file://nas/p.yaml");
    }
}
