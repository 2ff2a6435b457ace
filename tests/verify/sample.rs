use foldback::domain::log::key_share::KeySample;
use foldback::store::compare::{key_predicate, predicate};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::database::Database;

#[tokio::test]
async fn sql_takes_the_same_ids_as_rust() {
    let database = Database::with("").await;
    let mut conn = PgConnection::connect(&database.url).await.unwrap();
    let random = (0..2_000u64).map(|n| Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes()));
    let extremes = [Uuid::nil(), Uuid::max()];
    let ids: Vec<Uuid> = random.chain((0..500u128).map(Uuid::from_u128)).chain(extremes).collect();
    for per_million in [0, 1, 5_000, 10_000, 500_000, 999_999, 1_000_000] {
        let sample = KeySample { per_million };
        let sql = format!(
            "select id from unnest($1::uuid[]) with ordinality ids (id, n) where {} order by n",
            predicate("id", sample)
        );
        let taken: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&ids).fetch_all(&mut conn).await.unwrap();
        let expected: Vec<Uuid> = ids.iter().copied().filter(|id| sample.takes(*id)).collect();
        assert_eq!(taken, expected, "{per_million} in a million");
    }
    database.drop().await;
}

#[tokio::test]
async fn sql_takes_the_same_records_by_their_keys_as_rust() {
    let database = Database::with("").await;
    let mut conn = PgConnection::connect(&database.url).await.unwrap();
    let ids = (0..200u64).map(|n| Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes()));
    let as_text = |id: Uuid| {
        let plain = id.to_string();
        [
            plain.to_uppercase(),
            id.simple().to_string(),
            id.braced().to_string(),
            id.urn().to_string(),
            format!("URN:UUID:{plain}"),
            format!("{plain}\n"),
            plain.replacen('-', "_", 1),
            format!("{{{plain}"),
            format!("{{{}}}", id.simple()),
            plain,
        ]
    };
    let odd = [&b""[..], b"\\x00", b"\xff\x00\xfe", &[0; 36], b"0123456789abcdef0123456789abcdeg"];
    let keys = ids.flat_map(as_text).map(String::into_bytes).chain(odd.map(<[u8]>::to_vec)).map(Some);
    let keys: Vec<Option<Vec<u8>>> = keys.chain([None]).collect();
    for per_million in [0, 10_000, 500_000, 1_000_000] {
        let sample = KeySample { per_million };
        let sql = format!(
            "select n from unnest($1::bytea[]) with ordinality keys (key, n) where {} order by n",
            key_predicate("key", sample)
        );
        let taken: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&keys).fetch_all(&mut conn).await.unwrap();
        let mut taken = taken.into_iter().peekable();
        for (n, key) in (1..).zip(&keys) {
            let by_sql = taken.next_if_eq(&n).is_some();
            assert_eq!(by_sql, sample.takes_key(key.as_deref()), "{key:?}, {per_million} in a million");
        }
    }
    database.drop().await;
}
