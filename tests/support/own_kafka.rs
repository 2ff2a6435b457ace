use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::types::RDKafkaErrorCode;
use tempfile::TempDir;

use super::command::signal;
use super::eventually::eventually;
use super::kafka_files::{
    ATTRIBUTES, CONTROL, CRC, TRANSACTIONAL, batch, batches, copies, crc32c, forget_aborted, segments,
};
use super::proxy::Proxy;
use super::{PATIENCE, Servers, admin, free_address};

/// A broker for one test alone, which may stop it, restart it and harm its log between the two. Dropping it ends it.
pub struct OwnKafka {
    process: Option<Child>,
    directory: TempDir,
    address: String,
}

impl OwnKafka {
    pub async fn start() -> Self {
        Self::start_with("", &Listener::default(), &[]).await
    }

    /// It grants everything that no ACL forbids; see [`OwnKafka::forbid`].
    pub async fn with_acls() -> Self {
        let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
        let settings = format!("authorizer.class.name={authorizer}\nallow.everyone.if.no.acl.found=true\n");
        Self::start_with(&settings, &Listener::default(), &[]).await
    }

    /// With a proxy in front of a listener of its own, by which whoever begins there stays.
    pub async fn with_proxy() -> (Self, Proxy) {
        let listener = free_address();
        let proxy = Proxy::to(&listener).await;
        (Self::start_with("", &proxied(&listener, proxy.url()), &[]).await, proxy)
    }

    /// With further settings, which win over the kit's own, and what the formatting of its storage is told.
    pub(super) async fn start_with(settings: &str, listener: &Listener, format: &[&str]) -> Self {
        let (directory, address) = (tempfile::tempdir().unwrap(), free_address());
        write_settings(directory.path(), &address, listener, settings);
        format_storage(directory.path(), format);
        let mut kafka = Self { process: None, directory, address };
        kafka.start_again().await;
        kafka
    }

    /// At the same address, with the same log.
    pub async fn start_again(&mut self) {
        self.process = Some(serve(self.directory.path()));
        // It answers before it can make topics.
        eventually(PATIENCE, || async {
            let topic = NewTopic::new("ready", 1, TopicReplication::Fixed(1));
            match admin(&self.address).create_topics(&[topic], &AdminOptions::new()).await.map(|made| made[0].clone()) {
                Ok(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
                other => Err(other),
            }
        })
        .await;
    }

    /// `add` or `remove` a rule that forbids everybody `operation` on a topic or group, such as `["--topic", "orders"]`.
    pub fn forbid(&self, verb: &str, operation: &str, resource: [&str; 2]) {
        let mut command = java(self.directory.path(), "128m");
        command.args(["org.apache.kafka.tools.AclCommand", "--bootstrap-server", &self.address, "--force"]);
        command.args([&format!("--{verb}"), "--deny-principal", "User:*", "--operation", operation]).args(resource);
        let done = command.output().expect("java is on the PATH");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// In order, so that it doesn't go over its log when it starts again.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            signal(process.id(), "TERM");
            process.wait().unwrap();
        }
    }

    /// While it is stopped: a copy of everything that it has on its disk.
    pub fn snapshot(&self) {
        copy_all(&self.directory.path().join("log"), &self.directory.path().join("snapshot"));
    }

    /// While it is stopped: back to the copy, as when a volume is restored.
    pub fn restore_snapshot(&self) {
        fs::remove_dir_all(self.directory.path().join("log")).unwrap();
        copy_all(&self.directory.path().join("snapshot"), &self.directory.path().join("log"));
    }

    /// As a crash: what it had told to its operating system is still written.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// The shared servers with this broker in place of theirs.
    pub fn servers(&self) -> Servers {
        Servers { kafka: self.address.clone(), ..Servers::from_env() }
    }

    /// First offsets of a partition's batches, in the order of the log.
    pub fn batch_offsets(&self, topic: &str, partition: i32) -> Vec<i64> {
        batches(&self.folder(topic, partition)).iter().map(|batch| batch.first_offset).collect()
    }

    /// Those of them before which no transaction is open, given that there is one at a time: a log that is cut off elsewhere
    /// has one that nobody ends, and the next marker of its producer would decide it.
    pub fn stable_offsets(&self, topic: &str, partition: i32) -> Vec<i64> {
        let batches = batches(&self.folder(topic, partition));
        let opens = batches.iter().map(|batch| batch.attributes & (TRANSACTIONAL | CONTROL) == TRANSACTIONAL);
        let is_open = std::iter::once(false).chain(opens);
        batches.iter().zip(is_open).filter(|(_, is_open)| !is_open).map(|(batch, _)| batch.first_offset).collect()
    }

    /// The offsets at which a partition's log holds records that anybody may read, by its files alone.
    pub fn committed_offsets(&self, topic: &str, partition: i32) -> BTreeSet<i64> {
        let (mut committed, mut open) = (BTreeSet::new(), BTreeMap::<i64, Vec<i64>>::new());
        for batch in batches(&self.folder(topic, partition)) {
            let offsets = batch.first_offset..=batch.last_offset;
            match batch.attributes & (TRANSACTIONAL | CONTROL) {
                0 => committed.extend(offsets),
                TRANSACTIONAL => open.entry(batch.producer_id).or_default().extend(offsets),
                _ if batch.commits => committed.extend(open.remove(&batch.producer_id).unwrap_or_default()),
                _ => drop(open.remove(&batch.producer_id)),
            }
        }
        committed
    }

    /// While it is stopped: cuts a partition's log off before the batch with this first offset, as a leader that was never
    /// a full replica would.
    pub fn truncate(&self, topic: &str, partition: i32, offset: i64) {
        let folder = self.folder(topic, partition);
        let batch = batch(&folder, offset);
        OpenOptions::new().write(true).open(&batch.segment).unwrap().set_len(batch.at as u64).unwrap();
        forget_aborted(&batch.segment.with_extension("txnindex"), offset);
        for later in segments(&folder).into_iter().filter(|segment| *segment > batch.segment) {
            fs::remove_file(&later).unwrap();
            let _ = fs::remove_file(later.with_extension("txnindex"));
        }
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // What the broker rebuilds from the segments.
            if path.extension().is_some_and(|kind| kind == "index" || kind == "timeindex" || kind == "snapshot") {
                fs::remove_file(path).unwrap();
            }
        }
        // It goes over its log, so that it knows of transactions as they are now.
        let _ = fs::remove_file(self.directory.path().join("log/.kafka_cleanshutdown"));
    }

    /// What it has said, over all its lives.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("kafka.log")).unwrap_or_default()
    }

    /// While it is stopped: changes the last byte of the batch with this first offset.
    pub fn flip_a_bit(&self, topic: &str, partition: i32, offset: i64) {
        self.change(topic, partition, offset, |batch| {
            let last = batch.len() - 1;
            batch[last] ^= 1;
        });
    }

    /// While it is stopped: declares the batch with this first offset to be compressed in a way that nobody knows, with a
    /// checksum that agrees.
    pub fn compress_oddly(&self, topic: &str, partition: i32, offset: i64) {
        self.change(topic, partition, offset, |batch| {
            batch[ATTRIBUTES + 1] |= 7;
            let checksum = crc32c(&batch[ATTRIBUTES..]);
            batch[CRC..ATTRIBUTES].copy_from_slice(&checksum.to_be_bytes());
        });
    }

    /// While it is stopped. What was there is kept for `restore`.
    fn change(&self, topic: &str, partition: i32, offset: i64, change: impl FnOnce(&mut [u8])) {
        let folder = self.folder(topic, partition);
        let batch = batch(&folder, offset);
        let mut bytes = fs::read(&batch.segment).unwrap();
        let place = batch.at..batch.at + batch.size;
        fs::create_dir_all(copies(&folder)).unwrap();
        let copy = format!("{}@{}", batch.segment.file_name().unwrap().to_string_lossy(), batch.at);
        fs::write(copies(&folder).join(copy), &bytes[place.clone()]).unwrap();
        change(&mut bytes[place]);
        fs::write(&batch.segment, &bytes).unwrap();
    }

    /// While it is stopped: restores what `flip_a_bit` or `compress_oddly` has changed, and nothing else: the broker may have
    /// ended transactions behind it since.
    pub fn restore(&self, topic: &str, partition: i32) {
        let folder = self.folder(topic, partition);
        for entry in fs::read_dir(copies(&folder)).unwrap().map(Result::unwrap) {
            let (name, batch) = (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
            let (segment, at) = name.split_once('@').unwrap();
            let mut segment = OpenOptions::new().write(true).open(folder.join(segment)).unwrap();
            segment.seek(SeekFrom::Start(at.parse().unwrap())).unwrap();
            segment.write_all(&batch).unwrap();
            fs::remove_file(entry.path()).unwrap();
        }
    }

    fn folder(&self, topic: &str, partition: i32) -> PathBuf {
        self.directory.path().join("log").join(format!("{topic}-{partition}"))
    }
}

impl Drop for OwnKafka {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Fails only where it has ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.path().is_dir() {
            true => copy_all(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// Further listeners: where they listen, and where clients find them. Each is `,NAME://host:port`.
#[derive(Default)]
pub(super) struct Listener {
    pub listens: String,
    pub advertised: String,
}

fn proxied(listens: &str, advertised: &str) -> Listener {
    Listener { listens: format!(",PROXIED://{listens}"), advertised: format!(",PROXIED://{advertised}") }
}

fn write_settings(directory: &Path, address: &str, listener: &Listener, more: &str) {
    let (controller, log) = (free_address(), directory.join("log"));
    let settings = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@{controller}\n\
         listeners=PLAINTEXT://{address},CONTROLLER://{controller}{}\nadvertised.listeners=PLAINTEXT://{address}{}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\ncontroller.listener.names=CONTROLLER\nlog.dirs={}\nauto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=1\ngroup.initial.rebalance.delay.ms=0\n{more}",
        listener.listens,
        listener.advertised,
        log.display()
    );
    fs::write(directory.join("server.properties"), settings).unwrap();
    let logging = "status=error\nrootLogger.level=warn\nrootLogger.appenderRef.out.ref=out\n\
                   appender.out.type=Console\nappender.out.name=out\nappender.out.layout.type=PatternLayout\n\
                   appender.out.layout.pattern=%d{ISO8601} %p %m (%c)%n\n";
    fs::write(directory.join("log4j2.properties"), logging).unwrap();
}

/// What the tool writes is the same for every broker that it is told no more of, and it takes seconds: it runs once.
fn format_storage(directory: &Path, more: &[&str]) {
    static FORMATTED: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
    if !more.is_empty() {
        return run_format(directory, more);
    }
    let log = directory.join("log");
    let formatted = FORMATTED.get_or_init(|| {
        run_format(directory, &[]);
        let files = fs::read_dir(&log).unwrap().map(Result::unwrap);
        files.map(|file| (file.file_name(), fs::read(file.path()).unwrap())).collect()
    });
    fs::create_dir_all(&log).unwrap();
    for (name, bytes) in formatted {
        fs::write(log.join(name), bytes).unwrap();
    }
}

fn run_format(directory: &Path, more: &[&str]) {
    let id = "Zm9sZGJhY2stdGVzdHMtMQ";
    let mut command = java(directory, "256m");
    command.args(["kafka.tools.StorageTool", "format", "--cluster-id", id, "--config"]);
    let formatted = command.arg(directory.join("server.properties")).args(more).output().expect("java is on the PATH");
    let text = String::from_utf8_lossy(&formatted.stderr);
    assert!(formatted.status.success(), "Kafka formats its directory: {text}");
}

fn serve(directory: &Path) -> Child {
    let mut log = File::options().create(true).append(true).open(directory.join("kafka.log")).unwrap();
    writeln!(log, "starting").unwrap();
    let mut command = java(directory, "512m");
    command.arg("kafka.Kafka").arg(directory.join("server.properties"));
    command.stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null()).spawn().expect("java is on the PATH")
}

fn java(directory: &Path, memory: &str) -> Command {
    let mut command = Command::new("java");
    command.arg(format!("-Xmx{memory}")).arg("-XX:+UseSerialGC").arg("-XX:TieredStopAtLevel=1");
    command.arg(format!("-Dlog4j2.configurationFile={}", directory.join("log4j2.properties").display()));
    let jars = jars();
    let classes = jars.join("classes.jsa");
    if classes.exists() {
        command.arg(format!("-XX:SharedArchiveFile={}", classes.display()));
    }
    command.arg("-cp").arg(format!("{}/*", jars.display())).current_dir(directory);
    command
}

/// Where dev/stack keeps them.
fn jars() -> PathBuf {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join(".stack/cache");
    let found = fs::read_dir(&cache).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let kafka = found.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kafka-")));
    kafka.max().unwrap_or_else(|| panic!("no Kafka in {}: run ./dev/test once, which fetches it", cache.display()))
}
