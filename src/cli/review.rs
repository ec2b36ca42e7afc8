//! `trapline review`: the page on which people say what they see.

use std::path::PathBuf;

use clap::Args;

#[cfg(feature = "review")]
mod key;

use super::exit::Exit;
use super::labels::ReviewArgs;
use super::options::Format;
use super::terminal::Terminal;

/// Open a page in the browser on which people label what a review asks
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline review qc_labels
  trapline review corrected --reviewer anna --language nb
  trapline review qc_labels --adjudicate --reviewer carla
  trapline review qc_labels --export for_ben

The page is for this machine alone: it is served at 127.0.0.1, and its address carries a token. From elsewhere, tunnel to it:
  ssh -L 7117:127.0.0.1:7117 SERVER
For a week the address stays the same, so that open pages go on when the command is started again.
Each answer is on the disk, in the reviewer's own file among the labels of the step, before the page moves on. Stop with Ctrl-C.")]
pub(super) struct Review {
    #[command(flatten)]
    which: ReviewArgs,

    /// Who labels; without it the page asks, and several may label at once
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,

    /// Decide where reviewers disagree: shows their answers, and one answer settles
    #[arg(long)]
    adjudicate: bool,

    /// Write the page, its images and questions into a folder that can be sent to somebody, instead of serving it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["listen", "port", "allow_host", "adjudicate", "new_token"])]
    export: Option<PathBuf>,

    /// The address to listen at; any other than this machine's own lets others in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    listen: std::net::IpAddr,

    /// The port; without it 7117, or a free one where that is taken; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// Make a new token: addresses that were printed before lead nowhere from now on
    #[arg(long)]
    new_token: bool,

    /// Another name by which browsers call this machine; may be repeated
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,

    /// The page's language to begin with: `en`, `nb`, or a JSON file with the words of another
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,

    /// How to print the address: a line, or an object
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What a person does whose program has no page.
#[cfg(not(feature = "review"))]
pub(super) fn run(args: &Review, _terminal: Terminal) -> anyhow::Result<Exit> {
    anyhow::bail!(
        "this Trapline was built without the review page: build it with `--features review`, or label with a spreadsheet: \
         `trapline labels todo {}`",
        args.which.step
    )
}

#[cfg(feature = "review")]
pub(super) use page::run;

#[cfg(feature = "review")]
mod page {
    use std::io::ErrorKind;
    use std::net::SocketAddr;
    use std::path::Path;

    use anyhow::{Context as _, anyhow};
    use indicatif::{ProgressBar, ProgressStyle};
    use jiff::Timestamp;
    use serde_json::json;

    use super::key::{self, Key};
    use super::{Exit, Format, Review, Terminal};
    use crate::cli::render::words::{count, counted};
    use crate::cli::{host, labels, stored};
    use crate::review::clerk::reviewer;
    use crate::review::desk::Desk;
    use crate::review::export::{PAGE, export};
    use crate::review::frames::{self, Frames};
    use crate::review::office::{Office, Scene, Terms};
    use crate::review::page::LANGUAGES;
    use crate::review::queue::Role;
    use crate::review::server::{Hosts, Server, Token};
    use crate::store::Store;

    /// Where the page is served unless that port is taken.
    const PORT: u16 = 7117;

    pub(in crate::cli) fn run(args: &Review, terminal: Terminal) -> anyhow::Result<Exit> {
        let terms = terms(args)?;
        let Some((desk, store)) = labels::desk::open(&args.which, terminal)? else { return Ok(Exit::BadInput) };
        let scene = scene(&desk, &store, terminal)?;
        let key = key::path(store.root(), desk.step(), args.adjudicate).filter(|_| args.listen.is_loopback());
        drop(store);
        let step = desk.step().to_owned();
        let name = terms.reviewer.clone();
        let mut office = Office::open(desk, scene, terms)?;
        if let Some(folder) = &args.export {
            let name = name.ok_or_else(|| anyhow!("`--export` wants to know for whom: `--reviewer NAME`"))?;
            return send(&mut office, &name, folder, args.format, terminal);
        }
        let (asked, missing) = (counted(office.book().len() as u64, "image"), office.missing() as u64);
        let disputed = counted(office.book().counts().disputed as u64, "disagreement");
        let left = match (args.adjudicate, missing) {
            (true, _) => format!("{disputed} to settle"),
            (false, 0) => "all answered".to_owned(),
            (false, missing) => format!("{} to answer", count(missing)),
        };
        terminal.say(&format!("`{step}` asks about {asked}: {left}.\n"));
        serve(args, key.as_deref(), office, terminal)
    }

    /// Writes the folder that is sent to somebody.
    fn send(office: &mut Office, name: &str, folder: &Path, format: Format, terminal: Terminal) -> anyhow::Result<Exit> {
        let step = office.desk().step().to_owned();
        // indicatif shows a bar to a watching person only.
        let bar = ProgressBar::no_length().with_message("images copied");
        bar.set_style(ProgressStyle::with_template("{spinner} {human_pos} {msg}, {per_sec}")?);
        let written = export(office, name, folder, &|_| bar.inc(1));
        bar.finish_and_clear();
        let written = written?;
        let page = folder.join(PAGE);
        match format {
            Format::Text => terminal.print(&format!("{}\n", page.display()))?,
            Format::Json => terminal.print_json(&json!({
                "format": 1, "page": page, "asked": written.asked, "images": written.images, "bytes": written.bytes,
                "unshown": written.unshown,
            }))?,
        }
        for reason in written.unshown.iter().take(10) {
            terminal.say(&format!("note: {reason}\n"));
        }
        terminal.say(&format!(
            "{} to answer, with {} around them: send the whole folder. Its answers come back with\n  \
             trapline labels add {step} --reviewer {name} answers.csv\n",
            counted(written.asked as u64, "image"),
            counted((written.images.saturating_sub(written.asked)) as u64, "image"),
        ));
        Ok(if written.unshown.is_empty() { Exit::Ok } else { Exit::BadInput })
    }

    fn serve(args: &Review, kept: Option<&Path>, office: Office, terminal: Terminal) -> anyhow::Result<Exit> {
        let now = Timestamp::now();
        let known = kept.filter(|_| !args.new_token).and_then(|path| Key::read(path, now));
        let server = listen(args, known.as_ref().map(|key| key.port))?;
        let address = server.address;
        let (text, token) = match &known {
            Some(key) => (key.token.clone(), Token::of(&key.token)),
            None => Token::new().context("the system gives no token")?,
        };
        if let Some(path) = kept {
            let key = known.unwrap_or_else(|| Key::new(text.clone(), address.port(), now)).at(address.port());
            if let Err(error) = key.keep(path) {
                terminal.say(&format!(
                    "note: the address will be another one after a restart, since `{}` cannot be kept: {error}\n",
                    path.display()
                ));
            }
        }
        if !address.ip().is_loopback() {
            terminal
                .say("note: others can reach this page; only who has its address, with the token, can label or see images.\n");
        }
        // What a browser on this machine calls it; from elsewhere, a person knows the machine's name.
        let host = if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address };
        let url = format!("http://{host}/#{text}");
        let folder = office.desk().question.folder.clone();
        match args.format {
            Format::Text => terminal.print(&format!("{url}\n"))?,
            Format::Json => terminal.print_json(&json!({ "format": 1, "url": url, "port": address.port(), "token": text }))?,
        }
        terminal.say(&format!("Open that address in a browser. Answers are kept in `{folder}`; stop with Ctrl-C.\n"));
        ctrlc::set_handler(move || {
            terminal.say("\nStopped. Every answer that the page acknowledged is kept; `trapline run` goes on from there.\n");
            std::process::exit(Exit::Ok as i32);
        })
        .context("cannot listen for Ctrl-C")?;
        let mut hosts = args.allow_host.clone();
        if !address.ip().is_unspecified() {
            hosts.push(SocketAddr::new(address.ip(), 0).to_string().trim_end_matches(":0").to_owned());
        }
        server.serve(office, token, Hosts::own_and(&hosts), host::now).context("the page cannot be served any longer")?;
        Ok(Exit::Ok)
    }

    /// Listens where it was told to; else where it did last, where it usually does, or where it can.
    fn listen(args: &Review, last: Option<u16>) -> anyhow::Result<Server> {
        let at = |port: u16| Server::listen(SocketAddr::new(args.listen, port));
        if let Some(server) = last.filter(|_| args.port.is_none()).and_then(|port| at(port).ok()) {
            return Ok(server);
        }
        match (args.port, at(args.port.unwrap_or(PORT))) {
            (None, Err(error)) if error.kind() == ErrorKind::AddrInUse => at(0).context("cannot listen at any port"),
            (Some(port), Err(error)) if error.kind() == ErrorKind::AddrInUse => {
                Err(anyhow!("port {port} is taken: choose another with `--port`, or leave it out"))
            }
            (_, served) => served.with_context(|| format!("cannot listen at `{}`", args.listen)),
        }
    }

    fn terms(args: &Review) -> anyhow::Result<Terms> {
        let name = args.reviewer.as_deref().map(reviewer).transpose().map_err(|message| anyhow!("--reviewer: {message}"))?;
        let role = if args.adjudicate { Role::Adjudicate } else { Role::Review };
        let known = args.language.as_deref().filter(|language| LANGUAGES.contains(language));
        let strings =
            match (&args.language, known) {
                (Some(file), None) => {
                    let text = std::fs::read_to_string(file).with_context(|| {
                        let codes = LANGUAGES.map(|code| format!("`{code}`")).join(", ");
                        format!("--language: `{file}` is not one of {codes}, and cannot be read as a file")
                    })?;
                    Some(serde_json::from_str(&text).with_context(|| {
                        format!("`{file}` does not hold the words of a language: expected {{\"key\": \"text\"}}")
                    })?)
                }
                _ => None,
            };
        Ok(Terms { role, reviewer: name.map(str::to_owned), language: known.map(str::to_owned), strings })
    }

    /// All images of the pipeline, where a step before the review lists them.
    fn scene(desk: &Desk, store: &Store, terminal: Terminal) -> anyhow::Result<Option<Scene>> {
        let Some((step, output)) = frames::source(&desk.pipeline, desk.index) else { return Ok(None) };
        let step = &desk.pipeline.steps[step];
        let Ok(result) = stored::result(&desk.pipeline, store, &step.name.value) else {
            terminal.say(&format!("note: the frames around each image are not shown: step `{}` has not run\n", step.name.value));
            return Ok(None);
        };
        let stored = stored::table(store, &result, step.kind.outputs.get(output).map(|port| port.name))?;
        let names: Vec<&str> = frames::COLUMNS.iter().copied().filter(|name| stored.schema().field(name).is_some()).collect();
        let table = stored.read(Some(&names)).map_err(stored::store_error)?;
        Ok(Some(Scene { frames: Frames::of(&table)?, table }))
    }
}
