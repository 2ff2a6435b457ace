//! What an operator decided on a dead letter holds in every generation.

use foldback::store::Generation;
use foldback::store::decisions::discards;

use crate::operate::copy::{copy_of_gen_1, cut_over, roll_back};
use crate::operate::log::{execute, folded, number, publish_nonsense, stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_dead_letter_is_closed_in_every_generation() {
    let stack = stack().await;
    let offsets = [publish_nonsense(&stack, 0).await, publish_nonsense(&stack, 1).await];
    let running = stack.run().await;
    folded(&stack, 1).await;
    // What follows moves checkpoints by hand, under no instance.
    running.terminate().await;
    let mut conn = stack.postgres().await;
    let next = copy_of_gen_1(&mut conn).await;
    let id = number(&mut conn, "select id from foldback.dead_letters where partition = 1").await.to_string();

    let discard = |why: &'static str| ["dead-letters", "discard", &id, "--why", why, "--json"].map(str::to_owned);
    for why in ["a test", "a test of ours"] {
        let args = discard(why);
        let done = stack.foldback(&args.each_ref().map(String::as_str)).await.exits(0).json();
        assert_eq!((&done["partition"], &done["offset"], &done["why"]), (&1.into(), &offsets[1].into(), &why.into()));
    }
    assert_eq!(number(&mut conn, "select count(*) from foldback.discards").await, 1);
    let shown = stack.foldback(&["dead-letters", "show", &id]).await.exits(0).stdout;
    assert!(shown.contains("a test of ours"), "{shown}");
    let open = stack.foldback(&["dead-letters", "list", "--json"]).await.exits(0).json();
    assert_eq!(open.as_array().unwrap().len(), 1);
    let all = stack.foldback(&["dead-letters", "list", "--all"]).await.exits(0).stdout;
    assert!(all.contains("discarded: a test of ours") && all.contains("  open  "), "{all}");

    let nobody = stack.foldback(&["dead-letters", "discard", "4711", "--why", "x"]).await.exits(1);
    assert!(nobody.stderr.contains("no dead letter 4711; see `foldback dead-letters list`"), "{}", nobody.stderr);
    stack.foldback(&["dead-letters", "discard", &id]).await.exits(2);

    // The copy was made before: a cut-over closes it there, and a rollback what was decided since.
    assert_eq!(number(&mut conn, "select count(*) from gen_2.dead_letters where discarded_at is null").await, 2);
    assert_eq!(discards::apply(&mut conn, next).await.unwrap(), 1);
    assert_eq!(discards::apply(&mut conn, next).await.unwrap(), 0, "applying twice is harmless");
    cut_over(&mut conn, next).await;
    let other = number(&mut conn, "select id from foldback.dead_letters where partition = 0").await.to_string();
    stack.foldback(&["dead-letters", "discard", &other, "--why", "too"]).await.exits(0);
    execute(&mut conn, "delete from gen_1.dead_letters where partition = 1").await;
    // A record that a generation meets after the decision is closed at once.
    execute(&mut conn, &format!("update gen_1.checkpoints set next_offset = {} where partition = 1", offsets[1])).await;
    roll_back(&mut conn, Generation(1)).await;
    let running = stack.run().await;
    folded(&stack, 1).await;
    assert_eq!(number(&mut conn, "select count(*) from gen_1.dead_letters").await, 2);
    assert_eq!(number(&mut conn, "select count(*) from gen_1.dead_letters where discarded_at is null").await, 0);
    running.terminate().await;
}
