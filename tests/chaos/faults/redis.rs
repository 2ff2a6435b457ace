//! The Redis server.

use crate::chaos::trial::Trial;
use crate::support::OwnRedis;

fn redis(trial: &mut Trial) -> &mut OwnRedis {
    trial.parts.redis.as_mut().expect("the class has a Redis of its own")
}

pub async fn flush(trial: &mut Trial) {
    redis(trial).run(&["FLUSHALL"]).await;
}

/// It comes back empty.
pub async fn restart(trial: &mut Trial) {
    redis(trial).stop();
    trial.pause(0, 4_000).await;
    redis(trial).start_again().await;
}

pub async fn read_only(trial: &mut Trial) {
    redis(trial).run(&["REPLICAOF", "127.0.0.1", "1"]).await;
    trial.pause(1_000, 5_000).await;
    redis(trial).run(&["REPLICAOF", "NO", "ONE"]).await;
}

pub async fn run_out_of_memory(trial: &mut Trial) {
    redis(trial).run(&["CONFIG", "SET", "maxmemory", "1"]).await;
    trial.pause(1_000, 5_000).await;
    redis(trial).run(&["CONFIG", "SET", "maxmemory", "0"]).await;
}

pub async fn write_foreign_values(trial: &mut Trial) {
    let newer = r#"{"scheduledBacklog":99,"meta":{"generation":1,"epoch":77,"version":123456789,"asOf":""}}"#;
    let prefix = trial.stack.redis_prefix.clone();
    let key = |name: &str| format!("{prefix}{name}");
    let writes: [Vec<String>; 6] = [
        vec!["SET".into(), key("backlog"), "nonsense".into()],
        vec!["SET".into(), key("backlog"), newer.into()],
        vec!["SET".into(), key("status:replay"), "[1,2".into()],
        vec!["SET".into(), key("backlog:by_provider"), "a string".into()],
        vec!["HSET".into(), key("backlog:by_provider"), "nobody".into(), "{}".into()],
        vec!["DEL".into(), key("status:alerts"), key("backlog")],
    ];
    let write = &writes[usize::try_from(trial.below(6)).unwrap()];
    let words: Vec<&str> = write.iter().map(String::as_str).collect();
    redis(trial).run(&["DEL", words[1]]).await;
    redis(trial).run(&words).await;
}
