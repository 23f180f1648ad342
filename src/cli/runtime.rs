//! The threads of a server.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// A runtime whose threads run wherever the process may, whoever has them made: a busy lane keeps one
/// processor, and a thread begins where the one may run that makes it.
///
/// # Errors
/// The system's.
pub(super) fn start() -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all();
    #[cfg(target_os = "linux")]
    if let Ok(anywhere) = rustix::thread::sched_getaffinity(None) {
        builder.on_thread_start(move || {
            // Where the system does not let it choose, no lane chose either.
            let _refused = rustix::thread::sched_setaffinity(None, &anywhere);
        });
    }
    builder.build()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

    #[test]
    fn a_thread_made_by_one_that_keeps_its_processor_keeps_none() {
        let anywhere = sched_getaffinity(None).unwrap();
        let runtime = super::start().unwrap();
        let handle = runtime.handle().clone();
        let bound = std::thread::spawn(move || {
            let mut here = CpuSet::new();
            here.set(sched_getcpu());
            sched_setaffinity(None, &here).unwrap();
            handle.block_on(handle.spawn_blocking(|| sched_getaffinity(None).unwrap())).unwrap()
        });
        assert_eq!(bound.join().unwrap(), anywhere);
    }
}
