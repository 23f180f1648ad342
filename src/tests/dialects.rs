//! The dialects from outside: clients of all five systems at the addresses that they know.

mod attached;
mod client;
mod connections;
mod conversations;
mod crash;
mod crossing;
mod garbage;
mod load;
mod presence;
mod replay;
mod stalled;
