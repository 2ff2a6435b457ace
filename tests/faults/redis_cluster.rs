//! Redis is a cluster, and another node has the keys.

use std::time::Duration;

use foldback::domain::timestamp::Timestamp;
use foldback::domain::views::snapshot::{Content, Snapshot, Stamp};
use foldback::publish::{Link, Outcome, Publication};

use super::redis_refuses::order_with_replay;
use crate::support::log::Log;
use crate::support::views::{migrated, readyz_says};
use crate::support::{OwnCluster, PATIENCE, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_the_keys_are_written_whichever_node_is_named() {
    let cluster = OwnCluster::start().await;
    let mut stack = migrated().await;
    stack.redis_prefix = format!("{{{}}}:", stack.name);
    for (expected, url) in (1..).zip(cluster.urls()) {
        stack.servers.redis = url;
        let running = stack.run().await;
        Log::of(&stack).write(&order_with_replay(), 4).await;
        let backlog = format!("{}backlog", stack.redis_prefix);
        eventually(PATIENCE, || async {
            let text = cluster.get(&backlog).await;
            if text.contains(&format!("\"scheduledBacklog\":{expected}}}")) { Ok(()) } else { Err(text) }
        })
        .await;
        readyz_says(&running, PATIENCE, 200, r#""degraded":[]"#).await;
        running.terminate().await;
    }
}

/// While a slot is moved, the new node answers for its keys only those that say that the old one sent them.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_being_moved_are_written_and_read_where_they_are() {
    let cluster = OwnCluster::start().await;
    let keys = ["{p}:status:replay", "{p}:status:alerts", "{p}:backlog", "{p}:backlog:by_provider"];
    let publication = |version| {
        let content = Content { generation: 1, replay: None, alert: None, providers: vec![] };
        let stamp = Stamp { epoch: 1, version };
        let publication = Publication::new(&Snapshot { stamp, as_of: Timestamp::MIN, content }).unwrap();
        let text = Some(publication.backlog.clone());
        let by_provider = [("p1".to_owned(), "{}".to_owned())].into();
        Publication { replay: text.clone(), alerts: text, by_provider, ..publication }
    };
    for url in cluster.urls() {
        let mut link = Link::new(&url, "{p}:", Duration::from_secs(5)).unwrap();
        // Not all keys of a script are where it runs until they are there.
        link.put(&publication(1)).await.unwrap();
    }
    cluster.begin_to_move(&keys).await;
    for (version, url) in (2..).zip(cluster.urls()) {
        let mut link = Link::new(&url, "{p}:", Duration::from_secs(5)).unwrap();
        link.try_write().await.unwrap();
        assert_eq!(link.put(&publication(version)).await.unwrap(), Outcome::Written, "{url}");
        assert!(link.check(&publication(version)).await.unwrap(), "{url}");
        assert_eq!(link.missing_rights().await.unwrap(), Some([].into()), "{url}");
    }
}
