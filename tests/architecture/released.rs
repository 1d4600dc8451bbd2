//! Released contract descriptions, `modules/<name>/api/contract/v<major>.<minor>.json`, are never edited and never
//! broken, and each contract version has one.

use offshoot_tests::run_offshoot;

use crate::sources::root;

#[tokio::test]
async fn each_contract_is_released_and_keeps_the_released_descriptions() {
    let modules = root().join("modules");
    let modules = modules.to_str().expect("the project's path is UTF-8");
    let released = run_offshoot(&["contract", "release", "--check", "--released", modules])
        .await
        .expect_success();
    let lines: Vec<_> = released.stdout.lines().collect();
    assert_eq!(lines.len(), offshoot_tests::MODULES.len(), "{}", released.stdout);
}
