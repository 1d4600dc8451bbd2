//! The steps that add a module, each left out in turn: `offshoot check` names the forgotten place and the text to add.
//!
//! The module is the smallest one under another name, as in `.ci/new-module`, which also compiles it.

use offshoot_check::{File, Layout, Project};

use crate::sources::files;

const WIRING: &str = "app/src/wiring.rs";
const MANIFEST: &str = "app/Cargo.toml";
const LINE: &str = "    reviews: reviews_api::v1::ReviewsApi, \"reviews\", \"reviews-stub\", subscribes_to [orders];\n";

/// A step: in the file at `path`, `added` follows the line that begins with `after`.
struct Step {
    path: &'static str,
    after: &'static str,
    added: &'static str,
}

/// The steps in existing files.
const STEPS: [Step; 9] = [
    Step {
        path: WIRING,
        after: "    reporting: ",
        added: LINE,
    },
    Step {
        path: MANIFEST,
        after: "notifications = { path",
        added: "reviews = { path = \"../modules/reviews\", optional = true }\n",
    },
    Step {
        path: MANIFEST,
        after: "notifications-api = { path",
        added: "reviews-api = { path = \"../modules/reviews/api\", optional = true }\n",
    },
    Step {
        path: MANIFEST,
        after: "notifications = [",
        added: "reviews = [\"dep:reviews\", \"reviews-stub\", \"orders-stub\"]\n",
    },
    Step {
        path: MANIFEST,
        after: "notifications-stub = [",
        added: "reviews-stub = [\"dep:reviews-api\"]\n",
    },
    Step {
        path: MANIFEST,
        after: "default = [",
        added: "\"reviews\", ",
    },
    Step {
        path: MANIFEST,
        after: "store = [",
        added: "\n    \"reviews-stub\",",
    },
    Step {
        path: WIRING,
        after: "    public: calls [",
        added: "reviews, ",
    },
    Step {
        path: "app/public-api/src/notices.rs",
        after: "use ",
        added: "fn reviews(api: &dyn reviews_api::v1::ReviewsApi) {}\n",
    },
];

impl Step {
    fn apply(&self, files: &mut [File]) {
        let file = files.iter_mut().find(|file| file.path == self.path);
        let text = &mut file.expect("the file of the step exists").text;
        let line = format!("\n{}", self.after);
        let begin = text.find(&line).expect("the line of the step exists") + line.len();
        // Within a list the text follows at once, and otherwise the line.
        let is_entry = self.after.ends_with('[') && !self.added.ends_with("]\n");
        let end = if is_entry {
            begin
        } else {
            begin + text[begin..].find('\n').expect("the line ends") + 1
        };
        text.insert_str(end, self.added);
    }
}

/// The new files of the module.
fn new_files(files: &[File]) -> Vec<File> {
    let rename = |text: &str| {
        text.replace("notifications", "reviews")
            .replace("Notifications", "Reviews")
    };
    // The tables are the new module's own.
    let rename_tables = |text: &str| rename(text).replace("notices", "opinions");
    let copied = files.iter().filter(|file| {
        ["modules", "migrations"]
            .iter()
            .any(|folder| file.path.starts_with(&format!("{folder}/notifications/")))
    });
    copied
        .map(|file| File::new(&rename(&file.path), &rename_tables(&file.text)))
        .collect()
}

/// The files of a project that a new module is added to.
fn project_files() -> Vec<File> {
    let folders = ["app/", "migrations/", "modules/"];
    let mut project = files();
    project.retain(|file| folders.iter().any(|folder| file.path.starts_with(folder)));
    project
}

/// Whether the declaration of a new module concerns the file. Checking the others again for each step takes long.
fn is_concerned(path: &str) -> bool {
    let is_contract = path.starts_with("modules/") && path.contains("/api/");
    is_contract
        || path.starts_with("app/public-api/")
        || path.starts_with("migrations/")
        || path.contains("/reviews/")
        || path.ends_with("/Cargo.toml")
        || path == WIRING
}

/// The project with the new module, without the new files and the steps that `is_forgotten` names, by path or number.
fn with_module(is_forgotten: impl Fn(&str, usize) -> bool) -> Vec<File> {
    let mut project = project_files();
    let new = new_files(&project);
    project.extend(new.into_iter().filter(|file| !is_forgotten(&file.path, usize::MAX)));
    for (number, step) in STEPS.iter().enumerate() {
        if !is_forgotten("", number) {
            step.apply(&mut project);
        }
    }
    project
}

/// Violations that name the new module, if these files and steps are forgotten.
fn found_without(is_forgotten: impl Fn(&str, usize) -> bool) -> Vec<String> {
    let mut project = with_module(is_forgotten);
    project.retain(|file| is_concerned(&file.path));
    violations(project, "reviews")
}

/// Violations that contain the text `about`.
fn violations(project: Vec<File>, about: &str) -> Vec<String> {
    let found = Project::from_files(Layout::default(), project).violations();
    let found = found.iter().map(ToString::to_string);
    found.filter(|found| found.contains(about)).collect()
}

/// Asserts that each expected part is in a violation, and that there are no others.
#[track_caller]
fn assert_named(found: &[String], expected: &[&str]) {
    for part in expected {
        assert!(
            found.iter().any(|found| found.contains(part)),
            "{part} is missing in {found:#?}"
        );
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn a_module_that_is_added_by_all_steps_has_no_violation() {
    assert_named(&violations(with_module(|_, _| false), ""), &[]);
}

#[test]
fn each_forgotten_step_is_named_with_the_text_to_add() {
    let expected: [&[&str]; 9] = [
        &[
            "modules/reviews is not declared: add the line `reviews: reviews_api::v1::ReviewsApi, \"reviews\", \
             \"reviews-stub\", subscribes_to [orders];` to modules!",
            "public names reviews, which is not declared",
        ],
        &["add `reviews = { path = \"../modules/reviews\", optional = true }` to [dependencies]"],
        &["add `reviews-api = { path = \"../modules/reviews/api\", optional = true }` to [dependencies]"],
        &["add `reviews = [\"dep:reviews\", \"reviews-stub\", \"orders-stub\"]` to [features]"],
        &["add `reviews-stub = [\"dep:reviews-api\"]` to [features]"],
        &["add \"reviews\" to `default`"],
        &["offshoot-public-api calls reviews: add \"reviews-stub\" to the feature store"],
        &["public calls reviews without declaring so (app/public-api/src/notices.rs:"],
        &["public declares `calls [reviews]` and no code does so as public"],
    ];
    for (number, parts) in expected.into_iter().enumerate() {
        let found = found_without(|_, step| step == number);
        assert_named(&found, parts);
        let places = [WIRING, MANIFEST].map(|path| format!("{path}:"));
        let is_placed = |found: &String| places.iter().any(|place| found.starts_with(place));
        assert!(found.iter().all(is_placed), "{found:#?}");
    }
}

#[test]
fn each_forgotten_new_file_is_named() {
    let without = |beginning: &'static str| found_without(move |path, _| path.starts_with(beginning));
    assert_named(
        &without("modules/reviews/"),
        &[
            "reviews is declared, and modules/reviews/Cargo.toml is missing",
            "public declares `calls [reviews]` and no code does so as public",
        ],
    );
    assert_named(
        &without("modules/reviews/api/src/"),
        &[
            "modules/reviews/api/src needs the trait ReviewsApi with `#[contract(name = \"reviews\", ..)]`",
            "public declares `calls [reviews]` and no code does so as public",
        ],
    );
    assert_named(
        &without("migrations/reviews/"),
        &["reviews is declared and has no migration: add SQL files to migrations/reviews"],
    );
    assert_named(
        &without("migrations/reviews/postgres/"),
        &["reviews has no migration migrations/reviews/postgres/0001_notices.sql"],
    );
}

#[test]
fn a_forgotten_subscription_is_named() {
    let mut project = with_module(|_, _| false);
    for file in project.iter_mut().filter(|file| file.path == WIRING) {
        file.text = file.text.replace(LINE, &LINE.replace(", subscribes_to [orders]", ""));
    }
    project.retain(|file| is_concerned(&file.path));
    let found = violations(project, "reviews");
    assert_named(
        &found,
        &[
            "reviews uses orders without declaring so (modules/reviews/src/notices.rs:9 names OrdersEvent): add orders to \
           `subscribes_to [..]` of reviews",
        ],
    );
}
