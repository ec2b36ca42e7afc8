//! The columns of the deployment table.

use super::table::Header;
use crate::diagnostic::{Diagnostic, Report, Span, any_of, codes};

/// What people call the start and the end of a deployment, written small and without what stands between words.
const OTHERWISE: [(&str, &[&str]); 2] = [
    ("from", &["start", "startdate", "datestart", "begin", "datefrom", "fromdate", "setup", "setupdate", "deploymentstart"]),
    ("to", &["end", "enddate", "dateend", "stop", "dateto", "todate", "until", "retrieval", "retrievaldate", "deploymentend"]),
];

/// The columns, where `site` is among them and those of the period bear their names: a period that nobody reads would make every
/// deployment last for ever.
pub(super) fn columns(header: Header, asked: Span, report: &mut Report) -> Option<Vec<String>> {
    header.require("site", asked, codes::BAD_DEPLOYMENTS, report)?;
    let mut fine = true;
    for (name, others) in OTHERWISE {
        if header.index(name).is_some() {
            continue;
        }
        let plain = |column: &String| column.to_lowercase().replace([' ', '_', '-', '.'], "");
        let Some(at) = header.columns.iter().position(|column| others.contains(&plain(column).as_str())) else { continue };
        fine = false;
        let found = &header.columns[at];
        let message = format!("the column `{found}` would not be read as the `{name}` of a deployment");
        let finding = Diagnostic::new(codes::BAD_DEPLOYMENTS, header.spans[at], message).related(asked, "named here");
        report.push(finding.help(format!(
            "call it `{name}`; the period of a deployment is {}",
            any_of(&["from", "to"]).replace(" or ", " and ")
        )));
    }
    fine.then_some(header.columns)
}
