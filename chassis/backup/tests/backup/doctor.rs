//! What the doctor finds, and the command that it names.

use offshoot_backup::{Examined, Weight};
use offshoot_testkit::{Fresh, on_both_engines};

use crate::world::World;

on_both_engines! {
    a_sound_pair_is_healthy,
    another_log_is_found_with_its_command,
    what_is_wrong_with_one_module_is_found,
}

fn problems(examined: &Examined) -> Vec<String> {
    let problems = examined
        .findings
        .iter()
        .filter(|finding| finding.weight == Weight::Problem);
    problems
        .map(|finding| {
            let command = finding.command.as_deref().unwrap_or_default();
            format!("{}: {} {command}", finding.module, finding.what)
        })
        .collect()
}

async fn a_sound_pair_is_healthy(place: Fresh) {
    let world = World::that_heard(place, &[1]).await;
    world.place.administer("ledger", "DELETE FROM offshoot_replicas").await;
    let examined = world.examine().await;
    assert!(examined.is_healthy(), "{examined:?}");
    assert_eq!(examined.modules, ["ledger", "depot"]);
}

async fn another_log_is_found_with_its_command(place: Fresh) {
    let world = World::that_heard(place, &[1, 2]).await;
    world.create("b").await.unwrap();
    world.replace("b", &["depot"]).await;
    let examined = world.examine().await;
    let problems = problems(&examined);
    assert!(
        problems
            .iter()
            .any(|what| what.contains("listener has read another log than depot has now")
                && what.ends_with("offshoot events replay listener --from 3")),
        "{problems:?}"
    );
}

async fn what_is_wrong_with_one_module_is_found(place: Fresh) {
    let world = World::that_heard(place, &[1, 2]).await;
    // The process that was killed has left its row; the others are set up by hand.
    for (module, sql) in [
        ("depot", "UPDATE offshoot_owner SET role = 'fenced'"),
        ("ledger", "UPDATE offshoot_cursors SET position = 9"),
        ("ledger", "UPDATE offshoot_cursors SET held = 'as it was told'"),
    ] {
        world.place.administer(module, sql).await;
    }
    let examined = world.examine().await;
    let problems = problems(&examined);
    for part in [
        "depot: takes no writes: this database's role is `fenced`",
        "ledger: listener stands at 9 and the log of depot ends at 2 offshoot events replay listener --from 3",
        "holds: as it was told",
        "ledger: the process at process ",
    ] {
        assert!(problems.iter().any(|what| what.contains(part)), "{part}: {problems:?}");
    }
}
