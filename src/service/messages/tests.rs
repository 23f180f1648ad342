//! Inboxes, with a real log on disk.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::service::Reason;
use crate::service::testdeck::Deck;

async fn agents(deck: &Deck, ids: &[&str]) {
    for id in ids {
        let payload = json!({"name": id, "agent_type": "worker"});
        deck.send(json!({"type": "agent.registered", "entity": format!("agent:{id}"), "payload": payload})).await;
    }
}

fn message(from: &str, to: &str, content: &str) -> NewMessage {
    let text = str::to_owned;
    NewMessage { from: text(from), to: text(to), message_type: text("query"), content: text(content), ..NewMessage::default() }
}

fn contents(page: &InboxPage) -> Vec<&str> {
    page.messages.iter().map(|letter| letter.content.as_str()).collect()
}

#[tokio::test]
async fn what_is_not_acknowledged_is_delivered_again_also_after_a_restart() {
    let deck = Deck::open();
    agents(&deck, &["a", "b", "c"]).await;
    let messages = Messages::start(&deck.setup);
    let sent = messages.send(NewMessage { correlation_id: Some("q1".into()), ..message("a", "b", "grüße") }).await.unwrap();
    assert_eq!((sent.size, sent.receivers), (7, 1), "the size is the content's bytes");
    let all = messages.send(message("a", "*", "to all")).await.unwrap();
    assert_eq!(all.receivers, 2, "all but the sender");
    messages.send(message("c", "b", "third")).await.unwrap();
    let page = messages.inbox("b", 0, 2).await.unwrap();
    assert_eq!((contents(&page), page.waiting, page.next), (vec!["grüße", "to all"], 3, all.seq));
    assert_eq!(page.messages[0].correlation_id.as_deref(), Some("q1"));
    assert_eq!(contents(&messages.inbox("b", page.next, 10).await.unwrap()), ["third"]);
    let done = messages.acknowledge("b", &[sent.id.clone(), "unknown".into()]).await.unwrap();
    assert_eq!((done.acknowledged, done.waiting), (1, 2));
    assert_eq!(messages.acknowledge("b", std::slice::from_ref(&sent.id)).await.unwrap().acknowledged, 0, "once");
    let deck = deck.again().await;
    let messages = Messages::start(&deck.setup);
    assert_eq!(contents(&messages.inbox("b", 0, 10).await.unwrap()), ["to all", "third"]);
    assert_eq!(contents(&messages.inbox("c", 0, 10).await.unwrap()), ["to all"]);
    assert!(messages.inbox("a", 0, 10).await.unwrap().messages.is_empty());
    assert_eq!(messages.acknowledge_up_to("b", all.seq).await.unwrap().acknowledged, 1);
    assert_eq!(messages.acknowledge_up_to("b", u64::MAX).await.unwrap().waiting, 0);
    assert_eq!(deck.hub.state().types["message.delivered"], 3);
    deck.hub.close().await;
}

#[tokio::test]
async fn messages_far_apart_in_the_log_are_found() {
    let deck = Deck::open();
    agents(&deck, &["b"]).await;
    let messages = Messages::start(&deck.setup);
    for n in 0..4 {
        messages.send(message("a", "b", &n.to_string())).await.unwrap();
        let noise: Vec<Draft> =
            (0..700).map(|_| Draft::new("x", Entity::new("x", "x"), crate::event::Body::custom("x.y"))).collect();
        deck.hub.append(noise).await.unwrap();
        messages.send(message("a", "b", &format!("{n}, again"))).await.unwrap();
    }
    let page = messages.inbox("b", 0, 100).await.unwrap();
    assert_eq!(contents(&page), ["0", "0, again", "1", "1, again", "2", "2, again", "3", "3, again"]);
    assert!(page.gone.is_empty());
    deck.hub.close().await;
}

#[tokio::test]
async fn who_waits_is_woken_by_a_message() {
    let deck = Deck::open();
    agents(&deck, &["a", "b"]).await;
    let messages = Messages::start(&deck.setup);
    assert!(messages.wait("b", 0, 10, Duration::from_millis(5)).await.unwrap().messages.is_empty());
    let waiting = {
        let messages = messages.clone();
        tokio::spawn(async move { messages.wait("b", 0, 10, Duration::from_secs(60)).await })
    };
    deck.eventually("it waits", || deck.hub.subscriptions() > 0).await;
    messages.send(message("b", "a", "not for b")).await.unwrap();
    messages.send(message("a", "b", "for b")).await.unwrap();
    assert_eq!(contents(&waiting.await.unwrap().unwrap()), ["for b"]);
    assert_eq!(deck.hub.subscriptions(), 0, "nobody is left behind");
    // The end of the deck answers who waits.
    let waiting = {
        let messages = messages.clone();
        tokio::spawn(async move { messages.wait("a", u64::MAX - 1, 10, Duration::from_secs(60)).await })
    };
    deck.eventually("it waits", || deck.hub.subscriptions() > 0).await;
    deck.setup.stopping.cancel();
    assert!(waiting.await.unwrap().unwrap().messages.is_empty());
    deck.hub.close().await;
}

#[tokio::test]
async fn the_same_id_is_the_same_message() {
    let deck = Deck::open();
    agents(&deck, &["a", "b"]).await;
    let messages = Messages::start(&deck.setup);
    let named = || NewMessage { id: Some("m1".into()), ..message("a", "b", "once") };
    let first = messages.send(named()).await.unwrap();
    let second = messages.send(named()).await.unwrap();
    assert_eq!((first.repeated, second.repeated, first.seq), (false, true, second.seq));
    assert_eq!(messages.inbox("b", 0, 10).await.unwrap().waiting, 1);
    deck.hub.close().await;
}

#[tokio::test]
async fn an_id_is_its_senders_however_long_their_names_are() {
    let deck = Deck::open();
    agents(&deck, &["b"]).await;
    let messages = Messages::start(&deck.setup);
    let id = "i".repeat(MAX_ID);
    let senders = ["a", "a:b", &"x".repeat(256), &format!("{}y", "x".repeat(255))].map(str::to_owned);
    let named = |from: &str, content: &str| NewMessage { id: Some(id.clone()), ..message(from, "b", content) };
    for from in &senders {
        assert!(!messages.send(named(from, from)).await.unwrap().repeated, "{from}");
    }
    assert_eq!(messages.inbox("b", 0, 10).await.unwrap().waiting, 4);
    let deck = deck.again().await;
    let messages = Messages::start(&deck.setup);
    for from in &senders {
        assert!(messages.send(named(from, from)).await.unwrap().repeated, "{from}");
        let refusal = messages.send(named(from, "another")).await.unwrap_err();
        assert_eq!(refusal.reason, Reason::Conflict, "{refusal}");
    }
    let refusal = messages.acknowledge("b", std::slice::from_ref(&id)).await.unwrap_err();
    assert!(refusal.reason == Reason::Conflict && refusal.detail.contains("4 messages are called"), "{refusal}");
    assert_eq!(messages.acknowledge_at("b", vec![3, 2, 2, 99]).await.unwrap().waiting, 2);
    assert_eq!(messages.acknowledge_up_to("b", 4).await.unwrap().waiting, 1);
    let once = messages.acknowledge("b", &[id.clone(), id]).await.unwrap();
    assert_eq!((once.acknowledged, once.waiting), (1, 0));
    deck.hub.close().await;
}

#[tokio::test]
async fn of_two_at_once_under_one_id_one_is_sent() {
    let deck = Deck::open();
    agents(&deck, &["b"]).await;
    let messages = Messages::start(&deck.setup);
    let named = |content: &str| messages.send(NewMessage { id: Some("m".into()), ..message("a", "b", content) });
    let (one, same, other) = tokio::join!(named("x"), named("x"), named("y"));
    let (one, same) = (one.unwrap(), same.unwrap());
    assert_eq!((one.repeated, same.repeated, one.seq), (false, true, same.seq));
    assert_eq!(other.unwrap_err().reason, Reason::Conflict);
    assert_eq!(contents(&messages.inbox("b", 0, 10).await.unwrap()), ["x"]);
    deck.hub.close().await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let deck = Deck::open();
    agents(&deck, &["b"]).await;
    let messages = Messages::start(&deck.setup);
    for (message, reason, detail) in [
        (message("a", "nobody", "x"), Reason::Missing, "no agent \"nobody\" is on the register"),
        (message("", "b", "x"), Reason::Invalid, "from: empty"),
        (message("*", "b", "x"), Reason::Invalid, "from: * means all and is no id"),
        (message("a", "b", &"x".repeat(MAX_CONTENT + 1)), Reason::TooLarge, "content: 32769 bytes, over the limit of 32768"),
        (
            NewMessage { id: Some("x".repeat(101)), ..message("a", "b", "x") },
            Reason::TooLarge,
            "id: 101 bytes, over the limit of 100",
        ),
    ] {
        let refusal = messages.send(message).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.detail.as_str()), (reason, detail));
    }
    let wrong = NewMessage { message_type: "shout".into(), ..message("a", "b", "x") };
    assert!(messages.send(wrong).await.unwrap_err().detail.starts_with("message_type: \"shout\" is not one of"));
    assert_eq!(messages.inbox("nobody", 0, 1).await.unwrap_err().reason, Reason::Missing);
    deck.hub.close().await;
}
