use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Config, Vec<ConfigProblem>> {
    Config::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

const TOKEN: (&str, &str) = ("BOT_TOKEN", "123456:AAbb_cc-dd");

#[test]
fn who_may_act_in_a_group_is_a_list_of_people() {
    let read = |ids: &str, chat: &str| {
        let set = [
            ("BOT_TOKEN", "123456789:AAFt2pQm7Zr-1KxY0wVbNc_8dLhGsUeJfo5"),
            ("ADMIN_USER_IDS", ids),
            ("ADMIN_CHAT_ID", chat),
        ];
        let lookup = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Environment::of(lookup).read(|reader| reader.config())
    };
    for ids in ["77, 88", "77,88", "77;88,", "77 88"] {
        let (config, warnings) = read(ids, "-1005").expect("settings");
        assert_eq!((config.admin_user_ids, warnings.len()), (vec![77, 88], 0), "{ids}");
    }
    for (ids, word) in [
        (",,", "no id"),
        ("@anna", "a name"),
        ("77,-1005", "a group"),
        ("Анна", "no number"),
        ("77,0", "no person"),
        ("99999999999999999", "no person"),
    ] {
        let problems = read(ids, "-1005").expect_err("a problem");
        assert!(problems.iter().any(|problem| problem.to_string().contains(word)), "{ids}: {problems:?}");
    }
    let (_, warnings) = read("77", "5").expect("settings");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn only_the_bot_token_is_required() {
    let config = read(&[TOKEN]).expect("a valid configuration");
    assert!(config.amocrm.is_none());
    assert_eq!(config.store.data_dir, std::path::PathBuf::from("."));
    let problems = read(&[]).expect_err("no token");
    assert_eq!(problems.iter().map(|problem| problem.variable.as_ref()).collect::<Vec<_>>(), ["BOT_TOKEN"]);
}

#[test]
fn every_wrong_value_is_one_line_that_names_its_variable() {
    for (name, value) in [
        ("BOT_TOKEN", "hello"),
        ("TELEGRAM_API_URL", "ftp://x"),
        ("TELEGRAM_PROXY", "proxy:80"),
        ("ADMIN_CHAT_ID", "@me"),
        ("AMOCRM_SUBDOMAIN", "acme.example.com"),
        ("AMOCRM_PIPELINE_ID", "-3"),
        ("AMOCRM_CONTACT_LOOKUP", "maybe"),
        ("AMOCRM_REQUESTS_PER_SECOND", "8"),
        ("AMOCRM_BASE_URL", "nowhere"),
        ("DATABASE_URL", "mysql://x"),
        ("PRIVACY_POLICY_URL", "policy"),
        ("PHONE_REGION", "XX"),
        ("HTTP_ADDR", "8080"),
        ("PORT", "http"),
        ("PORT", "99999"),
        ("PORT", "0"),
        ("HTTP_ADDR", ":8080"),
        ("AMOCRM_WEBHOOK_SECRET", "hush"),
        ("AMOCRM_WEBHOOK_SECRET", "hush/hush/hush/hush/hush"),
        ("AMOCRM_WEBHOOK_SECRET", "тайна-тайна-тайна"),
        ("HTTP_ADDR", "http://127.0.0.1:8080"),
        ("BOT_TOKEN", "bot123456:AAbb_cc-dd"),
        ("BOT_TOKEN", "123456:AAbb cc"),
        ("BOT_TOKEN", "\"123456:AAbb_cc-dd\""),
        ("TELEGRAM_API_URL", "http://telegram.example.org"),
        ("TELEGRAM_API_URL", "https://user:hush@telegram.example.org"),
        ("TELEGRAM_PROXY", "socks4://host:1"),
        ("TELEGRAM_PROXY", "socks5://host:1 socks5://host:2"),
        ("ADMIN_CHAT_ID", "+79991234567"),
        ("ADMIN_CHAT_ID", "8 (999) 123-45-67"),
        ("ADMIN_CHAT_ID", "0"),
        ("ADMIN_CHAT_ID", "12.5"),
        ("ADMIN_CHAT_ID", "123456"),
        ("ADMIN_CHAT_ID", "9223372036854775807"),
        ("ADMIN_CHAT_ID", "99999999999999999999"),
        ("MANAGERS_CHAT_ID", "99999999999999999999"),
        ("MANAGERS_CHAT_ID", "-9007199254740992"),
        ("MANAGERS_CHAT_ID", "123456789"),
        ("MANAGERS_CHAT_ID", "@sales"),
        ("MANAGERS_CHAT_ID", "0"),
        ("AMOCRM_SUBDOMAIN", "https://acme.amocrm.ru/leads/"),
        ("AMOCRM_SUBDOMAIN", "acme inc"),
        ("AMOCRM_SUBDOMAIN", "'acme'"),
        ("AMOCRM_TAGS", ",,,"),
        ("AMOCRM_TAGS", " , "),
        ("AMOCRM_ACCESS_TOKEN", "eyJ hush"),
        ("AMOCRM_ACCESS_TOKEN", "eyJ\nhush"),
        ("AMOCRM_ACCESS_TOKEN", "\"eyJhush\""),
        ("AMOCRM_ACCESS_TOKEN", "Bearer eyJhush"),
        ("AMOCRM_ACCESS_TOKEN", "your-token-here"),
        ("AMOCRM_ACCESS_TOKEN", "eyJhuшsh"),
        ("AMOCRM_REQUESTS_PER_SECOND", "0"),
        ("AMOCRM_REQUESTS_PER_SECOND", "NaN"),
        ("AMOCRM_REQUESTS_PER_SECOND", "-1"),
        ("AMOCRM_REQUESTS_PER_SECOND", "2.5"),
        ("AMOCRM_STATUS_ID", "0"),
        ("AMOCRM_RESPONSIBLE_USER_ID", "+5"),
        ("AMOCRM_BUDGET_FIELD_ID", "UF_BUDGET"),
        ("AMOCRM_BASE_URL", "http://crm.example.org"),
        ("AMOCRM_BASE_URL", "https://user:hush@crm.example.org"),
        ("AMOCRM_BASE_URL", "https://crm.example.org/?x=1"),
        ("AMOCRM_BASE_URL", "https://crm.example.org/api/v4/"),
        ("AMOCRM_SUBDOMAIN", "-acme"),
        ("AMOCRM_SUBDOMAIN", "a.b.amocrm.ru"),
        ("AMOCRM_PIPELINE_ID", "99999999999999999999"),
        ("ADMIN_CHAT_ID", "−1001234567890"),
        ("DATABASE_URL", "sqlite:"),
        ("DATABASE_URL", "postgres://user:hush@db.example.org/leads"),
        ("DATABASE_URL", "postgres://user:hush@8.8.8.8/leads?sslmode=disable"),
        ("DATABASE_URL", "postgres://user:hu#sh@localhost/leads"),
        ("DATA_DIR", "~/leads"),
        ("DATA_DIR", "$HOME/leads"),
        ("DATA_DIR", "/dev/null"),
        ("PRIVACY_POLICY_URL", "https://user:hush@example.org/"),
        ("PHONE_REGION", "Russia"),
        ("HEARTBEAT_URL", "http://ping.example.org/hush"),
        ("HEARTBEAT_URL", "hush"),
        ("ADMIN_LEAD_COPIES", "да"),
        ("LEADS_PER_HOUR", "пять"),
        ("LEADS_PER_HOUR", "-1"),
        ("LEADS_PER_DAY", "1.5"),
        ("LEADS_PER_DAY", "+5"),
        ("LEADS_PER_DAY", "99999999999"),
        ("LEADS_ALARM_PER_HOUR", "on"),
        ("ALLOW_PLAINTEXT", "yes"),
        ("TEST_SPEED", "fast"),
    ] {
        let mut pairs = vec![(name, value)];
        if name != "BOT_TOKEN" {
            pairs.push(TOKEN);
        }
        if name.starts_with("AMOCRM_") && name != "AMOCRM_SUBDOMAIN" {
            pairs.push(("AMOCRM_SUBDOMAIN", "acme"));
        }
        let problems = read(&pairs).expect_err(name);
        assert_eq!(problems.len(), 1, "{name}: {problems:?}");
        assert_eq!(problems[0].variable, name);
        let told = problems[0].to_string();
        assert!(told.lines().count() == 1 && !told.contains("hush") && !told.contains("AAbb"), "{told}");
    }
}

#[test]
fn what_is_odd_without_being_in_the_way_is_told() {
    for (name, value) in [
        ("AMOCRM_STATUS_ID", "142"),
        ("AMOCRM_STATUS_ID", "143"),
        ("AMOCRM_ACCESS_TOKEN", "def50200hush"),
        ("ADMIN_CHAT_ID", "79991234567"),
    ] {
        let pairs = [TOKEN, ("AMOCRM_SUBDOMAIN", "acme"), (name, value)];
        let lookup = |wanted: &str| pairs.iter().find(|(key, _)| *key == wanted).map(|(_, at)| (*at).to_owned());
        let (_, odd) = Environment::of(lookup).read(|reader| reader.config()).expect("it can be used");
        assert_eq!(odd.iter().map(|odd| odd.variable.as_ref()).collect::<Vec<_>>(), [name]);
        assert!(!odd[0].to_string().contains("hush"), "{}", odd[0]);
    }
}

#[test]
fn an_integration_is_told_what_is_wrong_with_it() {
    let good = [
        TOKEN,
        ("AMOCRM_SUBDOMAIN", "acme"),
        ("AMOCRM_CLIENT_ID", "0a1b2c3d-1111-2222-3333-0123456789ab"),
        ("AMOCRM_CLIENT_SECRET", "0123456789abcdef"),
        ("AMOCRM_REDIRECT_URL", "https://example.com/callback"),
        ("AMOCRM_REFRESH_TOKEN", "def50200aabb"),
    ];
    read(&good).expect("a valid configuration");
    for (name, value) in [
        ("AMOCRM_CLIENT_ID", "your_client_id"),
        ("AMOCRM_CLIENT_ID", "0a1b 2c3d"),
        ("AMOCRM_CLIENT_SECRET", "<hush>"),
        ("AMOCRM_CLIENT_SECRET", "hush hush"),
        ("AMOCRM_REDIRECT_URL", "http://example.com/callback"),
        ("AMOCRM_REDIRECT_URL", "example.com/callback"),
        ("AMOCRM_REDIRECT_URL", "https://example.com/#callback"),
        ("AMOCRM_REDIRECT_URL", "https://user:hush@example.com/callback"),
        ("AMOCRM_REFRESH_TOKEN", "def hush"),
        ("AMOCRM_REFRESH_TOKEN", ""),
    ] {
        let mut pairs = good.to_vec();
        pairs.retain(|(key, _)| *key != name);
        pairs.push((name, value));
        if value.is_empty() {
            // Without it the integration still asks for its tokens.
            read(&pairs).expect("a valid configuration");
            continue;
        }
        let problems = read(&pairs).expect_err(name);
        assert!(problems.len() == 1 && problems[0].variable == name, "{name}={value}: {problems:?}");
        assert!(!problems[0].to_string().contains("hush"), "{problems:?}");
    }
}

#[test]
fn plain_text_is_free_at_home_and_allowed_on_purpose_elsewhere() {
    for (name, value) in [
        ("TELEGRAM_API_URL", "http://127.0.0.1:8081"),
        ("TELEGRAM_API_URL", "http://bot-api:8081"),
        ("HEARTBEAT_URL", "http://192.168.1.5/ping"),
        ("AMOCRM_BASE_URL", "http://[::1]:9000"),
        ("TELEGRAM_PROXY", "http://user:hush@proxy.example.org:3128"),
        ("TELEGRAM_API_URL", "http://allowed.example.org"),
        ("HEARTBEAT_URL", "http://203.0.113.7/ping"),
        ("DATABASE_URL", "postgres://user:hush@allowed.example.org/leads"),
    ] {
        read(&[TOKEN, ("ALLOW_PLAINTEXT", "allowed.example.org,203.0.113.7"), (name, value)]).expect(value);
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let problems = read(&[
        ("AMOCRM_SUBDOMAIN", "acme.evil.com"),
        ("AMOCRM_PIPELINE_ID", "x"),
        ("AMOCRM_TAGS", ","),
        ("AMOCRM_CLIENT_ID", "id"),
        ("PORT", "x"),
        ("DATABASE_URL", "mysql://x"),
    ])
    .expect_err("many");
    let mut names: Vec<_> = problems.iter().map(|problem| problem.variable.as_ref()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "AMOCRM_CLIENT_SECRET",
            "AMOCRM_PIPELINE_ID",
            "AMOCRM_REDIRECT_URL",
            "AMOCRM_SUBDOMAIN",
            "AMOCRM_TAGS",
            "BOT_TOKEN",
            "DATABASE_URL",
            "PORT"
        ]
    );
}

#[test]
fn half_an_integration_names_what_is_missing() {
    let problems =
        read(&[TOKEN, ("AMOCRM_SUBDOMAIN", "acme"), ("AMOCRM_CLIENT_ID", "id")]).expect_err("half an integration");
    let names: Vec<_> = problems.iter().map(|problem| problem.variable.as_ref()).collect();
    assert_eq!(names, ["AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL"]);
    let problems = read(&[TOKEN, ("AMOCRM_ACCESS_TOKEN", "x")]).expect_err("no account");
    assert_eq!(problems[0].variable, "AMOCRM_SUBDOMAIN");
}

#[test]
fn secrets_do_not_print() {
    let config = read(&[
        TOKEN,
        ("AMOCRM_SUBDOMAIN", "acme"),
        ("AMOCRM_CLIENT_ID", "id"),
        ("AMOCRM_CLIENT_SECRET", "hush-hush"),
        ("AMOCRM_REDIRECT_URL", "https://example.com"),
        ("AMOCRM_ACCESS_TOKEN", "access-hush"),
        ("DATABASE_URL", "postgres://user:hush@host/db"),
        ("TELEGRAM_PROXY", "socks5://user:hush@host:1"),
    ])
    .expect("a valid configuration");
    let printed = format!("{config:?}");
    assert!(!printed.contains("hush") && !printed.contains("AAbb"), "{printed}");
}
