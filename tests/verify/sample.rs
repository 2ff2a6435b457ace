use foldback::domain::log::key_share::KeySample;
use foldback::store::compare::predicate;
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
