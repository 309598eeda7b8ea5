//! Days in virtual time, in which tokens age.

use std::time::Duration;

use testkit::fakes::amocrm::ReusePolicy;

use crate::nothing_lost::{
    leads::{lead, rest, submit},
    virtual_time::{Ground, Life, in_virtual_time, pass},
};

fn hours(hours: f64) -> Duration {
    Duration::from_secs_f64(hours * 3600.0)
}

/// Two days with leads now and then, three deaths, and an outage of amoCRM in which the access token ends. Whoever uses a
/// refresh token twice is out here.
#[test]
fn access_tokens_age_and_each_refresh_token_is_used_once() {
    in_virtual_time(async {
        let ground = Ground::new().await;
        ground.amocrm.reuse_policy(ReusePolicy::Strict);
        let buyer = ground.telegram.user("Покупатель").known().id;
        let mut leads = Vec::new();
        let begin = async || {
            let mut life = Life::begin(&ground).await;
            life.watch_tokens();
            life
        };
        let mut buy = async |life: &Life| {
            let lead = lead(ground.clock, buyer, "+79990000001");
            submit(&life.store, &lead).await;
            leads.push(lead);
        };

        let mut life = begin().await;
        buy(&life).await;
        pass(hours(11.0)).await;
        life.kill();
        life = begin().await;
        pass(hours(11.0)).await;
        assert_eq!(ground.amocrm.refreshes(), 0, "two hours before its end a pair is left alone");

        // Hour 22: the pair is due between 23:00 and 23:45, and its access token ends at 24:00.
        ground.amocrm.goes_down();
        pass(hours(1.2)).await;
        buy(&life).await;
        pass(hours(0.3)).await;
        life.kill();
        life = begin().await;
        pass(hours(1.0)).await;
        assert_eq!(ground.amocrm.refreshes(), 0);
        ground.amocrm.comes_back();
        let mut waited = 0.0;
        while ground.amocrm.refreshes() == 0 {
            pass(hours(0.1)).await;
            waited += 0.1;
            assert!(waited < 0.5, "soon after the outage");
        }

        // The new pair is a tenth of an hour old at the most, and due between an hour and a quarter before its end.
        buy(&life).await;
        pass(hours(15.0)).await;
        life.kill();
        life = begin().await;
        pass(hours(7.7)).await;
        assert_eq!(ground.amocrm.refreshes(), 1);
        pass(hours(1.1)).await;
        assert_eq!(ground.amocrm.refreshes(), 2, "ahead of time, while nobody buys anything");
        buy(&life).await;

        if let Err(why) = rest(&ground, &life.store, &leads).await {
            panic!("{why}");
        }
        assert!(ground.judge().is_exactly_once(leads.len()), "{}", ground.judge());
        assert_eq!(ground.amocrm.exchanges(), [1, 1]);
        let refused = ground.amocrm.requests().into_iter().filter(|request| request.status == Some(401)).count();
        assert_eq!(refused, 0, "a call was made with an access token that had ended");
    });
}
