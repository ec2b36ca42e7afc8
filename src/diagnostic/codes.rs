//! Every diagnostic code, in one place: `TL01` YAML, `02` the file, `03` templates, `04` wiring, `05` parameters, `06` classes,
//! models and deployments, `07` paths and roots.
//!
//! A code keeps its meaning for ever: what is withdrawn leaves a gap. Explanations are what `trapline help TL0412` shows.

use super::{Code, Severity};

/// A code with the paragraph that explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// The code.
    pub code: Code,
    /// Why it is a mistake and what to do, in two or three sentences.
    pub explanation: &'static str,
}

/// Finds the code called `id`, in any case.
#[must_use]
pub fn find(id: &str) -> Option<&'static Explained> {
    CODES.iter().find(|explained| explained.code.id.eq_ignore_ascii_case(id)).copied()
}

macro_rules! codes {
    ($($name:ident = $id:literal $severity:ident $title:literal, $explanation:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $title, ".")]
            pub const $name: Code = Code { id: $id, title: $title, severity: Severity::$severity };
        )*

        /// All codes, in the order of their numbers.
        pub static CODES: &[&Explained] = &[$(&Explained { code: $name, explanation: $explanation }),*];
    };
}

codes! {
    // YAML.
    UNREADABLE_FILE = "TL0101" Error "the file cannot be read",
        "The file is missing, is a folder, or may not be read by you.";
    FILE_TOO_LARGE = "TL0102" Error "the file is larger than 1 MiB",
        "A pipeline is a text that people read. Data belong into CSV files; shared parts into fragments that `include:` names.";
    NOT_UTF8 = "TL0103" Error "the file is not UTF-8 text",
        "Save the file as UTF-8. Older editors on Windows save `Latin-1` or `UTF-16` unless told otherwise.";
    SYNTAX = "TL0104" Error "not valid YAML",
        "The text breaks the rules of YAML 1.2. Usual causes: a missing space after `:`, uneven indentation, a special character \
         (`{`, `[`, `*`, `&`, `%`, `@`) at the start of a text without quotes.";
    TAB_INDENT = "TL0105" Error "a tab where YAML wants spaces",
        "YAML indents with spaces only. Let your editor replace tabs by two spaces.";
    UNCLOSED_QUOTE = "TL0106" Error "a quote is never closed",
        "A text that starts with a quote ends with the same quote. Inside single quotes, write two of them for one.";
    UNCLOSED_BRACKET = "TL0107" Error "a bracket is never closed, or closed by another",
        "Each `[` needs its `]`, each `{` its `}`.";
    TOO_DEEP = "TL0108" Error "nested deeper than 64 levels",
        "No pipeline needs this depth; the limit keeps a damaged or hostile file from exhausting memory.";
    TOO_MANY_ALIASES = "TL0109" Error "too many aliases",
        "At most 1 000 aliases (`*name`) that copy at most 100 000 values. The limit stops files that grow without bound when read.";
    UNKNOWN_ALIAS = "TL0110" Error "an alias without its anchor",
        "`*name` repeats the value marked `&name` further up in the same file. A text that starts with `*` needs quotes.";
    DUPLICATE_KEY = "TL0111" Error "a key given twice",
        "Each key of a mapping may be given once: which of the two values was meant cannot be known.";
    BAD_KEY = "TL0112" Error "a key that is no text",
        "Keys are texts or numbers. A template that stands first in a value (`{{ params.x }}`) needs quotes, or YAML reads a mapping.";
    MERGE_KEY = "TL0113" Error "a merge key",
        "`<<` is no part of YAML 1.2. Repeat the keys, or use `for_each:` or `include:`.";
    BAD_TAG = "TL0114" Error "a tag that is not known or does not fit",
        "Only the tags `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq` and `!!map` are known; they are rarely needed.";
    SEVERAL_DOCUMENTS = "TL0115" Error "several documents in one file",
        "A pipeline is one YAML document: remove the `---` in the middle, or split the file.";
    BAD_NUMBER = "TL0116" Error "a number that cannot be represented",
        "Whole numbers have 64 bits; other numbers are finite. Write a long id in quotes.";
    ALLOW_WITHOUT_REASON = "TL0117" Error "an `allow` comment without a reason",
        "`# trapline: allow TL0307 used by the R script` silences one finding on its line, and says why to the next reader.";
    ALLOW_UNUSED = "TL0118" Warning "an `allow` comment that silences nothing",
        "The finding is gone or stands on another line: remove the comment, or put it on the line of the finding or right above.";
    ALLOW_UNKNOWN_CODE = "TL0119" Error "an `allow` comment with an unknown code",
        "The comment names no existing code: `# trapline: allow TL0307 reason`.";
    UNFINISHED_MERGE = "TL0160" Error "a merge that is not finished",
        "Git found two versions of these lines and left both in the file, between `<<<<<<<`, `=======` and `>>>>>>>`. Keep what is right of \
         both, remove the three marks, and commit.";

    // The file.
    NOT_A_MAPPING = "TL0201" Error "the file is not a mapping",
        "A pipeline is a mapping of the keys `trapline`, `name`, `steps` and others.";
    UNKNOWN_KEY = "TL0202" Error "an unknown key",
        "A key that nothing reads is a typing mistake more often than not, so it is refused.";
    WRONG_TYPE = "TL0203" Error "a value of the wrong type",
        "The value is of another type than this key takes.";
    MISSING_LANGUAGE = "TL0204" Error "the version of the language is missing",
        "The first line `trapline: 1` says which version of the pipeline language the file is written in.";
    UNSUPPORTED_LANGUAGE = "TL0205" Error "a version of the language that is not supported",
        "This program reads version 1. A file of a later version needs a newer program.";
    BAD_REQUIREMENT = "TL0206" Error "`requires` is not a version requirement",
        "`requires` holds comparisons as in Cargo: `>=0.1`, `>=0.1, <2`.";
    UNMET_REQUIREMENT = "TL0207" Error "another version of the program is required",
        "The file says that it needs another version of the program than this one.";
    NO_STEPS = "TL0208" Error "no steps",
        "A pipeline needs at least one step under `steps:`.";
    BAD_NAME = "TL0209" Error "a name with characters that names cannot have",
        "Names start with a small letter and go on with small letters, digits, `_` or `-`: they become file names on every system.";
    RESERVED_NAME = "TL0210" Error "a reserved name",
        "The name has a meaning of its own in templates, on the command line, or as a device on Windows.";
    DUPLICATE_STEP = "TL0211" Error "two steps of one name",
        "A step name is used once over the file and all its fragments.";
    MISSING_USES = "TL0212" Error "a step without `uses`",
        "`uses:` names the kind of step.";
    UNKNOWN_KIND = "TL0213" Error "an unknown kind of step",
        "`trapline help` lists the kinds of step.";
    INCLUDE_UNREADABLE = "TL0214" Error "a fragment cannot be read",
        "Paths of `include:` are relative to the file that includes.";
    INCLUDE_CYCLE = "TL0215" Error "fragments that include each other",
        "A fragment cannot include itself, neither directly nor through others.";
    INCLUDE_OUTSIDE = "TL0216" Error "a fragment outside the project",
        "Fragments lie in the folder of the pipeline or below, so that the project can be moved and committed as a whole.";
    BAD_EXPECTATION = "TL0217" Error "an expectation that cannot be read",
        "An expectation is a number, or one of `>=`, `<=`, `>`, `<`, `==` and a number: `accuracy_lower: \">= 0.93\"`. It bounds a metric, \
         every row of a column (`PORT.COLUMN`, or `\"PORT[COLUMN=VALUE].COLUMN\"` for some rows), or a number of rows (`PORT.rows`).";
    UNKNOWN_METRIC = "TL0218" Error "an unknown metric",
        "`expect:` bounds the metrics that the kind of step reports and the columns of its output tables; `trapline help KIND` lists them.";
    BAD_FOR_EACH = "TL0219" Error "a `for_each` that gives no instances",
        "`for_each:` maps variables to lists of plain values: `for_each: { arch: [resnet18, resnet50] }`.";
    UNKNOWN_OVERRIDE = "TL0220" Error "an override of an undeclared parameter",
        "`--set` and `--params` change parameters that the pipeline declares under `params:`.";
    BAD_OVERRIDE = "TL0221" Error "an override that cannot be read",
        "`--set` takes `key=value`; the value is read as YAML. A `--params` file is a mapping.";
    TAXONOMY_AND_CLASSES = "TL0222" Error "classes given twice",
        "`classes:` is the short form of `taxonomy:`; keep one of them.";
    EXPECTED_COLUMN = "TL0223" Error "an expectation about a column that does not fit",
        "`expect:` may bound columns that hold numbers: `PORT.COLUMN` means every row of that output. A filter `PORT[COLUMN=VALUE]` \
         compares columns that hold text, whole numbers, or true and false.";

    // Templates.
    TEMPLATE_SYNTAX = "TL0301" Error "a template that cannot be parsed",
        "Templates are written as in Jinja: `{{ params.seed }}`, `{% if ... %} ... {% endif %}`.";
    UNDEFINED_VARIABLE = "TL0302" Error "an undefined name in a template",
        "Templates see `params.NAME`, and `each.NAME` inside a step with `for_each`. A name that is not defined is never empty text.";
    TEMPLATE_FAILED = "TL0303" Error "a template that fails",
        "The template is well formed, but an operation in it cannot be done with these values.";
    TEMPLATE_BUDGET = "TL0304" Error "a template that does too much",
        "Templates have a budget of work and of length, so that a mistake cannot hang the program.";
    TEMPLATE_FUNCTION = "TL0305" Error "an unknown filter, test or function in a template",
        "Templates have the built-in filters and functions of Jinja, and `counter` in names of images. They cannot read files.";
    TEMPLATE_COLUMN = "TL0306" Error "a per-image template names a column that is not there",
        "A per-image template sees the columns of the step's input. Columns come from the captures of the path and from earlier steps.";
    UNUSED_PARAM = "TL0307" Warning "a parameter that nothing uses",
        "A parameter under `params:` has an effect only where a template says `{{ params.NAME }}`.";

    // Wiring.
    BAD_REFERENCE = "TL0401" Error "a reference that cannot be read",
        "A reference is `STEP`, `STEP.PORT`, `STEP[INSTANCE]` or `STEP[*]`.";
    UNKNOWN_STEP = "TL0402" Error "a reference to a step that does not exist",
        "`from:` names steps of this pipeline or of its fragments.";
    UNKNOWN_OUTPUT = "TL0403" Error "a reference to an output that does not exist",
        "`trapline help KIND` lists the outputs of a kind of step. `STEP` alone means its first output.";
    UNKNOWN_INPUT = "TL0404" Error "an input that the kind does not have",
        "`trapline help KIND` lists the inputs of a kind of step.";
    MISSING_INPUT = "TL0405" Error "a required input is missing",
        "Each input that is not optional needs a source under `from:`.";
    WRONG_PORT_TYPE = "TL0406" Error "an output that does not fit the input",
        "Tables flow into tables, models into models.";
    TOO_MANY_SOURCES = "TL0407" Error "several sources for an input that takes one",
        "Only some inputs gather several sources. Put the tables together in a step of their own first.";
    CYCLE = "TL0408" Error "steps that wait for each other",
        "A step cannot need its own result, neither directly nor through other steps.";
    NO_INPUTS = "TL0409" Error "`from` on a step that takes no input",
        "This kind is a source: it has no inputs.";
    NAME_THE_INPUT = "TL0410" Error "the input is not named",
        "A kind with several inputs wants a mapping: `from: { images: names, labels: checked }`.";
    DUPLICATE_SOURCE = "TL0411" Error "one source twice in an input",
        "The same output is gathered twice into one input, so its rows would count twice.";
    MISSING_COLUMN = "TL0412" Error "a column is missing",
        "The step needs a column that its input does not have. Columns come from the captures of the path and from earlier steps.";
    COLUMN_TYPE = "TL0413" Error "a column of the wrong type",
        "The input has a column of this name, but of another type.";
    UNUSED_STEP = "TL0414" Warning "a step that nothing uses",
        "Other steps write files or are bounded by `expect`, this one ends in nothing: was it meant to be wired?";
    INSTANCES = "TL0415" Error "instances named wrongly",
        "A step with `for_each` is named with an instance, `train[resnet50]`, or as a whole, `train[*]`; another step without brackets.";
    NEEDS_STAGE = "TL0416" Error "an everyday step that needs a staged one",
        "Steps with `stage:` run only when asked for. What needs them belongs to the same stage.";
    BUILT_WITHOUT = "TL0417" Warning "a step that this build of Trapline cannot run",
        "Training, and classifying with `engine: tch`, need libtorch, which is not part of every build. The pipeline is checked all the \
         same; a machine that runs the step needs a Trapline built with the feature `tch`: `bash .cargo/libtorch` in Trapline's folder \
         installs libtorch, `cargo build --release --features tch` builds with it.";
    UNKNOWN_STRATA = "TL0430" Error "labels of which nobody says how they were drawn",
        "An estimate must know in which groups its images were drawn by chance: where a hundred of a small site and a hundred of a large one \
         count alike, it is wrong without a sign. For labels of a `review` this follows from the `sample` steps behind it. Labels that come \
         from elsewhere do not say it: name the columns of those groups under `sampled_by` (`by` of `threshold`), or write `sampled_by: []` \
         where they were drawn among all images at once, or where every image has a label.";
    NOT_BLIND = "TL0431" Error "an estimate from labels that are not blind",
        "People who see what the model says agree with it more often than those who do not, so that a model judged by them seems better than \
         it is. Such answers never count in an estimate. Add `blind: true` to the `review` of the sample.";
    EXCLUDES_ITSELF = "TL0432" Error "a step that leaves out its own input",
        "All images of the step come from an output that its `exclude` names, so that none is left.";

    // Parameters.
    UNKNOWN_PARAMETER = "TL0501" Error "an unknown parameter",
        "`trapline help KIND` lists the parameters of a kind of step.";
    MISSING_PARAMETER = "TL0502" Error "a required parameter is missing",
        "The kind of step cannot work without this parameter of `with:`.";
    PARAMETER_TYPE = "TL0503" Error "a parameter of the wrong type",
        "The value is of another type than the parameter takes.";
    OUT_OF_RANGE = "TL0504" Error "a number out of range",
        "The number is outside the bounds that make sense for this parameter.";
    NOT_A_CHOICE = "TL0505" Error "a word that is not among the choices",
        "The parameter takes one of a few words.";
    BAD_SEASONS = "TL0506" Error "a range of seasons that cannot be read",
        "Seasons are a whole number (`2021`), a range with both ends included (`\"2014..2025\"`), or `default`.";
    OVERLAPPING_SEASONS = "TL0507" Error "ranges of seasons that overlap",
        "A season must belong to one range, or its value would depend on the order.";
    UNKNOWN_COLUMN = "TL0508" Error "a parameter names a column that is not there",
        "The parameter names a column of an input. Columns come from the captures of the path and from earlier steps.";
    BAD_PATTERN = "TL0509" Error "a path pattern that cannot be read",
        "`{name}` captures a column, `{a,b}` is a choice, `*` stands for any characters but `/`, `**` for any folders.";
    TAKEN_COLUMN = "TL0511" Error "a column that the step makes itself",
        "The input has a column of the same name: rename the capture or leave the earlier step out.";
    SEASON_NOT_IN_BY = "TL0521" Warning "a sample across seasons",
        "A sample stays put as long as its groups do. Where `by` does not contain the season, the images of a new season compete with \
         those drawn before, and part of last year's checking is for nothing. Add `season` to `by`, or say on the line why not: \
         `# trapline: allow TL0521 a single season`.";

    STRANGE_TEMPLATE = "TL0522" Error "a template that replaces nothing",
        "A folder of `templates:` holds files called like the built-in templates of the report. One with another name would change nothing.";

    REPEATED_COLUMN = "TL0530" Error "a column named twice",
        "A list of columns names one of them twice; perhaps another was meant.";
    ACCEPTS_ALL = "TL0531" Error "a threshold that accepts everything",
        "Every confidence is at least 0, so that `accept_at: 0` sends no image to people unless another rule asks for it.";
    GATE_RANGE = "TL0532" Error "a bound that no value can have",
        "A share lies between 0 and 1, a number of rows is never below 0. A gate beyond that always fails or never does: write shares as \
         `0.95`, not as percent.";

    FOLDERS_OF_NO_FILE = "TL0535" Error "folders for a file that is not imported",
        "`strip` and `prefix` of `import` say how the paths of a file lie among those of the images: for all files, or by file, folder, or \
         name with `*`. A name that no imported file has would change nothing.";
    ALIVE_WITHOUT_DEPLOYMENTS = "TL0540" Error "cameras alive by their deployments, without a deployment table",
        "`alive: deployment` of `summarise` takes a camera to work from the start to the end of its deployment, which a table under \
         `deployments:` with `site`, `from` and `to` must tell.";
    CONSTANT_NAME = "TL0560" Error "one name for all images",
        "Each image needs a name of its own: the template of `name:` names columns that tell images apart, and `counter(4)` counts those \
         whose names differ in nothing else.";
    CORRECTED_TIME = "TL0561" Warning "names that a corrected clock would belie",
        "A name that was given is kept for ever, whatever is corrected later: after a correction it would tell another time than the table. \
         `date_raw` and `time_raw` are as the camera wrote them and never change.";
    ONE_WORD = "TL0562" Error "a command in one word",
        "`run:` is a list of words, the program first: `run: [python3, scripts/model.py]`. A text with spaces would be taken for the name of \
         one program.";

    // Classes, models, deployments.
    BAD_TAXONOMY = "TL0601" Error "the taxonomy cannot be read",
        "`taxonomy:` names a CSV file with a header and the columns `class` and `role`, and optionally `key`, `colour`, `display`, `species_id`, \
         `scientific_name`, `taxon_rank`, `taxon_id`.";
    TAXONOMY_ROW = "TL0602" Error "a row of the taxonomy that cannot be read",
        "Roles are `animal`, `empty`, `bad_quality`, `person`, `vehicle`, `other`; colours `#rrggbb`; keys one character.";
    DUPLICATE_CLASS = "TL0603" Error "a class given twice",
        "Class names differ in more than case, spaces and `_`: `bad quality` beside `bad_quality` was a mistake that spread.";
    UNKNOWN_CLASS = "TL0604" Error "an unknown class",
        "Classes are declared by `classes:` or `taxonomy:`.";
    UNKNOWN_MODEL = "TL0605" Error "an unknown model",
        "Models are known by `models.lock`, which `trapline model add` writes and which is committed.";
    BAD_MODEL_NAME = "TL0606" Error "a model name that cannot be read",
        "Models are named `name@version`, the folder `models/name/version/`.";
    MODEL_CLASS = "TL0607" Error "a model knows a class that the programme does not",
        "Each class of a model is a class of the programme, or is mapped to one under `taxonomy:` of its `model.yaml`.";
    BAD_MODEL_LOCK = "TL0608" Error "models.lock cannot be read",
        "`models.lock` is written by `trapline model add`; after a merge conflict, run it again.";
    BAD_DEPLOYMENTS = "TL0609" Error "the deployment table cannot be read",
        "`deployments:` names a CSV file with a header and at least the column `site`.";
    DUPLICATE_SHORTCUT = "TL0610" Error "one key for two classes",
        "Each class has its own key on the labelling page; upper and lower case are the same key.";
    TAXONOMY_COLUMN = "TL0611" Warning "an unknown column of the taxonomy",
        "The column is not read. Known are `class`, `role`, `key`, `colour`, `display`, `species_id`, `scientific_name`, `taxon_rank`, \
         `taxon_id`.";
    NO_ROLES = "TL0612" Error "classes whose roles nobody declared",
        "The rule asks whether an image shows an animal, nothing, or cannot be judged. The roles `animal`, `empty` and `bad_quality` stand in \
         the column `role` of the taxonomy, or follow from the names under `classes:`.";
    MODEL_ENGINE = "TL0613" Error "a model that the engine cannot run",
        "`engine: tch` runs residual networks of known architecture by their weights: `weights:` of `model.yaml` names a safetensors \
         file. Models that `train` makes have one; the embedded engine runs every other.";
    RESERVED_SHORTCUT = "TL0614" Error "a key that the labelling page needs itself",
        "While labelling, `u` says unknown, `d` difficult, `r` repeats the last label, and signs do other things. A class has a letter or a \
         digit; `u` may label a class `unknown` of the programme. Without a key of its own a class gets a free one.";
    BAD_DATASET = "TL0620" Error "a part of `dataset:` that cannot be read",
        "`dataset:` describes the data set for those who get it: title, people, licences, project. Words such as roles and sampling \
         designs are those of Camtrap DP.";
    MISSING_DATASET = "TL0621" Error "a description that the data set lacks",
        "The export writes a data set for others, and its format asks who made it, when and how. All of that stands under `dataset:`.";
    BAD_TABLE = "TL0660" Error "a table of the project that a run would refuse",
        "A clock file, a manifest of names or a label file cannot be read as it is. The finding names row and column.";
    TABLE_VALUE = "TL0661" Warning "a value in a table of the project that would not count",
        "The run goes on without it: a label of a class that nobody declared, a row that cannot be read, a zone or coordinates that an export \
         cannot use.";

    // Paths and roots.
    ABSOLUTE_PATH = "TL0701" Error "a path of one machine",
        "Paths are relative to the pipeline's folder. What lies elsewhere is a root: `roots:` here, its place in `trapline.local.yaml`.";
    PATH_LEAVES = "TL0702" Error "a path that leaves the project",
        "The only way out of the project is a declared root, so that a project can be moved, committed and rerun elsewhere.";
    BACKSLASH = "TL0703" Error "a path with backslashes",
        "Write `/` between folders: it works on every system, `\\` on Windows alone.";
    UNPORTABLE_PATH = "TL0704" Warning "a path that not every system can have",
        "Windows refuses names such as `con` or `aux`, the characters `< > : \" | ? *`, and a dot or space at the end.";
    MISSING_FILE = "TL0705" Error "a file that the step reads is not there",
        "The file must exist before the run.";
    LINK_LEAVES = "TL0706" Error "a link that leaves the project",
        "The path goes through a symbolic link to a place outside the project. Declare that place as a root.";
    UNKNOWN_ROOT = "TL0707" Error "an unknown root",
        "`root:` is a root declared under `roots:`, or else a folder of the project.";
    AMBIGUOUS_ROOT = "TL0708" Error "a root that is also a folder",
        "The name is both a declared root and a folder of the project: rename one of them.";
    UNUSED_ROOT = "TL0709" Warning "a root that nothing uses",
        "The root is declared, but no step reads from it.";
    WRITTEN_TWICE = "TL0710" Error "two steps write the same file",
        "Which of them wins would depend on the order. Names that differ in case only are the same file on Windows and macOS.";
    OVERWRITES_INPUT = "TL0711" Error "a step writes a file that the pipeline reads",
        "The pipeline, its fragments, the taxonomy and the deployments are yours; a step may not replace them.";
    LOCAL_UNKNOWN_ROOT = "TL0712" Warning "trapline.local.yaml places a root that is not declared",
        "Perhaps a typing mistake, or a root of another pipeline of the same folder.";
    BAD_LOCAL = "TL0713" Error "trapline.local.yaml cannot be read",
        "`trapline.local.yaml` holds `roots:`, a mapping from a root's name to a path or a list of paths.";
    STORE_PATH = "TL0714" Error "a path inside the store",
        "`.trapline/` belongs to the program; `trapline.lock` and `models.lock` are written by it alone.";
    EMPTY_PATH = "TL0715" Error "an empty path",
        "A path has at least one name.";
    VARIABLE_IN_PLACE = "TL0745" Error "the place of a root with `~` or a variable",
        "Places in `trapline.local.yaml` are taken as they stand: neither `~` nor variables such as `$HOME` or `%USERPROFILE%` are \
         replaced, so that a pipeline does not depend on who runs it. The file is not committed: write the whole path.";
    ABSENT_FOLDER = "TL0760" Warning "a folder of images that is not there",
        "The images of this folder are not on this machine, as in a copy of the project from version control: everything else is checked, and \
         a run waits for them. `# trapline: allow TL0760 images are not committed` on the line says that it is meant so.";
    UNREADABLE_INPUT = "TL0775" Error "a folder that the step reads cannot be listed",
        "What cannot be read must not count as absent: labels would leave the results, and names would be given anew. Make the folder \
         readable, connect the disk that a link leads to, or correct the path.";
    RESERVED_PLACE = "TL0776" Error "a step writes where people's work or originals lie",
        "Results never lie among labels, originals, seals, models or the history of git: an export removes its own files again, and \
         what lies beside them would be hard to tell from them.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].code.id < pair[1].code.id));
    }

    #[test]
    fn a_code_is_found_in_any_case() {
        assert_eq!(find("tl0412").map(|e| e.code), Some(MISSING_COLUMN));
        assert_eq!(find("TL9999"), None);
    }
}
