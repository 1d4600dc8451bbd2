//! Baselines recognize known violations after code moved, and report new and stale ones.

use offshoot_check::{Baseline, File, Layout, Project, Violation};

fn violations(text: &str) -> Vec<Violation> {
    let files = vec![File::new("modules/a/src/lib.rs", text)];
    Project::from_files(Layout::default(), files).violations()
}

#[test]
fn known_violations_may_move_and_do_not_hide_new_ones() {
    let written = Baseline::render(&violations(
        "static A: Mutex<u8> = 0;\nconst SQL: &str = \"SELECT 1\";\n",
    ));
    let lines: Vec<_> = written.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 2, "{written}");
    assert!(
        lines
            .iter()
            .all(|line| !line.contains(":1") && line.contains(" modules/a/src/lib.rs "))
    );

    let moved = violations("\n\n//! Moved.\nconst SQL: &str = \"SELECT 1\";\nstatic A: Mutex<u8> = 0;\n".trim_start());
    let compared = Baseline::parse(&written).compare(moved);
    assert_eq!(
        (compared.new.len(), compared.known.len(), compared.stale.len()),
        (0, 2, 0)
    );

    // A second violation with the same text is new.
    let twice =
        violations("static A: Mutex<u8> = 0;\nconst SQL: &str = \"SELECT 1\";\nconst B: &str = \"SELECT 2\";\n");
    let compared = Baseline::parse(&written).compare(twice);
    let new: Vec<_> = compared.new.iter().map(ToString::to_string).collect();
    assert_eq!(new, ["modules/a/src/lib.rs:3: sql: SELECT outside of sql!"]);

    let fixed = violations("const SQL: &str = \"SELECT 1\";\n");
    let compared = Baseline::parse(&written).compare(fixed);
    assert_eq!(compared.new, []);
    assert_eq!(compared.stale.len(), 1);
    assert!(
        compared.stale[0].starts_with("state modules/a/src/lib.rs `A` keeps a Mutex"),
        "{:?}",
        compared.stale
    );
}

#[test]
fn an_empty_baseline_has_no_entries() {
    assert_eq!(Baseline::parse(&Baseline::render(&[])), Baseline::default());
    assert_eq!(Baseline::parse("# a comment\n\n   \n"), Baseline::default());
}
