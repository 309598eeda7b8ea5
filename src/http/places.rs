//! Who may hold a connection of the page, and who must give way.
//!
//! Everybody who comes gets a place at once; where there is none, the oldest connection that has not yet said what it
//! wants gives way, then the oldest that is slow to take its answer. It is one of the same address where that address
//! has its share, or else of whoever holds most of theirs. So whoever hoards unfinished connections only loses them.
//! What is being worked at never gives way.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::net::is_near;

/// Connections at once; each takes at most 16 KB while it asks.
const MOST: usize = 256;

/// Of these for one address of a private network: a reverse proxy, which everybody comes through.
const NEAR_SHARE: usize = 192;

/// And for one address of the internet: a browser opens six.
const FAR_SHARE: usize = 16;

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It has not yet said what it wants.
    Asking,
    /// Its answer is sent.
    Answering,
    /// Its answer is being made.
    Working,
}

/// Connections of one peer are counted together: of one IPv4 address, or of the 64 bits that one IPv6 customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Peer {
    network: u128,
    near: bool,
}

impl Peer {
    fn of(ip: IpAddr) -> Self {
        let network = match ip.to_canonical() {
            IpAddr::V4(ip) => u128::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits() >> 64 << 64,
        };
        Self { network, near: is_near(ip) }
    }

    fn share(self) -> usize {
        if self.near { NEAR_SHARE } else { FAR_SHARE }
    }
}

#[derive(Debug)]
struct Held {
    number: u64,
    peer: Peer,
    phase: watch::Receiver<Phase>,
    evicted: CancellationToken,
}

/// All places.
#[derive(Debug, Default)]
pub struct Places {
    /// The oldest first.
    held: Mutex<Vec<Held>>,
    taken: AtomicU64,
    evicted: AtomicU64,
}

/// One place, for as long as this value lives.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    number: u64,
    phase: watch::Sender<Phase>,
    evicted: CancellationToken,
}

impl Places {
    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection; `None` where all that could give way are being worked at.
    pub fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Place> {
        let peer = Peer::of(ip);
        let mut held = self.held();
        let full = held.len() >= MOST;
        if full || count(&held, peer) >= peer.share() {
            let gives_way = oldest_unfinished(&held, (!full).then_some(peer))?;
            held.remove(gives_way).evicted.cancel();
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let (phase, receiver) = watch::channel(Phase::Asking);
        let evicted = CancellationToken::new();
        held.push(Held { number, peer, phase: receiver, evicted: evicted.clone() });
        Some(Place { places: self.clone(), number, phase, evicted })
    }

    /// Connections that gave way since this was last asked.
    pub fn gave_way(&self) -> u64 {
        self.evicted.swap(0, Ordering::Relaxed)
    }
}

fn count(held: &[Held], peer: Peer) -> usize {
    held.iter().filter(|held| held.peer == peer).count()
}

/// Which one gives way: of one peer, or of the one that holds most of its share.
fn oldest_unfinished(held: &[Held], of: Option<Peer>) -> Option<usize> {
    let phase = |held: &Held| *held.phase.borrow();
    let may = |held: &&Held| phase(held) != Phase::Working;
    let of = of.or_else(|| {
        let fullness = |peer: Peer| count(held, peer) * NEAR_SHARE / peer.share();
        held.iter().filter(may).map(|held| held.peer).max_by_key(|peer| fullness(*peer))
    })?;
    let of_it = held.iter().enumerate().filter(|(_, held)| held.peer == of && may(held));
    // The first of those that are equally far is the oldest.
    of_it.min_by_key(|(_, held)| phase(held)).map(|(index, _)| index)
}

impl Place {
    /// The connection is so far now.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// How far it is, to be waited for.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Resolves when it must give way.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.held().retain(|held| held.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(places: &Arc<Places>, ip: &str, many: usize) -> Vec<Place> {
        let ip = ip.parse().expect("an address");
        (0..many).map_while(|_| places.take(ip)).collect()
    }

    fn evicted(taken: &[Place]) -> Vec<usize> {
        taken.iter().enumerate().filter(|(_, place)| place.evicted.is_cancelled()).map(|(index, _)| index).collect()
    }

    #[test]
    fn an_address_that_has_its_share_loses_its_own_oldest() {
        for (ip, share) in [("9.9.9.9", FAR_SHARE), ("127.0.0.1", NEAR_SHARE), ("10.0.0.7", NEAR_SHARE)] {
            let places = Arc::new(Places::default());
            let other = take(&places, "8.8.8.8", 1);
            let taken = take(&places, ip, share + 2);
            assert_eq!((evicted(&taken), evicted(&other)), (vec![0, 1], vec![]), "{ip}");
            assert_eq!(places.held().len(), share + 1);
            assert_eq!((places.gave_way(), places.gave_way()), (2, 0));
            drop((taken, other));
            assert!(places.held().is_empty());
        }
    }

    #[test]
    fn who_asks_gives_way_before_who_is_answered_and_work_never_does() {
        let places = Arc::new(Places::default());
        let taken = take(&places, "9.9.9.9", FAR_SHARE);
        taken[0].enter(Phase::Working);
        for place in &taken[1..FAR_SHARE - 1] {
            place.enter(Phase::Answering);
        }
        let more = take(&places, "9.9.9.9", 1);
        more[0].enter(Phase::Working);
        assert_eq!(evicted(&taken), [FAR_SHARE - 1]);
        let more = take(&places, "9.9.9.9", 1);
        assert_eq!((more.len(), evicted(&taken)), (1, vec![1, FAR_SHARE - 1]));
        let places = Arc::new(Places::default());
        let taken = take(&places, "9.9.9.9", FAR_SHARE);
        taken.iter().for_each(|place| place.enter(Phase::Working));
        assert!(take(&places, "9.9.9.9", 1).is_empty());
        assert_eq!(take(&places, "9.9.9.8", 1).len(), 1);
    }

    #[test]
    fn a_full_house_takes_from_who_holds_most_of_their_share() {
        let places = Arc::new(Places::default());
        let proxied = take(&places, "10.0.0.7", 100);
        let crowd: Vec<Vec<Place>> = (0..78).map(|host| take(&places, &format!("9.9.9.{host}"), 2)).collect();
        assert_eq!(places.held().len(), MOST);
        // The proxy holds 52 % of its share, each of the others 12 %.
        assert_eq!(take(&places, "127.0.0.1", 1).len(), 1);
        assert_eq!(evicted(&proxied), [0]);
        assert!(crowd.iter().all(|places| evicted(places).is_empty()));
        // An IPv6 customer is one peer, and an address in IPv6's clothes is itself.
        let places = Arc::new(Places::default());
        let one = take(&places, "2a00:1:2:3::1", FAR_SHARE);
        let same = take(&places, "2a00:1:2:3:ffff::9", 1);
        assert_eq!((evicted(&one), same.len()), (vec![0], 1));
        assert!(Peer::of("::ffff:9.9.9.9".parse().expect("an address")) == Peer::of([9, 9, 9, 9].into()));
    }
}
