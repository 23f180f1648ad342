use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::event::{Body, Draft, Entity};
use crate::hub::{HubConfig, Standing};

/// Says the numbers of the events that can be divided by one number, and counts what it said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Every {
    nth: u64,
    said: u64,
}

impl Every {
    fn nth(nth: u64) -> Self {
        Self { nth, said: 0 }
    }
}

impl Voice for Every {
    fn speak(&mut self, _: &Hub, batch: &Arc<Batch>, run: Range<usize>) -> Bytes {
        let wanted: Vec<u64> = run.map(|index| batch.seq(index)).filter(|seq| seq.is_multiple_of(self.nth)).collect();
        self.said += wanted.len() as u64;
        wanted.iter().map(|seq| format!("{seq} ")).collect::<String>().into()
    }
}

/// Says so many bytes of each event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Loud(usize);

impl Voice for Loud {
    fn speak(&mut self, _: &Hub, batch: &Arc<Batch>, run: Range<usize>) -> Bytes {
        run.flat_map(|index| vec![batch.seq(index) as u8; self.0]).collect()
    }
}

/// What the clients of one filter get.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Picked(Standing);

impl Voice for Picked {
    fn speak(&mut self, _: &Hub, batch: &Arc<Batch>, run: Range<usize>) -> Bytes {
        match self.0.take(Arc::clone(batch), run) {
            Some(Delivery::Picked(picked)) => {
                picked.events().map(|(index, prev)| format!("{prev}<{} ", batch.seq(index))).collect::<String>().into()
            }
            _ => Bytes::new(),
        }
    }
}

struct World {
    hub: Hub,
    lanes: Lanes,
    stopping: CancellationToken,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hub = Hub::open(&HubConfig::at(folder.path())).unwrap();
        let stopping = CancellationToken::new();
        let lanes = Lanes { lanes: vec![Lane::start(&hub, &Kept::default(), &stopping)].into(), next: AtomicUsize::new(0) };
        Self { hub, lanes, stopping, _folder: folder }
    }

    /// Appends an event of this kind; its number.
    async fn append(&self, kind: &str) -> u64 {
        let drafts = vec![Draft::new("test", Entity::new("thing", "1"), Body::custom(kind))];
        self.hub.append(drafts).await.unwrap().seqs[0]
    }

    /// The lane is done with everything.
    async fn settled(&self) {
        while self.lanes.lanes[0].done.load(Ordering::Acquire) < self.hub.head() {
            tokio::task::yield_now().await;
        }
    }

    async fn board<V: Voice>(&self, line: &Arc<Line>, voice: V) -> Ticket<V> {
        self.settled().await;
        self.lanes.board(line, self.hub.head(), voice).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn pair() -> (TcpStream, Arc<Line>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let far = far.unwrap().0;
    socket2::SockRef::from(&far).set_send_buffer_size(8_192).unwrap();
    far.writable().await.unwrap();
    (near.unwrap(), Line::new(far))
}

async fn read(near: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    let reading = near.read_exact(&mut bytes);
    tokio::time::timeout(Duration::from_secs(30), reading).await.expect("it comes").unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

/// Appends events until the lane gives a seat up.
async fn append_until_left<V: Voice>(world: &World, seat: &Ticket<V>) {
    let mut gone = std::pin::pin!(left(Some(seat)));
    loop {
        tokio::select! {
            biased;
            () = &mut gone => return,
            _ = world.append("thing.happened") => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_seat_gets_what_its_voice_says() {
    let world = World::new();
    let (mut all, all_line) = pair().await;
    let (mut even, even_line) = pair().await;
    let (mut late, late_line) = pair().await;
    let all_seat = world.board(&all_line, Every::nth(1)).await;
    let even_seat = world.board(&even_line, Every::nth(2)).await;
    for _ in 0..4 {
        world.append("thing.happened").await;
    }
    read(&mut all, "1 2 3 4 ").await;
    read(&mut even, "2 4 ").await;
    let late_seat = world.board(&late_line, Every::nth(2)).await;
    assert!(even_seat.say(|at| format!("at {at} ").into()), "between two batches");
    read(&mut even, "at 4 ").await;
    world.append("thing.happened").await;
    world.append("thing.happened").await;
    read(&mut even, "6 ").await;
    read(&mut late, "6 ").await;
    world.settled().await;
    let left = even_seat.leave().unwrap();
    assert_eq!((left.at, left.rest.len(), left.voice), (6, 0, Every { nth: 2, said: 3 }), "what the voice remembers comes back");
    assert_eq!(late_seat.leave().unwrap().voice, Every { nth: 2, said: 1 });
    world.append("thing.happened").await;
    read(&mut all, "5 6 7 ").await;
    let left = all_seat.leave().unwrap();
    assert_eq!((left.at, left.voice.said), (7, 7));
}

/// Voices that are one behind the other in each round stay themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_voice_that_becomes_what_another_was_is_not_taken_for_it() {
    let world = World::new();
    let mut clients = Vec::new();
    for said in 0..8 {
        let (near, line) = pair().await;
        clients.push((near, world.board(&line, Every { nth: 1, said }).await));
    }
    for _ in 0..3 {
        world.append("thing.happened").await;
    }
    world.settled().await;
    for (said, (mut near, seat)) in clients.into_iter().enumerate() {
        read(&mut near, "1 2 3 ").await;
        assert_eq!(seat.leave().unwrap().voice.said, said as u64 + 3);
    }
}

/// Whoever a filter lets nothing through for is not written to, and still knows how far it has come.
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_filter_come_to_stand_the_same() {
    let world = World::new();
    let mut filter = Filter::everything();
    filter.add("types", "thing.wanted").unwrap();
    let standing = |world: &World| world.hub.subscribe(Start::Now, filter.clone(), Lag::Log).standing().clone();
    let (mut early, early_line) = pair().await;
    let (mut late, late_line) = pair().await;
    let early_seat = world.board(&early_line, Picked(standing(&world))).await;
    world.append("thing.happened").await;
    world.append("thing.happened").await;
    let late_seat = world.board(&late_line, Picked(standing(&world))).await;
    world.append("thing.wanted").await;
    world.append("thing.happened").await;
    world.append("thing.wanted").await;
    read(&mut early, "0<3 3<5 ").await;
    read(&mut late, "2<3 3<5 ").await;
    world.append("thing.happened").await;
    world.settled().await;
    let (early, late) = (early_seat.leave().unwrap(), late_seat.leave().unwrap());
    assert_eq!((early.at, late.at), (6, 6));
    assert_eq!(early.voice, late.voice);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_take_it_all_leaves_with_the_rest() {
    let world = World::new();
    let (mut near, line) = pair().await;
    let seat = world.board(&line, Loud(20_000)).await;
    append_until_left(&world, &seat).await;
    let left = seat.leave().unwrap();
    assert!(left.at > 0);
    // Everything up to there is out, or stands in what is left.
    let rest: Vec<u8> = left.rest.concat();
    let mut out = vec![0; left.at as usize * 20_000 - rest.len()];
    near.read_exact(&mut out).await.unwrap();
    let all = [out, rest].concat();
    assert!(
        (1..=left.at).all(|seq| all[(seq as usize - 1) * 20_000..seq as usize * 20_000].iter().all(|byte| *byte == seq as u8))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_fails_says_so() {
    let world = World::new();
    let (near, line) = pair().await;
    let seat = world.board(&line, Every::nth(1)).await;
    socket2::SockRef::from(&near).set_linger(Some(Duration::ZERO)).unwrap();
    drop(near);
    line.readable().await.unwrap();
    append_until_left(&world, &seat).await;
    assert!(seat.leave().is_none());
}

/// Whoever stands further than the lane waits until it has come there; nobody gets anything twice.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_an_event_twice_or_never() {
    let world = World::new();
    let appending = async {
        for _ in 0..600 {
            world.append("thing.happened").await;
        }
    };
    let coming_and_going = async {
        let (mut near, line) = pair().await;
        let mut subscription = follow(&world.hub);
        let (mut told, mut seats) = (subscription.position(), 0);
        while told < 600 {
            if !subscription.has_all() {
                // It reads on by itself until it has everything.
                let Ok(Delivery::Run(batch, run)) = subscription.next().await else { unreachable!("nothing is gone") };
                assert_eq!(batch.seq(run.start), told + 1);
                told = subscription.position();
                continue;
            }
            let Some(seat) = world.lanes.board(&line, subscription.position(), Every::nth(1)) else {
                tokio::task::yield_now().await;
                continue;
            };
            seats += 1;
            tokio::task::yield_now().await;
            let left = seat.leave().unwrap();
            assert!(left.rest.is_empty());
            for seq in told + 1..=left.at {
                read(&mut near, &format!("{seq} ")).await;
            }
            told = left.at;
            subscription.skip_to(left.at);
        }
        seats
    };
    let ((), seats) = tokio::join!(appending, coming_and_going);
    assert!(seats > 10, "{seats} seats");
}

/// Those who left are forgotten though their voice has nothing to say.
#[tokio::test(flavor = "multi_thread")]
async fn who_left_is_forgotten() {
    let world = World::new();
    let (_near, line) = pair().await;
    for _ in 0..100 {
        drop(world.board(&line, Every::nth(1_000_000)).await);
        world.append("thing.happened").await;
    }
    world.settled().await;
    assert!(Arc::strong_count(&line) == 1, "the socket is let go of at once");
    assert!(world.lanes.lanes[0].left.load(Ordering::Relaxed) <= 65);
}
