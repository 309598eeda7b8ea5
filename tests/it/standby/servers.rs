//! PostgreSQL as people run it: one cluster with many oddly set databases and roles. What the bot needs it sets for its
//! sessions; what it cannot work with it says in words, and never the password.

use std::time::Duration;

use futures::future::join_all;
use testkit::{
    postgres::Cluster,
    world::{Buyer, Ran, World},
};
use tokio::net::TcpListener;

use crate::standby::{cluster, stands_by, world_on};

/// An empty database that belongs to a role of the same name.
pub(super) fn own(cluster: &Cluster, name: &str) -> String {
    assert!(cluster.psql(&format!("CREATE ROLE {name} LOGIN PASSWORD 'hush-hush'")));
    assert!(cluster.psql(&format!("CREATE DATABASE {name} OWNER {name}")));
    cluster.address(&format!("{name}:hush-hush"), name)
}

/// A start that ends with a reason.
pub(super) async fn start_on(url: &str) -> Ran {
    let mut world = World::new().await;
    world.set("DATABASE_URL", url);
    let ran = tokio::time::timeout(testkit::world::PATIENCE, world.run(&["run"])).await;
    let ran = ran.unwrap_or_else(|_| panic!("it waits on {url}"));
    let said = ran.said();
    assert!(!said.contains("hush-hush") && !said.contains("panicked"), "{said}");
    ran
}

pub(super) async fn leaves_a_request(world: &mut World, name: &str) -> Buyer {
    let mut buyer = world.buyer(name);
    let number = buyer.leaves_a_request().await;
    world.delivered(&number).await;
    buyer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bot_cannot_work_with_is_told_in_words() {
    let Some(cluster) = cluster().await else { return };
    let url = own(&cluster, "plain");
    for (name, encoding) in [("latin", "LATIN1"), ("cyrillic", "WIN1251"), ("ascii", "SQL_ASCII")] {
        assert!(cluster.psql(&format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        )));
    }
    let web = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let web_port = web.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = web.accept().await {
            let _ = stream.try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let files = tempfile::tempdir().expect("a folder");
    let empty = files.path().join("empty.pem");
    std::fs::write(&empty, "nothing").expect("a file");
    let with = |statement: &str, name: &str| {
        let url = own(&cluster, name);
        assert!(cluster.psql(statement), "{statement}");
        url
    };
    let cases = [
        (cluster.address("postgres", "latin"), "LATIN1"),
        (cluster.address("postgres", "cyrillic"), "WIN1251"),
        (cluster.address("postgres", "ascii"), "SQL_ASCII"),
        (with("ALTER DATABASE readonly SET default_transaction_read_only = on", "readonly"), "only be read"),
        (with("ALTER ROLE reader SET default_transaction_read_only = on", "reader"), "only be read"),
        (with("ALTER ROLE pathless SET search_path = ''", "pathless"), "search_path"),
        (with("ALTER DATABASE elsewhere SET search_path = missing", "elsewhere"), "search_path"),
        (with("ALTER ROLE few CONNECTION LIMIT 3", "few"), "at least 4"),
        (with("ALTER ROLE single CONNECTION LIMIT 1", "single"), "at least 4"),
        (with("ALTER DATABASE narrow CONNECTION LIMIT 2", "narrow"), "at least 4"),
        (with("ALTER DATABASE barred OWNER TO postgres", "barred"), "GRANT CREATE ON SCHEMA public"),
        (url.replace("plain:", "nobody:"), "nobody"),
        (with("ALTER ROLE keyless NOLOGIN", "keyless"), "keyless"),
        (url.replace("/plain", "/missing"), "missing"),
        (format!("{url}?sslmode=requir"), "sslmode"),
        (format!("{url}?sslmode=require"), "sslmode"),
        (format!("{url}?sslmode=verify-full&sslrootcert=/missing/root.crt"), "/missing/root.crt"),
        (format!("{url}?sslrootcert={}", empty.display()), "certificate"),
        (url.replace("hush-hush@", "hush-hush#1@"), "%23"),
        (format!("postgres://plain:hush-hush@127.0.0.1:{web_port}/plain"), "no PostgreSQL"),
    ];
    let ran = join_all(cases.iter().map(|(url, _)| start_on(url))).await;
    for ((url, told), ran) in cases.iter().zip(ran) {
        let said = ran.ended_with(78).stderr;
        assert!(said.contains("DATABASE_URL: ") && said.contains(told), "{url}: {said}");
    }
    // A command is told the same.
    let mut world = World::new().await;
    world.set("DATABASE_URL", cluster.address("postgres", "latin"));
    let said = world.run(&["status"]).await.ended_with(78).said();
    assert!(said.contains("DATABASE_URL: ") && said.contains("LATIN1"), "{said}");
    let said = world.run(&["move-store", "--from", &cases[7].0, "--to", &url]).await.ended_with(78).said();
    assert!(said.contains("--from: ") && said.contains("at least 4") && !said.contains("hush-hush"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_and_a_closed_door_are_told_in_words() {
    let Some(cluster) = cluster().await else { return };
    let url = own(&cluster, "guarded");
    let rules =
        "local all all trust\nhost guarded guarded 127.0.0.1/32 scram-sha-256\nhost postgres all 127.0.0.1/32 reject\n";
    std::fs::write(cluster.folder().join("data/pg_hba.conf"), rules).expect("its rules");
    assert!(cluster.psql("SELECT pg_reload_conf()"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    for (url, told) in [
        (url.replace("hush-hush", "hush-hush2"), "password"),
        (url.replace(":hush-hush@", "@"), "password"),
        (cluster.address("postgres:hush-hush", "postgres"), "pg_hba.conf"),
    ] {
        let said = start_on(&url).await.ended_with(78).stderr;
        assert!(said.contains("DATABASE_URL: ") && said.contains(told), "{said}");
    }
    let mut world = world_on(&url).await;
    world.start();
    leaves_a_request(&mut world, "Иван").await;
    // Who changes it while the bot works may change it back: that is waited for, and the admin is told.
    assert!(cluster.psql("ALTER ROLE guarded PASSWORD 'other'"));
    assert!(cluster.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guarded'"));
    world.admin_reads("не может сохранять").await;
    assert!(cluster.psql("ALTER ROLE guarded PASSWORD 'hush-hush'"));
    world.admin_reads("снова сохраняет").await;
    leaves_a_request(&mut world, "Мария").await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    world.keeps_secrets(&world.log());
    assert!(!world.log().contains("hush-hush"));
}

/// Everything that a database or a role may set differently and that a session can set back.
const ODD: &[&str] = &[
    "default_transaction_isolation = serializable",
    "default_transaction_deferrable = on",
    "statement_timeout = '50ms'",
    "lock_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '20ms'",
    "idle_session_timeout = '300ms'",
    "standard_conforming_strings = off",
    "client_encoding = LATIN1",
    "client_min_messages = debug1",
    "synchronous_commit = off",
    "datestyle = 'SQL, DMY'",
    "timezone = 'Asia/Vladivostok'",
    "bytea_output = escape",
    "search_path = \"Bot's\", public",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_buyers_on_an_oddly_set_database_notice_nothing() {
    let Some(cluster) = cluster().await else { return };
    let url = own(&cluster, "odd");
    assert!(cluster.psql_in("odd", "CREATE SCHEMA \"Bot's\" AUTHORIZATION odd"));
    for setting in ODD {
        assert!(cluster.psql(&format!("ALTER ROLE odd SET {setting}")), "{setting}");
    }
    let mut world = world_on(&url).await;
    world.amocrm.rate_limit(None);
    world.set("AMOCRM_REQUESTS_PER_SECOND", "200");
    world.start();
    let buyers: Vec<Buyer> = (0..60).map(|at| world.buyer(&format!("Покупатель {at}"))).collect();
    let buyers = join_all(buyers.into_iter().map(|mut buyer| async move {
        buyer.leaves_a_request().await;
        buyer
    }))
    .await;
    world.until("all is delivered", |world| world.amocrm.leads().len() == 60).await;
    world.until("all have notes", |world| world.amocrm.leads().iter().all(|lead| lead.notes.len() == 1)).await;
    world.nothing_owed().await;
    assert_eq!(world.admin_has("не может сохранять"), 0, "{}", world.log());
    for buyer in &buyers {
        for words in ["номер телефона", "принята"] {
            assert_eq!(buyer.has(words), 1, "{words}");
        }
    }
    let sessions = "SELECT 1 / (count(*) FILTER (WHERE application_name = 'amocrm-lead-bot') - 1) FROM pg_stat_activity \
                    WHERE usename = 'odd'";
    assert!(cluster.psql(sessions), "every session has its name");
    assert!(cluster.psql_in("odd", "SELECT 1 / count(*) FROM \"Bot's\".leads"), "the schema that the operator chose");
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
}

/// Ends every fifth write for the sake of another transaction, as a busy server does; what counts them survives.
const CONFLICTS: &str = "CREATE SEQUENCE turns; GRANT ALL ON SEQUENCE turns TO PUBLIC; \
     CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE turn bigint := nextval('turns'); BEGIN \
     IF turn % 5 = 0 THEN RAISE EXCEPTION 'in the way' USING ERRCODE = CASE WHEN turn % 2 = 0 THEN '40001' ELSE '40P01' END; \
     END IF; RETURN NULL; END $$; \
     CREATE TRIGGER conflict AFTER INSERT OR UPDATE OR DELETE ON dialogues EXECUTE FUNCTION conflict(); \
     CREATE TRIGGER conflict AFTER INSERT OR UPDATE OR DELETE ON leads EXECUTE FUNCTION conflict(); \
     CREATE TRIGGER conflict AFTER INSERT OR UPDATE OR DELETE ON messages EXECUTE FUNCTION conflict(); \
     CREATE TRIGGER conflict AFTER INSERT OR UPDATE OR DELETE ON marks EXECUTE FUNCTION conflict()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_ended_for_another_is_done_again_unnoticed() {
    let Some(cluster) = cluster().await else { return };
    let url = own(&cluster, "busy");
    let mut world = world_on(&url).await;
    assert_eq!(world.run(&["status"]).await.code, Some(0), "the tables are there");
    assert!(cluster.psql_in("busy", CONFLICTS));
    world.start();
    for name in ["Иван", "Мария"] {
        let buyer = leaves_a_request(&mut world, name).await;
        assert_eq!(buyer.has("принята"), 1);
    }
    world.nothing_owed().await;
    assert_eq!(world.admin_has("не может сохранять"), 0, "{}", world.log());
    assert!(cluster.psql_in("busy", "SELECT 1 / (last_value / 20) FROM turns"), "there were conflicts");
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_refuses_for_its_content_is_set_aside_and_holds_nobody_up() {
    let Some(cluster) = cluster().await else { return };
    let url = own(&cluster, "picky");
    let mut world = world_on(&url).await;
    assert_eq!(world.run(&["status"]).await.code, Some(0), "the tables are there");
    // As a database in another encoding would: the sign is refused wherever it stands, also among what is set aside.
    for (table, column) in [("dialogues", "draft"), ("set_aside", "body")] {
        let check = format!("ALTER TABLE {table} ADD CHECK ({column} NOT LIKE '%😀%')");
        assert!(cluster.psql_in("picky", &check));
    }
    world.start();
    let mut ivan = world.buyer("Иван");
    let mut maria = world.buyer("Мария");
    ivan.begins().await;
    // One batch: what is wrong comes first, so what follows comes again with it.
    ivan.user.say("Иван 😀");
    maria.user.say("/start");
    ivan.hears("Не получилось").await;
    let waiting = "SELECT 1 / count(*) FROM set_aside WHERE body LIKE '%ud83d%'";
    assert!(cluster.psql_in("picky", waiting), "kept whole, in ASCII");
    maria.hears("зовут").await;
    assert_eq!(maria.has("зовут"), 1, "answered once, however often the batch came");
    maria.leaves_a_request().await;
    ivan.says("Иван Петров", "номер телефона").await;
    assert_eq!(world.admin_has("не может сохранять"), 0, "{}", world.log());
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_with_few_rights_and_four_connections_is_enough() {
    let Some(cluster) = cluster().await else { return };
    let url = own(&cluster, "modest");
    let mut world = world_on(&url).await;
    assert_eq!(world.run(&["status"]).await.code, Some(0), "the tables are there");
    assert!(cluster.psql("ALTER DATABASE modest OWNER TO postgres"));
    assert!(cluster.psql_in("modest", "REVOKE CREATE ON SCHEMA public FROM PUBLIC, modest"));
    for statement in [
        "REASSIGN OWNED BY modest TO postgres",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO modest",
        "ALTER ROLE modest CONNECTION LIMIT 4",
    ] {
        assert!(cluster.psql_in("modest", statement), "{statement}");
    }
    world.start();
    leaves_a_request(&mut world, "Иван").await;
    let mut second = world.beside();
    stands_by(&mut second).await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    leaves_a_request(&mut second, "Мария").await;
    second.run(&["status"]).await.ended_with(0);
    assert_eq!(second.admin_has("не может сохранять"), 0, "{}", second.log());
    assert_eq!(second.terminate().await, Some(0), "{}", second.log());
    assert!(cluster.psql_in("modest", "REVOKE UPDATE ON leads FROM modest"));
    let said = start_on(&url).await.ended_with(78).stderr;
    assert!(said.contains("leads") && said.contains("GRANT SELECT"), "{said}");
}
