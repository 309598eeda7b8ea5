//! Several processes on one store: who leads, and the tokens' lock.

use super::*;

on_both! {
    async fn a_term_that_is_over_claims_nothing(opened: &Opened) {
        let store = &opened.store;
        submit(store, &lead("Иван", 0)).await;
        let first = Lease::daemon(store.begin_term().await.expect("a term"));
        assert_eq!(store.lead_queue().claim_due(&first, later(store), 1, Claim::Oldest).await.expect("a claim").len(), 1);
        // The new term frees what the old one held, and the old one gets nothing any more.
        let second = Lease::daemon(opened.again().await.begin_term().await.expect("a term"));
        assert!(store.lead_queue().claim_due(&first, later(store), 1, Claim::Oldest).await.expect("a claim").is_empty());
        assert_eq!(store.lead_queue().claim_due(&second, later(store), 1, Claim::Oldest).await.expect("a claim").len(), 1);
    }

    async fn tokens_and_their_lock_are_shared_by_processes(opened: &Opened) {
        let (store, other) = (&opened.store, opened.again().await);
        let row = TokenRow { access: Some("a".into()), previous_replaced_by: Some("x".into()), ..TokenRow::default() };
        store.tokens().set(&row).await.expect("a write");
        assert!(other.tokens().get().await.expect("a read") == row);
        other.tokens().forget_previous("y").await.expect("a write");
        assert!(other.tokens().get().await.expect("a read") == row);
        other.tokens().forget_previous("x").await.expect("a write");
        assert!(store.tokens().get().await.expect("a read").previous_replaced_by.is_none());
        let hold = std::time::Duration::from_secs(30);
        assert!(store.locks().take("tokens", "a", hold).await.expect("an answer"));
        assert!(!other.locks().take("tokens", "b", hold).await.expect("an answer"));
        store.locks().release("tokens", "a").await.expect("a write");
        assert!(other.locks().take("tokens", "b", std::time::Duration::ZERO).await.expect("an answer"));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        assert!(store.locks().take("tokens", "a", hold).await.expect("an answer"));
    }
}
