//! Leads, contacts and notes: what each answer is taken for, and how what is there is found.

use super::*;

/// What was found, of a look-up that nothing has ended early.
pub fn clean(looked: LookedUp) -> HashMap<LeadNumber, FoundLead> {
    assert!(looked.failed.is_none(), "{looked:?}");
    assert!(looked.absent.iter().all(|number| !looked.found.contains_key(number)), "{looked:?}");
    looked.found
}

#[tokio::test]
async fn a_lead_with_its_contact_and_note() {
    let mut world = World::with_pair().await;
    world.settings.pipeline_id = Some(account::MAIN_PIPELINE as i64);
    world.settings.status_id = Some(account::SECOND_STATUS as i64);
    world.settings.responsible_user_id = Some(account::MANAGER_USER as i64);
    world.settings.budget_field_id = Some(account::TEXT_FIELD as i64);
    world.settings.car_link_field_id = Some(account::LINK_FIELD as i64);
    let crm = world.crm();
    let (ivan, olga) = (ivan(), lead("A2B3C4D", "Ольга", "+79990000002"));
    let created = crm.create_leads(&[new(&ivan), new(&olga)]).await.expect("created");
    assert_eq!(created.len(), 2);
    assert_eq!(created[1].number, olga.number);
    assert!(created.iter().all(|lead| lead.contact_id.is_some() && !lead.merged));
    let stored = world.fake.lead_with_number("K7M2QXA").expect("stored");
    assert_eq!((stored.id as i64, stored.price), (created[0].lead_id, 2_500_000));
    assert_eq!((stored.pipeline_id, stored.status_id), (account::MAIN_PIPELINE, account::SECOND_STATUS));

    let missing = async |lead: &Lead| {
        let missing = crm.missing_notes(created[0].lead_id, &lead.number, crm.notes_of(&new(lead))).await;
        missing.expect("looked").len()
    };
    let note = |lead: &Lead, lead_id: i64| NewNote {
        lead_id,
        number: lead.number.clone(),
        text: crm.notes_of(&new(lead)).remove(0),
    };
    assert_eq!(missing(&ivan).await, 1);
    let notes = [note(&ivan, created[0].lead_id), note(&olga, created[1].lead_id)];
    assert_eq!(crm.add_notes(&notes).await.expect("written").len(), 2);
    assert_eq!((missing(&ivan).await, missing(&olga).await), (0, 1));
    assert_eq!(world.fake.contract_violations(), Vec::<String>::new());
}

#[tokio::test]
async fn every_kind_of_answer_to_a_create() {
    /// What a fault must be taken for, and whether the lead is there all the same.
    type Check = fn(&CrmError) -> bool;
    let uncertain: Check = |error| matches!(error, CrmError::Ambiguous { answered: false, .. });
    let answered: Check = |error| matches!(error, CrmError::Ambiguous { answered: true, .. });
    let table: [(Fault, Check, usize); 24] = [
        (Fault::CutBefore, uncertain, 0),
        (Fault::CutAfter, uncertain, 1),
        (Fault::Hang, uncertain, 0),
        (Fault::HangAfter, uncertain, 1),
        (Fault::StoreThen(500), answered, 1),
        (Fault::StoreThen(502), answered, 1),
        (Fault::StoreThen(504), uncertain, 1),
        (Fault::Status(500), answered, 0),
        (Fault::Html(503), answered, 0),
        (Fault::Garbage, uncertain, 1),
        (Fault::EmptyOk, uncertain, 1),
        (Fault::WrongShape, uncertain, 1),
        (Fault::Status(402), |error| matches!(error, CrmError::PaymentRequired), 0),
        (Fault::Status(403), |error| matches!(error, CrmError::Forbidden { .. }), 0),
        (Fault::Html(403), |error| matches!(error, CrmError::Blocked), 0),
        (Fault::Html(404), answered, 0),
        (Fault::StoreThen(405), answered, 1),
        (Fault::StoreThen(408), uncertain, 1),
        (Fault::StoreThen(409), answered, 1),
        (Fault::Status(409), answered, 0),
        (Fault::StoreThen(499), answered, 1),
        (Fault::Redirect(301), |error| matches!(error, CrmError::WrongAddress { .. }), 0),
        (
            Fault::TooManyRequests(Throttle::Body(300)),
            |error| matches!(error, CrmError::Throttled { retry_after: Some(pause) } if pause.as_secs() == 300),
            0,
        ),
        (
            Fault::Validation { path: "price".into(), code: "InvalidType".into() },
            |error| matches!(error, CrmError::Rejected { fields, .. } if fields[0].path == "price" && fields[0].index == Some(0)),
            0,
        ),
    ];
    for (fault, expected, stored) in table {
        let world = World::with_pair().await;
        world.once(On::complex(), fault.clone());
        let hangs = matches!(fault, Fault::Hang | Fault::HangAfter);
        let crm = if hangs { world.impatient_crm() } else { world.crm() };
        let error = crm.create_leads(&[new(&ivan())]).await.expect_err("a fault");
        assert!(expected(&error), "{fault:?}: {error:?}");
        assert_eq!(world.fake.leads().len(), stored, "{fault:?}");
    }
    let world = World::with_pair().await;
    world.once(On::complex(), Fault::Hal);
    assert_eq!(world.crm().create_leads(&[new(&ivan())]).await.expect("created").len(), 1);
    world.fake.stop().await;
    let error = world.crm().create_leads(&[new(&ivan())]).await.expect_err("nobody is there");
    assert!(matches!(error, CrmError::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_401_on_a_create_is_repeated_and_creates_one() {
    let world = World::with_pair().await;
    world.once(On::complex(), Fault::Unauthorized);
    world.crm().create_leads(&[new(&ivan())]).await.expect("created");
    assert_eq!(world.fake.leads().len(), 1);
    assert_eq!(world.fake.refreshes(), 1);
}

#[tokio::test]
async fn a_pause_holds_every_call() {
    let world = World::with_pair().await;
    let crm = world.crm();
    world.once(On::get("/api/v4/account"), Fault::TooManyRequests(Throttle::Header(1)));
    let start = Instant::now();
    assert!(matches!(crm.account().await, Err(CrmError::Throttled { .. })));
    crm.create_leads(&[new(&ivan())]).await.expect("created");
    assert!(start.elapsed() > Duration::from_secs(1));
}

#[tokio::test]
async fn what_is_refused_is_left_out() {
    let mut world = World::with_pair().await;
    world.settings.responsible_user_id = Some(999_999);
    world.settings.budget_field_id = Some(123_456);
    let crm = world.crm();
    let ivan = ivan();
    let mut attempt = new(&ivan);
    for _ in 0..3 {
        match crm.create_leads(std::slice::from_ref(&attempt)).await {
            Ok(_) => break,
            Err(CrmError::Rejected { fields, .. }) => {
                let fields: Vec<RejectedField> = fields.into_iter().filter(|field| field.index == Some(0)).collect();
                attempt.degradation = crm.degrade(&attempt, &fields).expect("something to leave out").to;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(world.fake.lead_with_number("K7M2QXA").is_some(), "{:?}", attempt.degradation);
    let note = crm.notes_of(&attempt).join("");
    assert!(note.contains("amoCRM не принял поле «Бюджет» (123456): 2,5 млн"), "{note}");
}

#[tokio::test]
async fn an_unsure_lead_is_found_by_any_way_that_shows_it() {
    let hidden = Duration::from_secs(60);
    let ivan = ivan();
    let since = Utc::now();
    for (list, query, events, found) in [
        (Duration::ZERO, hidden, hidden, true),
        (hidden, Duration::ZERO, hidden, true),
        (hidden, hidden, hidden, false),
    ] {
        let world = World::with_pair().await;
        let crm = world.crm();
        world.once(On::complex(), Fault::CutAfter);
        crm.create_leads(&[new(&ivan)]).await.expect_err("uncertain");
        world.fake.list_latency(list);
        world.fake.query_latency(query);
        world.fake.events_latency(events);
        let hits = clean(crm.find_leads(&[Wanted { lead: &ivan, since, first_edition: None }]).await);
        let stored = world.fake.leads().remove(0);
        let expected = found.then_some((stored.id as i64, stored.contact_id.map(|id| id as i64)));
        assert_eq!(hits.get(&ivan.number).map(|hit| (hit.lead_id, hit.contact_id)), expected, "{list:?} {query:?}");
    }
    let world = World::with_pair().await;
    let crm = world.crm();
    let created = crm.create_leads(&[new(&ivan)]).await.expect("created");
    world.fake.list_latency(hidden);
    world.fake.query_latency(hidden);
    let hits = clean(crm.find_leads(&[Wanted { lead: &ivan, since, first_edition: None }]).await);
    assert_eq!(hits[&ivan.number].lead_id, created[0].lead_id);
}

#[tokio::test]
async fn an_unsure_lead_is_found_behind_hundreds_of_newer_ones() {
    let world = World::with_pair().await;
    let crm = world.crm();
    let since = Utc::now();
    let created = crm.create_leads(&[new(&ivan())]).await.expect("created");
    for at in 0..600 {
        world.fake.add_lead(&format!("Сделка {at}"));
    }
    world.fake.query_latency(Duration::from_secs(60));
    world.fake.events_latency(Duration::from_secs(60));
    let hits = clean(crm.find_leads(&[Wanted { lead: &ivan(), since, first_edition: None }]).await);
    assert_eq!(hits[&number("K7M2QXA")].lead_id, created[0].lead_id);
    // Nothing is read beyond the time in question.
    let pages = world.fake.count(&On::get("/api/v4/leads").exactly());
    let later = Utc::now() + chrono::Duration::minutes(11);
    let stranger = lead("Z9Y8X7W", "Пётр", "+79995550000");
    assert!(clean(crm.find_leads(&[Wanted { lead: &stranger, since: later, first_edition: None }]).await).is_empty());
    assert_eq!(world.fake.count(&On::get("/api/v4/leads").exactly()), pages + 2);
}

#[tokio::test]
async fn an_account_that_left_its_address_is_named() {
    let world = World::with_pair().await;
    world.fake.moved_to("acme2", "acme2.amocrm.ru");
    world.fake.fault(On::any("/api"), Fault::Redirect(301), Times::Forever);
    let crm = world.crm();
    let error = crm.account().await.expect_err("moved");
    assert!(matches!(&error, CrmError::WrongAddress { detail, .. } if detail.contains("acme2.amocrm.ru")), "{error:?}");
    assert_eq!(crm.tokens().info().await.expect("readable").moved_to.as_deref(), Some("acme2.amocrm.ru"));
    crm.account().await.expect_err("still");
    assert_eq!(world.fake.count(&On::get("/oauth2")), 1, "it is asked rarely");
}

#[tokio::test]
async fn only_the_very_number_is_a_hit() {
    let world = World::with_pair().await;
    let crm = world.crm();
    let leads = ["K7M2QXA", "A2B3C4D", "Z9Y8X7W", "B5C6D7E"].map(|number| lead(number, "Ольга", "+79995550000"));
    for title in [
        "#K7M2QXAB Заявка: Ольга",
        "Заявка от Ольга #K7M2QXAB",
        "K7M2QXA без решётки",
        "#N7HR3T9 Заявка: Ольга #K7M2QXA",
        "#N7HR3T9 Заявка: Заявка от Ольга #K7M2QXA",
        "Заявка от Ольга, заявка #K7M2QXA #N7HR3T9",
    ] {
        world.fake.add_lead(title);
    }
    let first = world.fake.add_lead("#A2B3C4D Заявка: Ольга");
    world.fake.add_lead("#A2B3C4D Заявка: Ольга (копия)");
    let old = world.fake.add_lead("Заявка от Ольга #B5C6D7E");
    let hits = clean(crm.find_leads(&leads.each_ref().map(wanted)).await);
    let found: HashMap<&str, i64> = hits.iter().map(|(number, hit)| (number.as_str(), hit.lead_id)).collect();
    assert_eq!(found, HashMap::from([("A2B3C4D", first as i64), ("B5C6D7E", old as i64)]));
    assert!(clean(crm.find_leads(&[]).await).is_empty());
}

#[tokio::test]
async fn what_was_looked_up_before_a_failure_counts() {
    let world = World::with_pair().await;
    let crm = world.crm();
    let leads = ["K7M2QXA", "A2B3C4D", "Z9Y8X7W", "B5C6D7E"].map(|number| lead(number, "Ольга", "+79995550000"));
    let there = world.fake.add_lead("#A2B3C4D Заявка: Ольга");
    let broken = On::get("/api/v4/leads").containing("Z9Y8X7W");
    world.fake.fault(broken, Fault::Html(502), Times::Forever);
    let mut absent = HashSet::new();
    // The one on which amoCRM breaks comes at another place each time.
    for _ in 0..100 {
        let requests = world.fake.count(&On::get("/api/v4/leads").exactly());
        let looked = crm.find_leads(&leads.each_ref().map(wanted)).await;
        assert!(matches!(looked.failed, Some(CrmError::Unavailable { .. })), "{looked:?}");
        let found: Vec<_> = looked.found.iter().map(|(number, hit)| (number, hit.lead_id)).collect();
        assert_eq!(found, [(&leads[1].number, there as i64)]);
        let requests = world.fake.count(&On::get("/api/v4/leads").exactly()) - requests;
        assert_eq!(
            requests,
            1 + looked.absent.len() + 1,
            "the list, what is absent, and the one that failed: {looked:?}"
        );
        absent.extend(looked.absent);
        if absent.len() == 2 {
            break;
        }
    }
    assert_eq!(absent, HashSet::from([leads[0].number.clone(), leads[3].number.clone()]));
}

#[tokio::test]
async fn a_way_that_fails_makes_the_look_up_unclean() {
    let ivan = ivan();
    for on in [
        On::get("/api/v4/leads").exactly(),
        On::get("/api/v4/leads").containing("K7M2QXA"),
        On::get("/api/v4/events"),
        On::get("/api/v4/events").containing("entity_merged"),
        On::get("/api/v4/contacts"),
    ] {
        for fault in [Fault::Html(502), Fault::CutBefore, Fault::Garbage] {
            let world = World::with_pair().await;
            world.once(on.clone(), fault.clone());
            let looked = world.crm().find_leads(&[wanted(&ivan)]).await;
            assert!(matches!(looked.failed, Some(CrmError::Unavailable { .. })), "{on:?} {fault:?}: {looked:?}");
            assert!(looked.found.is_empty() && looked.absent.is_empty(), "{on:?} {fault:?}: {looked:?}");
        }
    }
    let world = World::with_pair().await;
    for closed in ["/api/v4/events", "/api/v4/contacts"] {
        world.fake.fault(On::get(closed), Fault::Status(403), Times::Forever);
        assert!(clean(world.crm().find_leads(&[wanted(&ivan)]).await).is_empty());
    }
}

#[tokio::test]
async fn a_contact_is_found_by_its_own_phone_only() {
    let mut world = World::with_pair().await;
    let ivan = ivan();
    world.fake.add_contact("Договор 9991234567", &["+7 (999) 765-43-21"]);
    let old = world.fake.add_contact("Иван", &["+79990000000", "8 (999) 123-45-67"]);
    world.fake.add_contact("Иван ещё раз", &["+79991234567"]);
    let crm = world.crm();
    // The search is a search for text: the spelling with brackets is not found by it, the other one is.
    let found = crm.find_contact(&ivan.phone).await.expect("looked").expect("found");
    assert!(found >= old as i64);
    let created = crm.create_leads(&[NewLead { contact_id: Some(found), ..new(&ivan) }]).await.expect("created");
    assert_eq!(created[0].contact_id, Some(found));
    assert_eq!(world.fake.contacts().len(), 3);
    let stranger = lead("A2B3C4D", "Ольга", "+79995550000");
    assert_eq!(crm.find_contact(&stranger.phone).await.expect("looked"), None);
    world.settings.contact_lookup = false;
    assert_eq!(world.crm().find_contact(&ivan.phone).await.expect("not looked"), None);
}

#[tokio::test]
async fn the_contacts_of_many_are_read_from_the_list_if_it_is_short() {
    let world = World::with_pair().await;
    let (ivan, olga) = (ivan(), lead("A2B3C4D", "Ольга", "+79995550000"));
    world.fake.add_contact("Договор 9991234567", &["+7 (999) 765-43-21"]);
    let oldest = world.fake.add_contact("Иван", &["+79990000000", "8 (999) 123-45-67"]) as i64;
    for at in 0..250 {
        world.fake.add_contact("Клиент", &[&format!("+7912{at:07}")]);
    }
    world.fake.add_contact("Иван ещё раз", &["+79991234567"]);
    let crm = world.crm();
    let phones = [&ivan.phone, &olga.phone];
    let mine = HashMap::from([("+79991234567".to_owned(), oldest)]);
    assert_eq!(crm.find_contacts(&phones, 1).await.expect("read"), (mine.clone(), false));
    assert_eq!(crm.find_contacts(&phones, 2).await.expect("read"), (mine, true));
    let answer = world.fake.fault(On::get("/api/v4/contacts"), Fault::Garbage, Times::Forever);
    assert!(crm.find_contacts(&phones, 2).await.is_err());
    assert_eq!(world.fake.fault_hits(answer), 1);
}

#[tokio::test]
async fn pipelines_as_they_can_be_configured() {
    let world = World::with_pair().await;
    let pipelines = world.crm().pipelines().await.expect("read");
    let main = pipelines.iter().find(|pipeline| pipeline.is_main).expect("a main pipeline");
    assert_eq!(main.id, account::MAIN_PIPELINE as i64);
    let ids: Vec<i64> = main.statuses.iter().map(|(id, _)| *id).collect();
    assert!(ids.contains(&(account::FIRST_STATUS as i64)) && !ids.contains(&(account::UNSORTED_STATUS as i64)));
}
