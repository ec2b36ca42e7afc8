//! Measures `classify` end to end against bare sessions of the embedded engine, in turns on the same machine.
//!
//! ```text
//! python tests/bench/classify_onnx.py FOLDER                        # a ResNet-50 with random weights
//! cargo bench --bench classify_speed -- FOLDER LIST [THREADS] [ROUNDS]     # LIST: one image path a line
//! python tests/bench/classify_pytorch.py FOLDER LIST                # the same work as a PyTorch script
//! ```
//!
//! End to end means: read the file, hash it, decode, resize, normalise, ResNet-50, softmax, the row of cells. Bare means: the
//! same number of single-threaded sessions on tensors that are ready. Processor time per image is given beside images a second: on
//! a machine that others use it is the steadier of the two (Linux only, 10 ms grain). Without arguments it says so and measures nothing.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a bench panics to fail and prints to report")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use trapline::diagnostic::{FileId, Report, Span, Spanned};
use trapline::id::ContentId;
use trapline::model::engine::Engine as _;
use trapline::model::preprocess::Preprocessor;
use trapline::model::rten::Network;
use trapline::model::signature::read_lock;
use trapline::model::{Bundle, add};
use trapline::step::{Context, ParamValue, Params, RowMapper, kind};
use trapline::table::Cell;
use trapline::taxonomy::Taxonomy;

const SPAN: Span = Span::start_of(FileId(0));

fn main() {
    // `cargo bench` adds its own flag; what is left are ours.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [folder, list, rest @ ..] = &arguments[..] else {
        eprintln!("skipped: give FOLDER LIST [THREADS] [ROUNDS], see tests/bench/classify_speed.rs");
        return;
    };
    let number = |at: usize, default: usize| rest.get(at).map_or(default, |text| text.parse().unwrap());
    let (threads, rounds) = (number(0, 2), number(1, 5));
    let images: Vec<PathBuf> = std::fs::read_to_string(list).unwrap().lines().map(PathBuf::from).collect();
    measure(Path::new(folder), &images, threads, rounds);
}

fn measure(folder: &Path, images: &[PathBuf], threads: usize, rounds: usize) {
    let project = tempfile::tempdir().unwrap();
    let signature = add(project.path(), folder).unwrap();
    let models = read_lock(project.path()).unwrap();
    let classes = Taxonomy::default();
    let context = Context {
        project: project.path(),
        classes: &classes,
        deployments: None,
        dataset: None,
        models: &models,
        ports: BTreeMap::new(),
        lineage: trapline::step::Lineage::default(),
        span: SPAN,
    };
    let mapper = mapper(&signature.model, &context);
    let bundle = Bundle::open(project.path(), &signature.model).unwrap();
    let network = Network::load(&bundle, bundle.network().unwrap()).unwrap();
    // Real pixels: a network on noise or zeros may be faster or slower.
    let ready: Vec<Vec<f32>> = images
        .iter()
        .take(16)
        .map(|path| Preprocessor::default().prepare(&bundle.input, &std::fs::read(path).unwrap()).unwrap().to_vec())
        .collect();

    end_to_end(mapper.as_ref(), &context, &images[..images.len().min(8)], threads);
    bare(&network, &ready, 8, threads);
    let (mut bares, mut ends, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bare_cpu, mut end_cpu, mut cpu_shares) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let before = cpu_ms();
        let one = bare(&network, &ready, images.len(), threads);
        let between = cpu_ms();
        let other = end_to_end(mapper.as_ref(), &context, images, threads);
        let (one_ms, other_ms) = (per_image(between - before, images), per_image(cpu_ms() - between, images));
        println!(
            "round {round}: bare {one:.2} img/s, {one_ms:.1} ms of processor an image; end to end {other:.2} img/s, {other_ms:.1} ms; \
             {:.1} %, by processor time {:.1} %",
            100.0 * other / one,
            100.0 * one_ms / other_ms
        );
        bare_cpu.push(one_ms);
        end_cpu.push(other_ms);
        cpu_shares.push(one_ms / other_ms);
        bares.push(one);
        ends.push(other);
        shares.push(other / one);
    }
    let line = format!(
        "{{\"threads\": {threads}, \"images\": {}, \"bare\": {:.2}, \"end_to_end\": {:.2}, \"share\": {:.3}, \
         \"bare_cpu_ms\": {:.1}, \"end_to_end_cpu_ms\": {:.1}, \"cpu_share\": {:.3}, \"prepare_ms\": {:.2}}}",
        images.len(),
        median(&mut bares),
        median(&mut ends),
        median(&mut shares),
        median(&mut bare_cpu),
        median(&mut end_cpu),
        median(&mut cpu_shares),
        prepare_ms(&bundle, images),
    );
    println!("{line}");
}

fn mapper(model: &str, context: &Context<'_>) -> Box<dyn RowMapper> {
    let value = ParamValue::Text(model.to_owned());
    let params = Params { values: BTreeMap::from([("model", Spanned { value, span: SPAN })]), span: SPAN };
    let step = (kind("classify").unwrap().read)(&params, &mut Report::default()).unwrap();
    step.mapper(context).unwrap().unwrap()
}

/// Images a second, from their files to their rows.
fn end_to_end(mapper: &dyn RowMapper, context: &Context<'_>, images: &[PathBuf], threads: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let mut workers: Vec<_> = (0..threads).map(|_| mapper.worker(context).unwrap()).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for worker in &mut workers {
            scope.spawn(|| {
                let mut bytes = Vec::new();
                while let Some(path) = images.get(next.fetch_add(1, Ordering::Relaxed)) {
                    bytes.clear();
                    std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
                    let cells = worker.map(0, &bytes, ContentId::of(&bytes));
                    assert_eq!(cells[0], Cell::Null, "{} is classified", path.display());
                }
            });
        }
    });
    per_second(images.len(), start)
}

/// Images a second on tensors that are ready.
fn bare(network: &std::sync::Arc<Network>, ready: &[Vec<f32>], count: usize, threads: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let mut sessions: Vec<_> = (0..threads).map(|_| network.session().unwrap()).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for session in &mut sessions {
            scope.spawn(|| {
                let mut probabilities = Vec::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    session.classify(&ready[at % ready.len()], &mut probabilities).unwrap();
                }
            });
        }
    });
    per_second(count, start)
}

/// Milliseconds to decode, resize and normalise one image on one thread.
fn prepare_ms(bundle: &Bundle, images: &[PathBuf]) -> f64 {
    let mut preprocessor = Preprocessor::default();
    let mut times: Vec<f64> = Vec::new();
    for path in images.iter().take(100) {
        let bytes = std::fs::read(path).unwrap();
        let start = Instant::now();
        preprocessor.prepare(&bundle.input, &bytes).unwrap();
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    median(&mut times)
}

/// Processor time of this process so far, milliseconds; NaN where the system does not say.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may hold spaces; after it, user and system time are the 12th and 13th field, in 1/100 s.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    10.0 * (ticks(11) + ticks(12))
}

#[expect(clippy::cast_precision_loss, reason = "counts of images are small")]
fn per_image(ms: f64, images: &[PathBuf]) -> f64 {
    ms / images.len() as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts of images are small")]
fn per_second(count: usize, start: Instant) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
